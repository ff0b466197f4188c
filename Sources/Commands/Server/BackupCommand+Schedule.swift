import ArgumentParser
import Operations
import Records
import Status
import Storage
import WebServer
import Wire

extension BackupCommand {
    struct Schedule: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let the server make a backup by itself each night, or say how that goes.",
            discussion:
                "It also proves the newest each week, and prunes. Without --to it says what is "
                + "scheduled.")

        @Option(help: "The backup's folder, made where it is not, or s3://BUCKET[/PREFIX].")
        var to: String?

        @Option(help: "When, in the time of the server's machine.")
        var at = "03:00"

        @Flag(help: "Allow a folder on the server's own disk, or the bucket of its blobs.")
        var sameDisk = false

        @Flag(help: "Make none by itself any more.")
        var off = false

        @OptionGroup var keep: KeepOptions
        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        private struct Result: Encodable {
            let folder: String?
            let at: String?
            let keep: String?
            let lastAt: Int64?
            let failingSince: Int64?
            let error: String?
        }

        func run() async throws {
            guard to == nil || !off else {
                throw Complaint(
                    .usage, "invalidConfiguration", "--to and --off exclude each other.")
            }
            let database = try place.openDatabase()
            if off {
                try await database.write { try BackupSchedule.remove(in: $0) }
            } else if let to {
                let schedule = BackupSchedule(
                    folder: BackupCommand.placeText(to),
                    minute: try BackupSchedule.minute(parsing: at),
                    rule: try keep.rule(), allowsSameDisk: sameDisk)
                try await check(schedule)
                try await database.write { try schedule.save(in: $0) }
            }
            try show(try await database.read { try BackupSchedule.read(in: $0) })
        }

        /// What a backup would refuse is told at once.
        private func check(_ schedule: BackupSchedule) async throws {
            try await Backup(
                of: try await place.serverPlace().backupSource(),
                to: place.backupPlace(schedule.folder),
                version: MartletVersion.text, migrations: MartletServer.migrations,
                now: ServerSurroundings.system.now
            ).prepare(allowsSameDisk: schedule.allowsSameDisk)
        }

        private func show(_ schedule: BackupSchedule?) throws {
            if output.json {
                return try Output.json(
                    Result(
                        folder: schedule?.folder, at: schedule?.timeOfDay,
                        keep: schedule?.rule.text,
                        lastAt: schedule?.lastAt.map { $0.milliseconds / 1_000 },
                        failingSince: schedule?.failure.map { $0.since.milliseconds / 1_000 },
                        error: schedule?.failure?.cause))
            }
            guard let schedule else {
                return Output.line("The server makes no backup by itself: give --to.")
            }
            Output.line(
                "While it runs, the server makes a backup each day at \(schedule.timeOfDay) into "
                    + "\(schedule.folder) and keeps \(schedule.rule.text).")
            Output.line(
                schedule.lastAt.map { "The last one began on \(EvidenceText.time($0))." }
                    ?? "The first one begins as soon as it runs.")
            if let failure = schedule.failure {
                Output.line(
                    "It has failed since \(EvidenceText.time(failure.since)): \(failure.cause)")
            }
        }
    }
}
