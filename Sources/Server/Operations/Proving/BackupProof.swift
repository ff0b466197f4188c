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
/// - Every object of the list must be in the place with its size; a sample drawn at random, or all of
///   them, are read from the medium and hashed.
/// - Memory: pages of rows and of the list, and the sample.
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

    private let place: any BackupPlace
    private let madeAt: Timestamp?
    private let scratch: String
    private let migrations: [Migration]
    private let randomNumber: @Sendable () -> UInt64

    /// The newest backup in the place, unless `madeAt` says which; `scratch` is a folder of the
    /// proof's own: made, and removed at the end.
    package init(
        of place: any BackupPlace, madeAt: Timestamp? = nil, scratch: String,
        migrations: [Migration],
        randomNumber: @escaping @Sendable () -> UInt64
    ) {
        self.place = place
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
        let manifest = try await BackupManifest.read(in: place, madeAt: madeAt)
        try? FileManager.default.removeItem(atPath: scratch)
        try FileManager.default.createDirectory(
            atPath: scratch, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        var report = Report()
        report.madeAt = manifest.madeAt
        let hasList = try await proveList(manifest, &report)
        try await proveDatabase(manifest, hasList: hasList, &report)
        guard hasList else { return report }
        try await proveObjects(manifest, readsAll: readsAll, &report, progress)
        return report
    }

    // MARK: - The list

    /// Whether it can be relied on.
    private func proveList(
        _ manifest: BackupManifest, _ report: inout Report
    ) async throws -> Bool {
        guard try await manifest.isAsWritten(manifest.list, in: place) else {
            report.problems.append("\(manifest.list.name) is not what the backup says")
            return false
        }
        var listed = ListedObjects(manifest, in: place)
        do {
            while try await listed.next() != nil {}
        } catch is BackupError {
            report.problems.append("\(manifest.list.name) cannot be understood")
            return false
        }
        report.objectCount = listed.count
        if listed.count != manifest.objectCount {
            report.problems.append("\(manifest.list.name) cannot be understood")
        }
        return true
    }

    // MARK: - The database

    private func proveDatabase(
        _ manifest: BackupManifest, hasList: Bool, _ report: inout Report
    ) async throws {
        let free = try PlainFiles.freeByteCount(scratch)
        guard free > manifest.database.byteCount * 2 + Limits.diskReserveByteCount else {
            throw StorageError(
                .diskFull,
                "Putting the backup's database back takes "
                    + "\(manifest.database.byteCount * 2) bytes, and \(free) are free where "
                    + "\(scratch) lies: free some space, or name another folder by --scratch.")
        }
        let path = scratch + "/database.sqlite"
        guard try await hasDatabase(manifest, at: path) else {
            report.problems.append("\(manifest.database.name) is not what the backup says")
            return
        }
        do {
            // As the server that is restored opens it, with the steps that a newer one takes.
            try SQLiteDatabase(path: path, migrations: migrations).close()
            let damage = try await SQLiteReader(path: path, migrations: migrations)
                .damage(limit: Limits.proofDamageMax)
            report.problems += damage.map { "the database fails its own check: \($0)" }
            let state = try SQLiteSnapshot.read(path) { try SnapshotState(in: $0) }
            compare(state, manifest, &report)
            if hasList { try await compareObjects(path, manifest, &report) }
        } catch let error as StorageError {
            guard error.code != .diskFull else { throw error }
            report.problems.append("the database cannot be opened: \(error.message.asCause)")
        } catch let error as BackupError {
            report.problems.append(error.message.asCause)
        }
    }

    /// Puts the database back, which is read from the medium.
    private func hasDatabase(
        _ manifest: BackupManifest, at path: String
    ) async throws -> Bool {
        if place.localPath(manifest.database.name) != nil {
            guard try await manifest.isAsWritten(manifest.database, in: place) else { return false }
        }
        do {
            try await manifest.fetchDatabase(from: place, to: path, staging: scratch + "/incoming")
            return true
        } catch let error as StorageError {
            guard error.isOfBackup else { throw error }
            return false
        } catch is BackupError {
            return false
        }
    }

    private func compare(
        _ state: SnapshotState, _ manifest: BackupManifest, _ report: inout Report
    ) {
        if state.server != manifest.server || state.epoch != manifest.epoch {
            report.problems.append("the database is of another server or epoch than the manifest")
        }
        let heads = Dictionary(manifest.zones.map { ($0.zone, $0.head) }) { first, _ in first }
        if state.heads != heads {
            report.problems.append("the zones of the database are not those of the manifest")
        }
    }

    /// Walks the rows and the list together, in the order of digests.
    private func compareObjects(
        _ path: String, _ manifest: BackupManifest, _ report: inout Report
    ) async throws {
        let missing = Set(manifest.missing)
        var rows = SnapshotObjects(path)
        var listed = ListedObjects(manifest, in: place)
        var ahead = try await listed.next()
        var (lackingCount, surplusCount) = (0, 0)
        var page = SnapshotObjects.Page()
        repeat {
            try Task.checkCancellation()
            page = try rows.next()
            lackingCount += page.unreadableCount
            for object in page.objects {
                while let other = ahead, other.digest < object.digest {
                    surplusCount += 1
                    ahead = try await listed.next()
                }
                let isListed = ahead?.digest == object.digest
                let isEqual = isListed && ahead?.byteCount == object.byteCount
                if !isEqual, !missing.contains(object.digest) { lackingCount += 1 }
                if isListed { ahead = try await listed.next() }
            }
        } while !page.isLast
        while ahead != nil {
            surplusCount += 1
            ahead = try await listed.next()
        }
        if lackingCount > 0 {
            report.problems.append("the list lacks \(lackingCount) objects that the database names")
        }
        if surplusCount > 0 {
            report.problems.append("the list has \(surplusCount) objects that no row names")
        }
    }

    // MARK: - The objects

    private func proveObjects(
        _ manifest: BackupManifest, readsAll: Bool, _ report: inout Report,
        _ progress: (Backup.Progress) -> Void
    ) async throws {
        var hereCount = 0
        var sample: [BackupObject] = []
        try await forEachHere(manifest) { object in
            hereCount += 1
            guard !readsAll else { return }
            // Each that is here comes into the sample with the same chance.
            if sample.count < Limits.proofSampleCountMax {
                sample.append(object)
            } else {
                let index = Int(randomNumber() % UInt64(hereCount))
                if sample.indices.contains(index) { sample[index] = object }
            }
        }
        let missingCount = report.objectCount - hereCount
        if missingCount > 0 {
            report.problems.append(
                "\(EvidenceText.items(missingCount)) of \(report.objectCount) are gone or cut off")
        }
        var reading = Reading(count: hereCount, damagedCount: 0)
        if readsAll {
            var turn: [BackupObject] = []
            try await forEachHere(manifest) { object in
                turn.append(object)
                guard turn.count == Limits.backupReadsAtOnceMax else { return }
                try await read(turn, &reading, &report, progress)
                turn = []
            }
            try await read(turn, &reading, &report, progress)
        } else {
            try await read(sample: &sample, &reading, &report, progress)
        }
        if reading.damagedCount > 0 {
            report.problems.append(
                "\(EvidenceText.items(reading.damagedCount)) of \(report.readCount) that were read "
                    + "are damaged")
        }
    }

    private struct Reading {
        let count: Int
        var damagedCount: Int
    }

    /// The objects of the list that are in the place with their sizes.
    private func forEachHere(
        _ manifest: BackupManifest, _ body: (BackupObject) async throws -> Void
    ) async throws {
        var listed = ListedObjects(manifest, in: place)
        var placed = PlacedObjects(place)
        while let object = try await listed.next() {
            if try await placed.byteCount(of: object.digest) == object.byteCount {
                try await body(object)
            }
        }
    }

    private func read(
        sample: inout [BackupObject], _ reading: inout Reading, _ report: inout Report,
        _ progress: (Backup.Progress) -> Void
    ) async throws {
        var index = 0
        while index < sample.count, report.readByteCount < Limits.proofSampleByteCount {
            var turn: [BackupObject] = []
            var byteCount = report.readByteCount
            while index < sample.count, turn.count < Limits.backupReadsAtOnceMax,
                byteCount < Limits.proofSampleByteCount
            {
                // One more of those that are left, drawn at random.
                sample.swapAt(index, index + Int(randomNumber() % UInt64(sample.count - index)))
                turn.append(sample[index])
                byteCount += sample[index].byteCount
                index += 1
            }
            try await read(turn, &reading, &report, progress)
        }
    }

    private func read(
        _ objects: [BackupObject], _ reading: inout Reading, _ report: inout Report,
        _ progress: (Backup.Progress) -> Void
    ) async throws {
        try Task.checkCancellation()
        let isRemote = objects.first.map { place.localPath($0.name) == nil } ?? false
        let good = try await each(objects, isRemote: isRemote, isAlone: { _ in false }) {
            try await isGood($1)
        }
        for (object, isGood) in zip(objects, good) {
            if !isGood { reading.damagedCount += 1 }
            report.readCount += 1
            report.readByteCount += object.byteCount
            progress(
                Backup.Progress(
                    done: report.readCount, count: reading.count,
                    copiedByteCount: report.readByteCount))
        }
    }

    private func isGood(_ object: BackupObject) async throws -> Bool {
        do {
            return try await place.digest(object.name).0 == object.digest
        } catch {
            guard error.isOfBackup else { throw error }
            return false
        }
    }
}

extension Limits {
    /// What a proof reads of the objects, unless it is to read all.
    static let proofSampleByteCount: Int64 = 1 << 30
    /// So many objects are drawn of those that it may read.
    static let proofSampleCountMax = 20_000
    static let proofDamageMax = 5
    static let proofCauseCharactersMax = 500
    /// A backup that was proven longer ago is not known to restore.
    static let proofOldSeconds: Int64 = 35 * 86_400
    /// A new server's owner has so long to prove the first one, before it is worth an alert.
    static let alertUnprovenSeconds: Int64 = 7 * 86_400
}
