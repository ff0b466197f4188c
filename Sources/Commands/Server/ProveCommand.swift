import Agent
import ArgumentParser
import Operations
import Records
import Status
import Storage
import WebServer

struct ProveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prove",
        abstract: "Try whether a backup restores, without touching the server.",
        discussion:
            "Its database is put back into a temporary folder and checked, and a gigabyte of "
            + "its objects, drawn at random, is read.")

    @Option(help: "The backup's folder, or s3://BUCKET[/PREFIX].")
    var from: String

    @OptionGroup var choice: BackupChoice

    @Flag(help: "Read every object.")
    var all = false

    @Option(help: "Where to put the database back for a while; by default in the server's folder.")
    var scratch: String?

    @OptionGroup var place: ServerPlaceOptions
    @OptionGroup var output: OutputOptions

    private struct Result: Encodable {
        let madeAt: Int64
        let restores: Bool
        let objects: Int
        let read: Int
        let readBytes: Int64
        let problems: [String]
    }

    func run() async throws {
        let data = try place.existingFolder()
        let database = try place.openDatabase()
        let backups = try place.backupPlace(from)
        let isTaken = try await Self.take(backups)
        let report: BackupProof.Report
        do {
            report = try await prove(backups, scratch: data, database, isTaken: isTaken)
        } catch {
            await backups.release()
            throw error
        }
        await backups.release()
        let time = EvidenceText.time(report.madeAt)
        if output.json {
            try Output.json(
                Result(
                    madeAt: report.madeAt.milliseconds / 1_000, restores: report.problems.isEmpty,
                    objects: report.objectCount, read: report.readCount,
                    readBytes: report.readByteCount, problems: report.problems))
        } else if report.problems.isEmpty {
            Output.line(
                "The backup of \(time) restores: its database is sound, all "
                    + "\(report.objectCount) objects are there, and \(report.readCount) of them "
                    + "(\(EvidenceText.bytes(report.readByteCount))) were read and are good.")
        } else {
            for problem in report.problems { Output.line("  \(problem)") }
        }
        guard report.problems.isEmpty else {
            throw Complaint(
                .incomplete, "backupProofFailed",
                "The backup of \(time) does not restore as it should: back up into a new folder on a "
                    + "sound disk, and prove that one.")
        }
    }

    private func prove(
        _ backups: any BackupPlace, scratch data: String, _ database: any Database, isTaken: Bool
    ) async throws -> BackupProof.Report {
        let proof = BackupProof(
            of: backups, madeAt: choice.madeAt,
            scratch: (scratch.map { DeviceHome.absolute($0) } ?? data) + "/martlet-proving",
            migrations: MartletServer.migrations,
            randomNumber: ServerSurroundings.system.randomNumber)
        var line = CopyingLine(isQuiet: output.json)
        let report = try await proof.run(readsAll: all) {
            line.show($0.done, of: $0.count, "objects", $0.copiedByteCount)
        }
        let now = ServerSurroundings.system.now()
        try await database.write { try LastProof.save(report, at: now, in: $0) }
        // For pruning; what cannot be written to is not pruned.
        if isTaken { try await Backups(backups).remember(report, at: now) }
        return report
    }

    /// Keeps backups off the place meanwhile; `false` where nothing can be written into it.
    private static func take(_ backups: any BackupPlace) async throws -> Bool {
        do {
            if try await backups.take(for: "a proof") { return true }
        } catch {
            guard error.code == .readOnly || error.code == .objectStoreRefused else { throw error }
            return false
        }
        throw Complaint(
            .tryAgain, "backupRuns", "A backup writes into \(backups.text): let it end.")
    }
}
