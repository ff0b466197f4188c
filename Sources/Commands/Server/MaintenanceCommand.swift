import Agent
import ArgumentParser
import Operations
import Records
import Storage
import SyncEngine
import WebServer

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

struct MaintenanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "maintenance",
        abstract: "Let the server take nothing in for a while; everybody is told until when.",
        subcommands: [On.self, Off.self])

    struct On: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Begin it, or say another end; it ends by itself.")

        @Option(help: "Its end: 18:00, 2026-12-24T18:00, 45min or 2h.")
        var until: String

        @Option(help: "What people are told.")
        var message: String?

        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let now = Surroundings.machine().now().wall
            guard let end = PauseTime(parsing: until, now: now, in: .current) else {
                throw Complaint(
                    .usage, "invalidTime",
                    "“\(until)” is no time to come: use 18:00, 2026-12-24T18:00, 45min or 2h.")
            }
            guard (message?.utf8.count ?? 0) <= Limits.maintenanceMessageByteCountMax else {
                throw Complaint(
                    .usage, "invalidConfiguration",
                    "A message has at most \(Limits.maintenanceMessageByteCountMax) bytes.")
            }
            let maintenance = Maintenance(
                since: now, until: end.instant,
                message: message.flatMap { $0.isEmpty ? nil : $0 })
            try await place.openDatabase().write { try maintenance.begin(in: $0) }
            if output.json {
                return try Output.json(["until": end.instant.milliseconds / 1_000])
            }
            Output.line(
                "The server takes nothing in until \(end.text). "
                    + "End it before with: martlet maintenance off")
        }
    }

    struct Off: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End it now.")

        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let now = Surroundings.machine().now().wall
            let was = try await place.openDatabase().write {
                try Maintenance.end(at: now, in: $0)
            }
            if output.json { return try Output.json(["ended": was]) }
            Output.line(
                was
                    ? "The server takes everything in again."
                    : "The server was not under maintenance.")
        }
    }
}
