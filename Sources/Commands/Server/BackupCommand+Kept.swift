import ArgumentParser
import Operations
import Records
import Status
import Wire

extension BackupCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the backups of a folder or bucket, the newest last.")

        @Option(help: "The backup's folder, or s3://BUCKET[/PREFIX].")
        var from: String

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let backups = try await Backups(BackupCommand.place(from)).backups()
            if output.json { return try Output.json(["backups": backups.map(KeptBackup.init)]) }
            for backup in backups { Output.line(BackupCommand.line(backup)) }
        }
    }

    struct Prune: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove the backups that are not kept, and what only they have.")

        @Option(help: "The backup's folder, or s3://BUCKET[/PREFIX].")
        var from: String

        @Flag(help: "Say what would be removed, and remove nothing.")
        var dryRun = false

        @OptionGroup var keep: KeepOptions
        @OptionGroup var output: OutputOptions

        private struct Result: Encodable {
            let kept: [KeptBackup]
            let removed: [KeptBackup]
            let objects: Int
            let bytes: Int64
            let dryRun: Bool
        }

        func run() async throws {
            let place = try BackupCommand.place(from)
            let rule = try keep.rule()
            // Before a lock is made where there is no backup.
            _ = try await BackupManifest.read(in: place)
            let pruned = try await BackupCommand.holding(place, for: "pruning") {
                try await Backups(place).prune(by: rule, isDry: dryRun)
            }
            guard output.json else { return BackupCommand.show(pruned, isDry: dryRun) }
            try Output.json(
                Result(
                    kept: pruned.kept.map(KeptBackup.init),
                    removed: pruned.removed.map(KeptBackup.init), objects: pruned.objectCount,
                    bytes: pruned.objectByteCount, dryRun: dryRun))
        }
    }

    static func show(_ pruned: Backups.Pruned, isDry: Bool) {
        for backup in pruned.removed {
            Output.line((isDry ? "would go   " : "removed    ") + line(backup))
        }
        for backup in pruned.kept { Output.line("kept       " + line(backup)) }
        Output.line(
            "\(pruned.objectCount) objects that no kept backup names "
                + "(\(EvidenceText.bytes(pruned.objectByteCount))) "
                + (isDry ? "would go." : "are removed."))
    }

    static func line(_ backup: Backups.Kept) -> String {
        let manifest = backup.manifest
        let proof = backup.provenAt.map { ", proven on \(EvidenceText.time($0))" } ?? ""
        return "\(manifest.madeAt.milliseconds)  \(EvidenceText.time(manifest.madeAt))  "
            + "\(manifest.objectCount) objects, "
            + "\(EvidenceText.bytes(manifest.objectByteCount))\(proof)"
    }
}

/// One backup for programs.
private struct KeptBackup: Encodable {
    /// As `--backup` takes it.
    let backup: Int64
    let madeAt: Int64
    let objects: Int
    let bytes: Int64
    let missing: Int
    let provenAt: Int64?

    init(_ kept: Backups.Kept) {
        let manifest = kept.manifest
        backup = manifest.madeAt.milliseconds
        madeAt = manifest.madeAt.milliseconds / 1_000
        objects = manifest.objectCount
        bytes = manifest.objectByteCount
        missing = manifest.missing.count
        provenAt = kept.provenAt.map { $0.milliseconds / 1_000 }
    }
}
