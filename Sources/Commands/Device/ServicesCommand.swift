import Agent
import ArgumentParser
import Records
import Status
import SyncEngine
import Wire

struct ServicesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "services",
        abstract: "Show the services of this device, and switch them on or off.",
        subcommands: [List.self, On.self, Off.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show which services this device syncs, and which devices do not.")

        @OptionGroup var output: OutputOptions

        private struct Service: Encodable {
            let service: String
            let on: Bool
            let since: Timestamp?
            /// Names of devices; `nil` when the server could not be asked.
            let offOn: [String]?
        }

        func run() async throws {
            let home = try DeviceContext.signedIn()
            let state = try ServiceSwitch(home).state()
            let others = try await othersOff(home)
            var since: Timestamp?
            if case .off(let time, _) = state { since = time }
            let services = ServiceName.allCases.map {
                Service(service: $0.rawValue, on: state.isOn, since: since, offOn: others)
            }
            try Output.list(services, output, empty: "There are no services.") { service in
                let time = service.since.map { " since \(EvidenceText.time($0))" } ?? ""
                return ["\(service.service): \(service.on ? "on" : "off")\(time)"]
                    + (service.offOn ?? []).map { "  off on \($0)" }
            }
        }

        /// What the account's other devices said last.
        private func othersOff(_ home: DeviceHome) async throws -> [String]? {
            let client = try DeviceContext.client(home)
            let result = await Result(of: { () async throws(RequestFailure) in
                try await client.devices()
            })
            await client.shutdown()
            let own = try home.configuration().device
            guard let devices = try? result.get().devices else { return nil }
            return devices.filter { device in
                device.id != own
                    && device.status?.reasons.contains { $0.code == .serviceOff } ?? false
            }.map(\.name)
        }
    }

    struct On: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sync a service on this device.",
            discussion: "What went from the library while it was off is fetched again.")

        @Argument(help: "photos.")
        var service: ServiceName

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let home = try DeviceContext.signedIn()
            try ServiceSwitch(home).set(service, isOn: true)
            let isTold = await DeviceContext.tell(home, .serviceChanged)
            if output.json {
                return try Output.json(SwitchResult(service: service.rawValue, on: true))
            }
            Output.line("\(service.title) is on.")
            if !isTold { Output.line("Next: martlet sync") }
        }
    }

    struct Off: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sync a service on this device no longer.",
            discussion: """
                Nothing of it is sent, fetched or deleted until it is on again. With --remove, \
                files leave this device that the server has just proven to have read back; \
                whatever it has not stays and is listed. Sources are never touched.
                """)

        @Argument(help: "photos.")
        var service: ServiceName

        @Flag(help: "Keep all files (this is what happens without it, too).")
        var keep = false

        @Flag(help: "Take away the library's files that the server has receipts for.")
        var remove = false

        @OptionGroup var output: OutputOptions

        func validate() throws {
            if keep, remove { throw ValidationError("--keep and --remove exclude each other.") }
        }

        func run() async throws {
            let home = try DeviceContext.signedIn()
            let library = try home.configuration().library
            let before = remove ? try LibraryRemoval.files(of: home) : []
            try ServiceSwitch(home).set(service, isOn: false, removing: remove)
            let isTold = await DeviceContext.tell(home, .serviceChanged)
            guard remove else {
                if output.json {
                    return try Output.json(SwitchResult(service: service.rawValue, on: false))
                }
                return Output.line("\(service.title) is off. Your files stay in \(library).")
            }
            try await ServiceSwitch(home).finishRemoval(agentRuns: isTold)
            let removal = LibraryRemoval(
                before: before, after: try LibraryRemoval.files(of: home))
            LibraryRemoval.tidy(library, isSignedOut: false)
            if output.json {
                try Output.json(
                    SwitchResult(
                        service: service.rawValue, on: false, removed: removal.removedCount,
                        kept: removal.kept.map { KeptFile($0, in: library) }))
            } else {
                Output.line("\(service.title) is off.")
                RemovalText.show(removal, in: library)
            }
            if !removal.kept.isEmpty { throw ExitCode(CommandStatus.incomplete.rawValue) }
        }
    }

    private struct SwitchResult: Encodable {
        let service: String
        let on: Bool
        var removed: Int?
        var kept: [KeptFile]?
    }
}

/// A service, as the command line names it.
enum ServiceName: String, CaseIterable, ExpressibleByArgument {
    case photos

    var title: String {
        switch self {
        case .photos: "Photos"
        }
    }

    /// Names with commas between them, or `none`.
    static func list(_ text: String) throws -> [ServiceName] {
        if text == "none" { return [] }
        return try text.split(separator: ",", omittingEmptySubsequences: false).map { name in
            guard let service = ServiceName(rawValue: String(name)) else {
                throw Complaint(
                    .usage, "unknownService", "photos is the only service of this version.")
            }
            return service
        }
    }
}

/// Switches a service in the device's database; the running agent is told by whoever calls.
struct ServiceSwitch {
    private let home: DeviceHome

    init(_ home: DeviceHome) { self.home = home }

    func state() throws -> ServiceState {
        try DeviceDatabase(home).read { (rows) throws(RowsError) in try rows.photosService() }
    }

    func set(_ service: ServiceName, isOn: Bool, removing: Bool = false) throws {
        let now = Surroundings.machine().now().wall
        try DeviceDatabase(home).writeDurably { (rows) throws(RowsError) in
            switch (try rows.photosService(), isOn) {
            case (.off, true): try rows.save(photosService: .returning)
            case (.on, true), (.returning, true): break
            case (.off(let since, _), false):
                try rows.save(photosService: .off(since: since, removes: removing))
            case (.on, false), (.returning, false):
                try rows.save(photosService: .off(since: now, removes: removing))
            }
        }
    }

    /// Waits until the running agent has let go of what is safe, or does it here.
    func finishRemoval(agentRuns: Bool) async throws {
        let surroundings = Surroundings.machine()
        var agentRuns = agentRuns
        while try state().isRemoving {
            guard agentRuns else {
                do throws(AgentError) {
                    try await remove()
                } catch {
                    guard error.code == .agentRuns else { throw error }
                }
                agentRuns = true
                continue
            }
            try await surroundings.sleep(.milliseconds(Limits.progressMilliseconds))
            guard let status = await ControlClient(home).ask(.status)?.status else {
                agentRuns = false
                continue
            }
            let hindrance = status.reasons.first {
                $0.code != .serviceOff
                    && ReasonTable.rule(of: $0.code)?.effect == .stopsEverything
                    || $0.code == .volumeMissing || $0.code == .libraryRestored
            }
            if let hindrance {
                throw Complaint(
                    .incomplete, hindrance.code.rawValue,
                    "Photos is off, and files stay for now: \(hindrance.message) The rest leaves "
                        + "by itself afterwards, while the device's agent runs.")
            }
        }
    }

    private func remove() async throws(AgentError) {
        let agent = try Agent(home: home, once: true)
        let outcome = try await agent.run()
        // Photos is off, so it never is in sync; whether all has left stands in the rows.
        let isDone = try DeviceDatabase(home).read { (rows) throws(RowsError) in
            try !rows.photosService().isRemoving
        }
        guard !isDone else { return }
        try await LibraryRemoval.expectDone(
            outcome, agent, otherwise: "leave them with martlet services off photos --keep")
    }
}
