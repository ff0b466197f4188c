import ArgumentParser
import Operations
import Records
import Status
import WebServer
import Wire

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy a server, running or not, into a folder on another disk, or a bucket.",
        discussion: """
            Run again, only what is new is copied. A bucket is s3://BUCKET[/PREFIX], with its key in \
            the environment, as that of --blobs.
            """,
        subcommands: [Make.self, List.self, Prune.self, Schedule.self],
        defaultSubcommand: Make.self)

    struct Make: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make one now, and remove those that are not kept; meant without its name.")

        @Option(help: "The backup's folder, made where it is not, or s3://BUCKET[/PREFIX].")
        var to: String

        @Flag(help: "Allow a folder on the server's own disk, or the bucket of its blobs.")
        var sameDisk = false

        @OptionGroup var keep: KeepOptions
        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        private struct Result: Encodable {
            let madeAt: Int64
            let epoch: Int64
            let objects: Int
            let bytes: Int64
            let copied: Int
            let copiedBytes: Int64
            let missing: [String]
            let kept: Int
            let removed: Int
        }

        func run() async throws {
            let rule = try keep.rule()
            _ = try place.existingFolder()
            let target = try place.backupPlace(to)
            let backup = Backup(
                of: try await place.serverPlace().backupSource(), to: target,
                version: MartletVersion.text, migrations: MartletServer.migrations,
                now: ServerSurroundings.system.now)
            try await backup.prepare(allowsSameDisk: sameDisk)
            var line = CopyingLine(isQuiet: output.json)
            let (report, pruned) = try await BackupCommand.holding(target, for: "a backup") {
                let report = try await backup.run {
                    line.show($0.done, of: $0.count, "objects", $0.copiedByteCount)
                }
                return (report, try await Backups(target).prune(by: rule))
            }
            try show(report, pruned)
            guard report.missing.isEmpty else {
                throw Complaint(
                    .incomplete, "objectsMissing",
                    "The server itself has lost \(report.missing.count) objects; all else is in "
                        + "the backup. Let devices that have them sync.")
            }
        }

        private func show(_ report: Backup.Report, _ pruned: Backups.Pruned) throws {
            if output.json {
                return try Output.json(
                    Result(
                        madeAt: report.madeAt.milliseconds / 1_000,
                        epoch: report.epoch.rawValue, objects: report.objectCount,
                        bytes: report.objectByteCount, copied: report.copiedCount,
                        copiedBytes: report.copiedByteCount, missing: report.missing.map(\.text),
                        kept: pruned.kept.count, removed: pruned.removed.count))
            }
            Output.line(
                "The backup of \(EvidenceText.time(report.madeAt)) is whole: "
                    + "\(report.objectCount) objects, "
                    + "\(EvidenceText.bytes(report.objectByteCount)); "
                    + "\(report.copiedCount) of them are new "
                    + "(\(EvidenceText.bytes(report.copiedByteCount))).")
            if !pruned.removed.isEmpty { BackupCommand.show(pruned, isDry: false) }
        }
    }
}

struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Put a backup into a server's place that is empty or damaged.",
        discussion: """
            The server must not run; a PostgreSQL database must be empty. Interrupted, it is run again.
            """)

    @Option(help: "The backup's folder, or s3://BUCKET[/PREFIX].")
    var from: String

    @OptionGroup var choice: BackupChoice

    @Flag(help: "Also where the folder has a database that can be read; it is kept aside.")
    var replace = false

    @OptionGroup var place: ServerPlaceOptions
    @OptionGroup var output: OutputOptions

    private struct Result: Encodable {
        let madeAt: Int64
        let epoch: Int64
        let copied: Int
        let copiedBytes: Int64
        let kept: Int
        let adopted: Int
        let missing: [String]
        let aside: String?
    }

    func run() async throws {
        var line = CopyingLine(isQuiet: output.json)
        let report = try await place.serverPlace().restore(
            from: place.backupPlace(from), madeAt: choice.madeAt, replaces: replace
        ) {
            line.show($0.done, of: $0.count, "objects", $0.copiedByteCount)
        }
        try show(report)
    }

    private func show(_ report: Restore.Report) throws {
        if output.json {
            try Output.json(
                Result(
                    madeAt: report.madeAt.milliseconds / 1_000, epoch: report.epoch.rawValue,
                    copied: report.copiedCount, copiedBytes: report.copiedByteCount,
                    kept: report.keptCount, adopted: report.adoptedCount,
                    missing: report.missing.map(\.text), aside: report.aside))
        } else {
            Output.line(
                "The server is as it was at \(EvidenceText.time(report.madeAt)): "
                    + "\(report.copiedCount) objects were copied, \(report.keptCount) were there.")
            if report.adoptedCount > 0 {
                Output.line("\(report.adoptedCount) newer objects were there and are kept.")
            }
            if let aside = report.aside { Output.line("What was replaced is in \(aside).") }
            Output.line(
                "Start it with martlet serve; devices compare, and send what it lacks by themselves."
            )
        }
        guard report.missing.isEmpty else {
            throw Complaint(
                .incomplete, "objectsMissing",
                "\(report.missing.count) objects are not in the backup: devices that have them send "
                    + "them again.")
        }
    }
}
