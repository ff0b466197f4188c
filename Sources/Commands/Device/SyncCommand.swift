import Agent
import ArgumentParser
import Records
import Status
import SyncEngine

struct SyncCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync",
        abstract: "Sync this device, in the foreground, and go on with what changes.",
        discussion: "Ctrl-C stops it in good order; run again, it goes on where it was.")

    @Flag(help: "End when nothing more can be done.")
    var once = false

    @Flag(
        help: "Wait neither for what was to be tried again later, nor for power or a free network.")
    var now = false

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let home = try DeviceContext.signedIn()
        let status = try await syncOrJoin(home)
        if status != .inSync { throw ExitCode(status.rawValue) }
    }

    /// There is one agent for a device: this process becomes it, or shows what it does.
    ///
    /// When the other process ends, this one takes its place.
    private func syncOrJoin(_ home: DeviceHome) async throws -> CommandStatus {
        while true {
            let agent: Agent
            do throws(AgentError) {
                agent = try Agent(home: home, once: once)
            } catch {
                guard error.code == .agentRuns else { throw error }
                switch try await join(home, error) {
                case .agentEnded: continue
                case .done(let status): return status
                }
            }
            return try await sync(agent)
        }
    }

    private func sync(_ agent: Agent) async throws -> CommandStatus {
        if now { agent.ask(.syncNow) }
        let outcome = try await StopSignals.handled(by: { agent.stop() }) {
            try await runShowingProgress(agent)
        }
        let status = try await agent.status()
        try show(status)
        return outcome.map(CommandStatus.init)
            ?? (status.state == .upToDate ? .inSync : .incomplete)
    }

    private func show(_ status: LibraryStatus) throws {
        if output.json { return try Output.json(StatusJSON(status)) }
        for line in StatusText.lines(status) { Output.line(line) }
    }

    private func runShowingProgress(_ agent: Agent) async throws -> Outcome? {
        let (isTerminal, isQuiet) = (Output.isTerminal, output.json)
        let shown = Task {
            var display = ProgressDisplay(isTerminal: isTerminal, isQuiet: isQuiet)
            let surroundings = Surroundings.machine()
            let pause =
                isTerminal ? Limits.progressMilliseconds : Limits.plainProgressMilliseconds
            while !Task.isCancelled {
                do { try await surroundings.sleep(.milliseconds(pause)) } catch { break }
                guard let status = try? await agent.status() else { break }
                display.show(status, uptime: surroundings.now().uptime)
            }
            display.clear()
        }
        let result = await Result(of: { () async throws(AgentError) in try await agent.run() })
        shown.cancel()
        await shown.value
        return try result.get()
    }

    private enum Joined {
        case done(CommandStatus)
        case agentEnded
    }

    /// Another process is this device's agent: it is asked to compare, and its progress is shown.
    private func join(_ home: DeviceHome, _ problem: AgentError) async throws -> Joined {
        let client = ControlClient(home)
        let surroundings = Surroundings.machine()
        guard await client.ask(now ? .syncNow : .compareAll) != nil else {
            // It has just begun, or is just ending.
            for _ in 0..<Limits.agentAnswerTries {
                try await surroundings.sleep(.milliseconds(Limits.progressMilliseconds))
                if await client.ask(.status) != nil { return .agentEnded }
                if AgentLock.isFree(home) { return .agentEnded }
            }
            throw problem
        }
        if !output.json { Output.line(problem.message + " This is its progress:") }
        var display = ProgressDisplay(isTerminal: Output.isTerminal, isQuiet: output.json)
        let isStopped = StopFlag()
        let last =
            try await StopSignals.handled(by: { isStopped.set() }) {
                var (last, quietCount): (LibraryStatus?, Int) = (nil, 0)
                while !isStopped.isSet {
                    try await surroundings.sleep(.milliseconds(Limits.progressMilliseconds))
                    guard let status = await client.ask(.status)?.status else { return nil }
                    display.show(status, uptime: surroundings.now().uptime)
                    // Two quiet answers in a row: the comparison that was asked for has begun before.
                    quietCount = Self.isQuiet(status) ? quietCount + 1 : 0
                    last = status
                    if once && quietCount >= 2 { break }
                }
                return last
            } as LibraryStatus?
        display.clear()
        guard let last else { return isStopped.isSet ? .done(.incomplete) : .agentEnded }
        try show(last)
        return .done(CommandStatus(last))
    }

    private static func isQuiet(_ status: LibraryStatus) -> Bool {
        switch status.state {
        case .upToDate, .waiting, .paused, .attention:
            status.counts.uploading == 0 && status.counts.downloading == 0
        case .updating, .syncing, .downloading, .uploading: false
        }
    }
}
