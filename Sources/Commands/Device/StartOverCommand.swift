import Agent
import ArgumentParser
import Examinations
import Records
import Status
import SyncEngine

/// Rung 8 of the remedies: only while nothing could be lost.
struct StartOverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start-over",
        abstract: "Let the originals go and fetch them again; refused while one is unproven.",
        discussion: """
            The server is asked to read back its copy of every original of this device's library. \
            Without --yes it says what came of that and changes nothing. Files that Martlet does \
            not sync stay, and sources are never touched.
            """)

    @Flag(help: "Do it, if every original is proven.")
    var yes = false

    @OptionGroup var output: OutputOptions

    private struct Result: Encodable {
        let originals: Int
        let bytes: Int64
        let unproven: [KeptFile]
        let startedOver: Bool
    }

    func run() async throws {
        let home = try DeviceContext.signedIn()
        let library = try home.configuration().library
        let service = ServiceSwitch(home)
        guard try service.state().isOn else {
            throw Complaint(
                .incomplete, ReasonCode.serviceOff.rawValue,
                "Photos is off on this device: run martlet services on photos first.")
        }
        let look = try await StartingOver.look(Question(home: home))
        if !look.unproven.isEmpty {
            try show(look, in: library, startedOver: false)
            throw ExitCode(CommandStatus.incomplete.rawValue)
        }
        guard yes else { return try show(look, in: library, startedOver: false) }
        try service.set(.photos, isOn: false, removing: true)
        let agentRuns = await DeviceContext.tell(home, .serviceChanged)
        // However it ends, the service is on again, and what has left comes back.
        let removal = await Swift.Result(of: { () async throws(any Error) in
            try await service.finishRemoval(agentRuns: agentRuns)
        })
        try service.set(.photos, isOn: true)
        let isTold = await DeviceContext.tell(home, .serviceChanged)
        try removal.get()
        try show(look, in: library, startedOver: true)
        if !output.json {
            Output.line(
                isTold
                    ? "They are fetched again: martlet status shows how far that is."
                    : "Next: martlet sync, which fetches them again.")
        }
    }

    private func show(_ look: StartingOver, in library: String, startedOver: Bool) throws {
        if output.json {
            return try Output.json(
                Result(
                    originals: look.count, bytes: look.byteCount,
                    unproven: look.unproven.map { KeptFile($0, in: library) },
                    startedOver: startedOver))
        }
        let all = "\(EvidenceText.items(look.count)) (\(EvidenceText.bytes(look.byteCount)))"
        if !look.unproven.isEmpty {
            Output.line(
                "Not done: of \(all) in \(library), \(look.unproven.count) would be lost, because "
                    + "the server has no proof of them:")
            RemovalText.list(look.unproven)
            return Output.line("Nothing was changed. Let them sync first: martlet status.")
        }
        Output.line(
            "The server has just read back its copies of all originals in \(library): \(all).")
        Output.line(
            startedOver
                ? "They have left this device."
                : "Nothing would be lost. Run it with --yes: they leave this device and are "
                    + "fetched again, which takes as long as a first sync.")
    }
}
