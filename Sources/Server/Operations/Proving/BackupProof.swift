import Kernel
package import Records
import Status
package import Storage

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Tries whether a backup would restore, beside the server and without touching it.
///
/// - Its database is put back into a temporary folder, opened as a server opens it, checked page by
///   page, and compared with the manifest: server, epoch, zones, every object.
/// - Every object of the list must be in the folder with its size; a sample drawn at random, or all of
///   them, are read from the medium and hashed.
/// - It goes on after a problem, so that one look names them all.
package struct BackupProof: Sendable {
    package struct Report: Hashable, Sendable {
        package var madeAt = Timestamp(milliseconds: 0)
        package var objectCount = 0
        package var readCount = 0
        package var readByteCount: Int64 = 0
        /// Sentences without a full stop; none for a backup that restores.
        package var problems: [String] = []
    }

    private let folder: String
    private let madeAt: Timestamp?
    private let scratch: String
    private let migrations: [Migration]
    private let randomNumber: @Sendable () -> UInt64

    /// The newest backup in the folder, unless `madeAt` says which; `scratch` is a folder of the
    /// proof's own: made, and removed at the end.
    package init(
        of folder: String, madeAt: Timestamp? = nil, scratch: String, migrations: [Migration],
        randomNumber: @escaping @Sendable () -> UInt64
    ) {
        self.folder = folder
        self.madeAt = madeAt
        self.scratch = scratch
        self.migrations = migrations
        self.randomNumber = randomNumber
    }

    /// Throws `BackupError` `notABackup`, and `StorageError` for what says nothing of the backup, such
    /// as a full disk.
    ///
    /// Blocks.
    package func run(
        readsAll: Bool, _ progress: (Backup.Progress) -> Void
    ) async throws -> Report {
        let manifest = try BackupManifest.read(in: folder, madeAt: madeAt)
        try? FileManager.default.removeItem(atPath: scratch)
        try FileManager.default.createDirectory(
            atPath: scratch, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        var report = Report()
        report.madeAt = manifest.madeAt
        let objects = try list(manifest, &report)
        try await proveDatabase(manifest, objects, &report)
        try proveObjects(objects, readsAll: readsAll, &report, progress)
        return report
    }

    // MARK: - The list

    private func list(
        _ manifest: BackupManifest, _ report: inout Report
    ) throws -> [BackupObject] {
        guard try isAsWritten(manifest.list) else {
            report.problems.append("\(manifest.list.name) is not what the backup says")
            return []
        }
        let bytes = try PlainFiles.read(
            folder + "/" + manifest.list.name, byteCountMax: Int(manifest.list.byteCount))
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        let objects = lines.compactMap { BackupObject(line: $0) }
        if objects.count != lines.count || objects.count != manifest.objectCount {
            report.problems.append("\(manifest.list.name) cannot be understood")
        }
        report.objectCount = objects.count
        return objects
    }

    private func isAsWritten(_ file: BackupManifest.File) throws -> Bool {
        do throws(StorageError) {
            return try PlainFiles.digest(folder + "/" + file.name) == (file.digest, file.byteCount)
        } catch {
            guard Self.isOfTheBackup(error) else { throw error }
            return false
        }
    }

    /// Whether the backup is bad, and not what it is tried with.
    private static func isOfTheBackup(_ error: StorageError) -> Bool {
        [.objectNotFound, .inputOutput, .damaged, .notOurDatabase].contains(error.code)
    }

    // MARK: - The database

    private func proveDatabase(
        _ manifest: BackupManifest, _ objects: [BackupObject], _ report: inout Report
    ) async throws {
        guard try isAsWritten(manifest.database) else {
            report.problems.append("\(manifest.database.name) is not what the backup says")
            return
        }
        let free = try PlainFiles.freeByteCount(scratch)
        guard free > manifest.database.byteCount * 2 + Limits.diskReserveByteCount else {
            throw StorageError(
                .diskFull,
                "Putting the backup's database back takes "
                    + "\(manifest.database.byteCount * 2) bytes, and \(free) are free where "
                    + "\(scratch) lies: free some space, or name another folder by --scratch.")
        }
        let path = scratch + "/database.sqlite"
        let copies = try FileCopies(staging: scratch + "/incoming")
        let copy = try copies.stage(folder + "/" + manifest.database.name, as: 0, for: path)
        try copies.settle([copy.staged])
        try copies.end()
        do {
            // As the server that is restored opens it, with the steps that a newer one takes.
            try SQLiteDatabase(path: path, migrations: migrations).close()
            let damage = try await SQLiteReader(path: path, migrations: migrations)
                .damage(limit: Limits.proofDamageMax)
            report.problems += damage.map { "the database fails its own check: \($0)" }
            try SQLiteSnapshot.read(path) { transaction in
                try compare(transaction, manifest, objects, &report)
            }
        } catch let error as StorageError {
            guard error.code != .diskFull else { throw error }
            report.problems.append("the database cannot be opened: \(error.message.asCause)")
        } catch let error as BackupError {
            report.problems.append(error.message.asCause)
        }
    }

    private func compare(
        _ transaction: any Transaction, _ manifest: BackupManifest, _ objects: [BackupObject],
        _ report: inout Report
    ) throws {
        let state = try SnapshotState(in: transaction)
        if state.server != manifest.server || state.epoch != manifest.epoch {
            report.problems.append("the database is of another server or epoch than the manifest")
        }
        let heads = Dictionary(manifest.zones.map { ($0.zone, $0.head) }) { first, _ in first }
        if state.heads != heads {
            report.problems.append("the zones of the database are not those of the manifest")
        }
        var known = Dictionary(objects.map { ($0.digest, $0.byteCount) }) { first, _ in first }
        let missing = Set(manifest.missing)
        var lackingCount = 0
        try transaction.forEachRow("SELECT digest, byteCount FROM object", []) { row in
            guard let digest = row.optionalDigest(0) else {
                lackingCount += 1
                return true
            }
            if known.removeValue(forKey: digest) != row.integer(1), !missing.contains(digest) {
                lackingCount += 1
            }
            return true
        }
        if lackingCount > 0 {
            report.problems.append("the list lacks \(lackingCount) objects that the database names")
        }
        if !known.isEmpty {
            report.problems.append("the list has \(known.count) objects that no row names")
        }
    }

    // MARK: - The objects

    private func proveObjects(
        _ objects: [BackupObject], readsAll: Bool, _ report: inout Report,
        _ progress: (Backup.Progress) -> Void
    ) throws {
        var here: [BackupObject] = []
        for object in objects {
            if try PlainFiles.byteCount(object.path(in: folder)) == object.byteCount {
                here.append(object)
            }
        }
        let missingCount = objects.count - here.count
        if missingCount > 0 {
            report.problems.append(
                "\(EvidenceText.items(missingCount)) of \(objects.count) are gone or cut off")
        }
        var damagedCount = 0
        for index in here.indices {
            try Task.checkCancellation()
            // One more of those that are left, drawn at random.
            here.swapAt(index, index + Int(randomNumber() % UInt64(here.count - index)))
            if try !isGood(here[index]) { damagedCount += 1 }
            report.readCount += 1
            report.readByteCount += here[index].byteCount
            progress(
                Backup.Progress(
                    done: report.readCount, count: here.count,
                    copiedByteCount: report.readByteCount))
            if !readsAll, report.readByteCount >= Limits.proofSampleByteCount { break }
        }
        if damagedCount > 0 {
            report.problems.append(
                "\(EvidenceText.items(damagedCount)) of \(report.readCount) that were read are "
                    + "damaged")
        }
    }

    private func isGood(_ object: BackupObject) throws -> Bool {
        do throws(StorageError) {
            return try PlainFiles.digest(object.path(in: folder)).0 == object.digest
        } catch {
            guard Self.isOfTheBackup(error) else { throw error }
            return false
        }
    }
}

extension Limits {
    /// What a proof reads of the objects, unless it is to read all.
    static let proofSampleByteCount: Int64 = 1 << 30
    static let proofDamageMax = 5
    static let proofCauseCharactersMax = 500
    /// A backup that was proven longer ago is not known to restore.
    static let proofOldSeconds: Int64 = 35 * 86_400
    /// A new server's owner has so long to prove the first one, before it is worth an alert.
    static let alertUnprovenSeconds: Int64 = 7 * 86_400
}
