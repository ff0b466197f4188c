import Agent
import ArgumentParser
import Operations
import Records
import Status
import Storage
import WebServer

struct ManifestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manifest",
        abstract: "Write the names of all originals beside the objects, now.",
        discussion: "A running server does it each night; martlet recover reads it.")

    @OptionGroup var place: ServerPlaceOptions
    @OptionGroup var output: OutputOptions

    private struct Result: Encodable {
        let path: String
        let accounts: Int
        let files: Int
        let bytes: Int64
        let unreadable: Int
    }

    func run() async throws {
        let folder = DataFolder(
            path: try place.existingFolder(), database: try place.databasePlace())
        let database = try folder.openAnyDatabase()
        let blobs = try place.blobsPlace()
        try await blobs.checkKeys(in: database)
        let header = try await folder.manifestWriter(
            database, DataFolder.kernel(.system), blobs: blobs, .system
        ).write()
        if output.json {
            try Output.json(
                Result(
                    path: folder.manifest, accounts: header.accounts, files: header.files,
                    bytes: header.byteCount, unreadable: header.unreadable))
        } else {
            Output.line(
                "\(folder.manifest) names \(EvidenceText.items(header.files)) of "
                    + "\(header.accounts) accounts, \(EvidenceText.bytes(header.byteCount)).")
        }
        guard header.unreadable == 0 else {
            throw Complaint(
                .incomplete, "recordsDamaged",
                "\(header.unreadable) records cannot be read: their files are not named.")
        }
    }
}

struct RecoverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover",
        abstract: "Copy all originals out of a server's folder, without its database.",
        discussion: "By the manifest in it; nothing is overwritten. Interrupted, it is run again.")

    @Argument(help: "The server's folder, or what is left of it.")
    var data: String

    @Argument(help: "The folder to copy into, as ACCOUNT/YYYY/MM/NAME; made where it is not.")
    var out: String

    @Option(help: "Only the files of this account.")
    var account: String?

    @OptionGroup var output: OutputOptions

    private struct Result: Encodable {
        let manifest: String
        let madeAt: Int64?
        let copied: Int
        let copiedBytes: Int64
        let there: Int
        let unnamed: Int
        let missing: [String]
        let damaged: [String]
    }

    func run() async throws {
        if data.hasPrefix("s3://") {
            throw Complaint(
                .usage, "blobsInBucket",
                "martlet recover reads directories only: copy the bucket's objects by the store's "
                    + "own means, and see “Blobs in a bucket” in Documentation/operations.md.")
        }
        let folder = DataFolder(path: DeviceHome.absolute(data))
        let target = DeviceHome.absolute(out)
        let recovery = Recovery(from: folder.recoverySource, to: target, account: account)
        try recovery.prepare()
        let lock = try Self.lock(recovery.staging, target)
        var line = CopyingLine(isQuiet: output.json)
        let report = try recovery.run {
            line.show($0.done, of: $0.count, "files", $0.copiedByteCount)
        }
        try? PlainFiles.remove(recovery.staging + ".lock")
        withExtendedLifetime(lock) {}
        try show(report, target)
        try complain(report)
    }

    private static func lock(_ staging: String, _ target: String) throws -> DataFolderLock {
        do {
            let lock = try DataFolderLock(path: staging + ".lock")
            lock.describe("a recovery")
            return lock
        } catch {
            guard error.code == .dataFolderInUse else { throw error }
            throw Complaint(
                .tryAgain, "recoveryRuns", "Another recovery writes into \(target): let it end.")
        }
    }

    private func show(_ report: RecoveryReport, _ target: String) throws {
        if output.json {
            return try Output.json(
                Result(
                    manifest: Self.word(report.names),
                    madeAt: report.madeAt.map { $0.milliseconds / 1_000 },
                    copied: report.copiedCount, copiedBytes: report.copiedByteCount,
                    there: report.thereCount, unnamed: report.unnamedCount,
                    missing: report.missing, damaged: report.damaged))
        }
        for path in report.missing { Output.line("missing: \(path)") }
        for path in report.damaged { Output.line("damaged: \(path)") }
        Output.line(
            "Copied into \(target): \(Self.files(report.copiedCount)), "
                + "\(EvidenceText.bytes(report.copiedByteCount)). There already: "
                + "\(Self.files(report.thereCount)).")
        if report.unnamedCount > 0 {
            Output.line(
                "Without a name but its digest, in \(target)/\(Recovery.unnamed): "
                    + "\(Self.files(report.unnamedCount)).")
        }
        if let madeAt = report.madeAt {
            Output.line(
                "The names are those of \(EvidenceText.time(madeAt)); what came later has none "
                    + "here.")
        }
    }

    private static func files(_ count: Int) -> String { count == 1 ? "1 file" : "\(count) files" }

    private static func word(_ names: RecoveryReport.Names) -> String {
        switch names {
        case .whole: "whole"
        case .damaged: "damaged"
        case .absent: "absent"
        }
    }

    private func complain(_ report: RecoveryReport) throws {
        var sentences: [String] = []
        switch report.names {
        case .whole: break
        case .damaged(let why):
            sentences.append(
                "The manifest is damaged (\(why)): "
                    + (account.map { "files of \($0) may be left out." }
                        ?? "what it does not name was recovered by its digest."))
        case .absent:
            sentences.append(
                "There is no manifest: every object was recovered, thumbnails and what was deleted "
                    + "lately too, by its digest.")
        }
        let (missing, damaged) = (report.missing.count, report.damaged.count)
        if missing > 0 { sentences.append("No object is left of \(Self.files(missing)).") }
        if damaged > 0 {
            sentences.append(
                "The object is not what it was, and was not copied, of \(Self.files(damaged)).")
        }
        guard !sentences.isEmpty else { return }
        throw Complaint(.incomplete, "recoveryIncomplete", sentences.joined(separator: " "))
    }
}
