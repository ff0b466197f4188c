import Library
import Records
package import Status
package import SyncEngine
import Synchronization
import Wire

/// The running device: engine, rows, disk and network put together.
///
/// One agent runs for each MARTLET_HOME. It ends by itself only with `once`, or when a newer Martlet
/// owns its database; `stop` ends it in good order at any time, and after a kill the next one goes
/// on from its rows. A database that fails (its disk is full, it is damaged) ends only the engine's
/// life: the agent says so, waits, and begins the next life from the rows, as after a crash.
package final class Agent: Sendable {
    private struct State {
        var life: AgentLife?
        /// What the last process was reading when it crashed; told to the first life.
        var crashed: [CrashedReading] = []
        var hold: AgentHold?
        var commands: [Command] = []
        var isStopped = false
        /// Another process is about to move the library.
        var isMoving = false
        /// No engine runs, because the library is being moved.
        var isSuspended = false
    }

    package let configuration: DeviceConfiguration
    private let home: DeviceHome
    let lock: AgentLock
    private let parts: AgentLife.Parts
    private let state = Mutex(State())
    private let surroundings: Surroundings

    /// Throws `notSignedIn`, `agentRuns` and what makes its files unusable.
    ///
    /// `removesOriginals`: it only lets go of what is safe in the cloud, and ends.
    package init(
        home: DeviceHome, once: Bool, removesOriginals: Bool = false,
        surroundings: Surroundings = .machine()
    ) throws(AgentError) {
        self.home = home
        self.surroundings = surroundings
        configuration = try home.configuration()
        let address = try ServerAddress(parsing: configuration.server)
        let token = try home.token()
        let trusted = home.trustedFiles()
        lock = try AgentLock(home, since: surroundings.now().wall)
        home.endSigningOut()
        let limits = TransferLimits(
            upload: RateLimit(surroundings), download: RateLimit(surroundings))
        let policies = try PolicySource(PolicyFile(home)) { policies in
            limits.upload?.use(policies.uploadBytesPerSecond)
            limits.download?.use(policies.downloadBytesPerSecond)
        }
        parts = AgentLife.Parts(
            home: home, client: ServerClient(address: address, token: token, trusting: trusted),
            events: once
                ? nil
                : ServerClient(
                    address: address, token: token, trusting: trusted, isEventStream: true),
            surroundings: surroundings, library: configuration.library, once: once,
            removesOriginals: removesOriginals, policies: policies, limits: limits,
            marks: ReadingMarks(path: home.readingPath))
        state.withLock { $0.crashed = parts.marks?.crashed ?? [] }
    }

    /// Runs until it has finished; `nil` when it was stopped.
    package func run() async throws(AgentError) -> Outcome? {
        let control = ControlServer(home: home) { [weak self] request in
            await self?.answer(request) ?? ControlReply(problem: "The agent is stopping.")
        }
        let result = await Result(of: { () async throws(RowsError) in try await live() })
        control?.stop()
        await parts.client.shutdown()
        await parts.events?.shutdown()
        do { return try result.get() } catch { throw AgentError(rows: error) }
    }

    /// Ends `run` soon, in good order.
    package func stop() {
        state.withLock { state in
            state.isStopped = true
            return state.life
        }?.stop()
    }

    package func status() async throws(AgentError) -> LibraryStatus {
        let (life, hold) = state.withLock { ($0.life, $0.hold) }
        if let hold { return hold.status(surroundings) }
        guard let life else {
            var status = try DeviceDatabase(home).observedStatus(surroundings)
            status.reasons.removeAll { $0.code == .agentNotRunning }
            status.state = LibraryState(of: status.reasons, at: surroundings.now().wall)
            return status
        }
        do { return try await life.status() } catch { throw AgentError(rows: error) }
    }

    private func story(_ name: String) async throws(AgentError) -> ItemStory? {
        guard let life = state.withLock({ $0.life }) else {
            return try DeviceDatabase(home).observedStory(of: name, surroundings)
        }
        do { return try await life.story(of: name) } catch { throw AgentError(rows: error) }
    }

    /// Asks the engine; before it runs the command is kept for it.
    package func ask(_ command: Command) {
        state.withLock { state in
            if state.life == nil { state.commands.append(command) }
            return state.life
        }?.post(.command(command))
    }

    // MARK: Lives

    /// One life after the other.
    private func live() async throws(RowsError) -> Outcome? {
        var isSuspicious = !lock.endedInGoodOrder
        var pause = Limits.heldCheckMilliseconds
        while !state.withLock({ $0.isStopped }) {
            await waitWhileLibraryMoves()
            let began = surroundings.now().uptime
            do throws(RowsError) {
                let outcome = try await runLife(isSuspicious: isSuspicious)
                guard outcome == nil, letsGoOfLife() else { return outcome }
                isSuspicious = false
                continue
            } catch {
                if error.code == .newerVersion { throw error }
                if error.code == .damaged {
                    DatabaseDamage.note(error.cause, of: home.databasePath)
                }
                hold(error)
            }
            if parts.once { return .incomplete }
            await waitUntilCleared(pause)
            isSuspicious = true
            // Lives that fail soon after they began come less and less often.
            let lasted = surroundings.now().uptime - began - pause
            pause =
                lasted < Limits.heldCheckMillisecondsMax
                ? min(pause * 2, Limits.heldCheckMillisecondsMax) : Limits.heldCheckMilliseconds
        }
        return nil
    }

    private func runLife(isSuspicious: Bool) async throws(RowsError) -> Outcome? {
        var parts = parts
        parts.library = (try? home.configuration().library) ?? parts.library
        let life = try AgentLife(parts, suspicious: isSuspicious)
        if isSuspicious { lock.noteCheck() }
        let (isStopped, commands) = state.withLock { state in
            (state.life, state.hold) = (life, nil)
            defer { state.commands = [] }
            return (state.isStopped, state.commands)
        }
        if isStopped { return nil }
        let crashed = state.withLock { state in
            defer { state.crashed = [] }
            return state.crashed
        }
        return try await life.run(commands, crashed: crashed)
    }

    /// Lets go of the life and its database, and keeps why.
    private func hold(_ error: RowsError) {
        let hold = AgentHold(error: error, since: surroundings.now().wall, home: home)
        state.withLock { state in
            let since = state.hold?.error.code == error.code ? state.hold?.since : nil
            state.life = nil
            state.hold = AgentHold(error: error, since: since ?? hold.since, home: home)
        }
    }

    /// Waits at least `pause`; meanwhile the server is told now and then.
    private func waitUntilCleared(_ pause: Int64) async {
        var (waited, reportAt): (Int64, Int64) = (0, 0)
        while let hold = state.withLock({ $0.isStopped ? nil : $0.hold }) {
            if waited >= pause, hold.mayHaveCleared { return }
            if waited >= reportAt {
                reportAt += Limits.heldReportMilliseconds
                let status = hold.status(surroundings)
                Task { [parts, configuration] in
                    await RequestPerformer.report(status, of: configuration.device, parts.client)
                }
            }
            let step = Limits.heldCheckMilliseconds / 10
            do { try await surroundings.sleep(.milliseconds(step)) } catch { return }
            waited += step
        }
    }

    // MARK: Other processes

    private func answer(_ request: ControlRequest) async -> ControlReply {
        do throws(AgentError) {
            switch request.ask {
            case .status: break
            case .compareAll: ask(.compareAll)
            case .retryNow: ask(.retryNow)
            case .userDecided: ask(.userDecided)
            case .choicesChanged: ask(.choicesChanged)
            case .rootsChanged: try await rootsChanged()
            case .signedIn: try signedIn()
            case .libraryMoves: try await suspend()
            case .openStates:
                var reply = ControlReply(status: try await status())
                let life = state.withLock { $0.life }
                let states = await life?.openStates() ?? [:]
                reply.states = Dictionary(
                    uniqueKeysWithValues: states.map { ($0.key.text, $0.value) })
                return reply
            case .why:
                return ControlReply(
                    status: try await status(), story: try await story(request.about ?? ""))
            case .pauseChanged: ask(.pauseChanged)
            case .serviceChanged: ask(.serviceChanged)
            case .policiesChanged: state.withLock { $0.life }?.readConditions()
            case .syncNow: ask(.syncNow)
            case .libraryAccepted: ask(.libraryAccepted)
            }
            return ControlReply(status: try await status())
        } catch {
            return ControlReply(problem: error.message)
        }
    }

    private func rootsChanged() async throws(AgentError) {
        guard let life = state.withLock({ $0.life }) else { return }
        do { try await life.rootsChanged() } catch { throw AgentError(rows: error) }
    }

    /// Returns when no engine runs; the next one begins when nobody moves the library any more.
    private func suspend() async throws(AgentError) {
        let problem = AgentError(.agentRuns, "The agent cannot let go of its library now.")
        guard !MoveLock.isFree(home) else { throw problem }
        while true {
            let (life, isSuspended, isOver) = state.withLock { state in
                state.isMoving = true
                return (state.life, state.isSuspended, state.isStopped || state.hold != nil)
            }
            if isSuspended { return }
            if isOver || MoveLock.isFree(home) { throw problem }
            life?.stop()
            do { try await surroundings.sleep(.milliseconds(20)) } catch { throw problem }
        }
    }

    /// `false`: it was not stopped for the library's move.
    private func letsGoOfLife() -> Bool {
        state.withLock { state in
            guard state.isMoving, !state.isStopped else { return false }
            state.life = nil
            return true
        }
    }

    /// What a move left between two steps is finished before the next life begins.
    private func waitWhileLibraryMoves() async {
        while !MoveLock.isFree(home), !state.withLock({ $0.isStopped }) {
            state.withLock { $0.isSuspended = true }
            let step = Limits.heldCheckMilliseconds / 10
            do { try await surroundings.sleep(.milliseconds(step)) } catch { break }
        }
        state.withLock { ($0.isMoving, $0.isSuspended) = (false, false) }
        try? LibraryMove.finishInterrupted(home)
    }

    /// Takes the renewed secret, and goes on at once with what it was refused.
    private func signedIn() throws(AgentError) {
        let token = try home.token()
        parts.client.use(token)
        parts.events?.use(token)
        ask(.rootsChanged)
        ask(.retryNow)
    }
}

extension Result {
    /// What `body` returned or threw, kept for after some tidying up.
    package init(of body: () async throws(Failure) -> Success) async {
        do throws(Failure) { self = .success(try await body()) } catch { self = .failure(error) }
    }
}

extension AgentError {
    init(rows error: RowsError) {
        let code: Code =
            switch error.code {
            case .damaged: .databaseDamaged
            case .diskFull: .diskFull
            case .unavailable: .homeUnusable
            case .newerVersion: .databaseFromNewerVersion
            }
        let remedy =
            error.code == .damaged
            ? " Run martlet doctor --fix, or martlet login again: it keeps the damaged one aside and "
                + "begins a new one." : ""
        self.init(code, error.message + remedy, cause: error)
    }

    package init(_ failure: RequestFailure) {
        let code: Code =
            switch failure {
            case .signInNeeded: .signInNeeded
            case .unreachable, .timedOut, .interrupted, .retryLater, .maintenance,
                .serverStorageFull:
                .serverUnreachable
            case .digestMismatch: .digestMismatch
            case .disk(.noSpace): .diskFull
            case .disk, .fileChanged, .fileUnreadable: .fileUnusable
            default: .refused
            }
        self.init(code, failure.sentence, cause: failure)
    }
}
