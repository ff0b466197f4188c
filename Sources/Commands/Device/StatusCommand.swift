import Agent
import ArgumentParser
import Records
import Status
import SyncEngine

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Say what is in sync, what waits, why, and what will clear it.")

    @Flag(help: "Go on: a live view on a terminal, elsewhere every change.")
    var watch = false

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let home: DeviceHome
        do {
            home = try DeviceContext.signedIn()
        } catch let error as AgentError where error.code == .notSignedIn {
            let reason = Reason(.signedOut, since: Surroundings.machine().now().wall)
            try show(LibraryStatus(state: .attention, reasons: [reason]))
            throw ExitCode(CommandStatus.signInNeeded.rawValue)
        }
        guard watch else { return try show(try await Self.status(of: home)) }
        let surroundings = Surroundings.machine()
        let isStopped = StopFlag()
        try await StopSignals.handled(by: { isStopped.set() }) {
            var (last, view): (LibraryStatus?, StatusView) = (nil, StatusView())
            while !isStopped.isSet {
                let status = try await Self.status(of: home)
                if !output.json && Output.isTerminal {
                    let size = StatusView.terminalSize
                    let lines = StatusText.lines(status)
                    Output.raw(view.frame(lines, columns: size.columns, rows: size.rows))
                } else if status != last {
                    try show(status)
                }
                last = status
                try await surroundings.sleep(.milliseconds(Limits.progressMilliseconds))
            }
        }
    }

    /// The running agent's own answer; without one, what the device's rows say.
    static func status(of home: DeviceHome) async throws -> LibraryStatus {
        if let status = await ControlClient(home).ask(.status)?.status { return status }
        return try DeviceDatabase(home).observedStatus()
    }

    private func show(_ status: LibraryStatus) throws {
        if output.json { return try Output.json(StatusJSON(status)) }
        for line in StatusText.lines(status) { Output.line(line) }
    }
}
