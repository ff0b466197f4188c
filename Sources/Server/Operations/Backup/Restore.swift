package import Kernel
package import Records
package import Storage

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Puts a backup into a server's data folder, which is empty or damaged.
///
/// - A mark says that it is under way, and no server opens the folder until it has ended: interrupted,
///   it is run again and goes on.
/// - No object that is there is removed: good ones stay, damaged ones are moved aside, and those that
///   the backup does not know are kept for whoever has the right to them.
/// - The database that was there is moved aside. The signing key and what was revoked stay as they
///   are.
/// - A new epoch begins, so that devices compare, and send what the backup lacks.
package struct Restore: Sendable {
    package struct Report: Hashable, Sendable {
        package var madeAt = Timestamp(milliseconds: 0)
        package var epoch = Epoch(rawValue: 0)
        package var copiedCount = 0
        package var copiedByteCount: Int64 = 0
        /// Good ones that were there.
        package var keptCount = 0
        /// Good ones that the backup does not know.
        package var adoptedCount = 0
        /// Which the backup has not, or not as they should be: devices are asked for them.
        package var missing: [Digest] = []
        /// Where the earlier database and damaged objects are now.
        package var aside: String?
    }

    /// Where the server's things are to lie.
    package struct Target: Sendable {
        package let folder: String
        package let database: String
        package let objects: String
        package let revoked: String
        package let receiptKey: String
        /// The mark; see `isUnderWay`.
        package let mark: String

        package init(
            folder: String, database: String, objects: String, revoked: String,
            receiptKey: String, mark: String
        ) {
            self.folder = folder
            self.database = database
            self.objects = objects
            self.revoked = revoked
            self.receiptKey = receiptKey
            self.mark = mark
        }

        fileprivate var databaseFiles: [String] {
            [database, database + "-wal", database + "-shm"]
        }
    }

    private let place: any BackupPlace
    private let madeAt: Timestamp?
    private let target: Target
    private let kernel: Kernel
    private let migrations: [Migration]
    private let now: Timestamp

    /// The newest backup in the place, unless `madeAt` says which.
    package init(
        from place: any BackupPlace, madeAt: Timestamp? = nil, to target: Target, kernel: Kernel,
        migrations: [Migration], at now: Timestamp
    ) {
        self.place = place
        self.madeAt = madeAt
        self.target = target
        self.kernel = kernel
        self.migrations = migrations
        self.now = now
    }

    /// Whether one was begun in the folder with this mark and has not ended.
    ///
    /// Blocks.
    package static func isUnderWay(mark: String) throws(StorageError) -> Bool {
        try PlainFiles.byteCount(mark) != nil
    }

    /// Checks the backup, and that nothing good is replaced without `replaces`.
    ///
    /// Blocks.
    package func prepare(replaces: Bool) async throws {
        let manifest = try await BackupManifest.read(in: place, madeAt: madeAt)
        try await manifest.check(in: place)
        guard !replaces, try !Self.isUnderWay(mark: target.mark),
            try PlainFiles.byteCount(target.database) != nil
        else { return }
        if (try? SQLiteSnapshot.check(target.database)) != nil {
            throw BackupError(
                .databaseInPlace,
                "\(target.folder) has a database that can be read. Give --replace to put the backup "
                    + "in its place; it is kept aside.")
        }
    }

    /// Call `prepare` first, while no server runs on the folder.
    ///
    /// Blocks.
    package func run(_ progress: (Backup.Progress) -> Void) async throws -> Report {
        let manifest = try await BackupManifest.read(in: place, madeAt: madeAt)
        var report = Report()
        report.madeAt = manifest.madeAt
        report.missing = manifest.missing
        try PlainFiles.write(Array("martlet restore 1\n".utf8), to: target.mark)
        try await copyObjects(manifest, into: &report, progress)
        let new = try await fetchDatabase(manifest)
        let adopted = try adoptable(in: new, absent: Set(manifest.missing), into: &report)
        try await placeKeys()
        try await placeDatabase(new, manifest, adopted, &report)
        try PlainFiles.remove(target.mark)
        try PlainFiles.syncFolder(target.folder)
        return report
    }

    // MARK: - Objects

    private func copyObjects(
        _ manifest: BackupManifest, into report: inout Report,
        _ progress: (Backup.Progress) -> Void
    ) async throws {
        try FileManager.default.createDirectory(
            atPath: target.objects, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        let copies = try FileCopies(staging: target.folder + "/restoring")
        var listed = ListedObjects(manifest, in: place)
        var staged: [FileCopies.Staged] = []
        var stagedByteCount: Int64 = 0
        var turn: [BackupObject] = []
        var done = 0
        repeat {
            turn = []
            while turn.count < Limits.backupReadsAtOnceMax, let object = try await listed.next() {
                turn.append(object)
            }
            for (object, fate) in zip(turn, try await stage(turn, from: done, copies)) {
                switch fate {
                case .there: report.keptCount += 1
                case .lost: report.missing.append(object.digest)
                case .staged(let copy):
                    try moveAside(path(of: object), into: &report)
                    staged.append(copy)
                    stagedByteCount += object.byteCount
                    report.copiedCount += 1
                    report.copiedByteCount += object.byteCount
                }
                done += 1
                progress(
                    Backup.Progress(
                        done: done, count: manifest.objectCount,
                        copiedByteCount: report.copiedByteCount))
            }
            if staged.count >= Limits.backupBatchCountMax
                || stagedByteCount >= Limits.backupBatchByteCountMax
            {
                try copies.settle(staged)
                (staged, stagedByteCount) = ([], 0)
            }
        } while turn.count == Limits.backupReadsAtOnceMax
        try copies.settle(staged)
        try copies.end()
    }

    private func path(of object: BackupObject) -> String { target.objects + "/" + object.key.text }

    private enum Fate: Sendable {
        case there
        /// The backup's own bytes are gone or others.
        case lost
        case staged(FileCopies.Staged)
    }

    private func stage(
        _ objects: [BackupObject], from first: Int, _ copies: FileCopies
    ) async throws -> [Fate] {
        let isRemote = objects.first.map { place.localPath($0.name) == nil } ?? false
        return try await each(
            objects, isRemote: isRemote,
            isAlone: { $0.byteCount > Limits.backupTogetherByteCountMax }
        ) { index, object in
            try await stage(object, as: first + index, copies)
        }
    }

    private func stage(
        _ object: BackupObject, as number: Int, _ copies: FileCopies
    ) async throws -> Fate {
        let path = path(of: object)
        if try PlainFiles.byteCount(path) == object.byteCount,
            try PlainFiles.digest(path).0 == object.digest
        {
            return .there
        }
        do {
            let copy = try await place.stage(
                object.name, byteCount: object.byteCount, as: number, for: path, copies)
            if copy.digest == object.digest { return .staged(copy.staged) }
            try copies.discard(copy.staged)
            return .lost
        } catch {
            guard error.code == .objectNotFound || error.code == .damaged else { throw error }
            return .lost
        }
    }

    /// Nothing that is there is removed.
    private func moveAside(_ path: String, into report: inout Report) throws {
        guard try PlainFiles.byteCount(path) != nil else { return }
        let aside = report.aside ?? target.folder + "/replaced-\(now.milliseconds)"
        try PlainFiles.makeFolder(aside)
        report.aside = aside
        let name = path.split(separator: "/").last.map(String.init) ?? "object"
        try PlainFiles.move(path, to: aside + "/" + name)
        try PlainFiles.syncFolder(aside)
    }

    /// Good objects in the folder that the backup does not know: stored after it.
    ///
    /// Without a row the server would sweep them. `absent`: what the backup knows and has not.
    private func adoptable(
        in database: String, absent: Set<Digest>, into report: inout Report
    ) throws -> [StoredObject] {
        var missing = Set(report.missing)
        var adopted: Set<Digest> = []
        var found: [StoredObject] = []
        for folder in try PlainFiles.names(in: target.objects) {
            let names = try PlainFiles.names(in: target.objects + "/" + folder)
            let unknown = try unknown(
                names.map { ObjectKey(text: folder + "/" + $0) }, in: database, absent, missing)
            for (key, digest) in unknown where !adopted.contains(digest) {
                let (actual, byteCount) = try PlainFiles.digest(target.objects + "/" + key.text)
                guard actual == digest else { continue }
                adopted.insert(digest)
                missing.remove(digest)
                found.append(StoredObject(key: key, digest: digest, byteCount: byteCount))
            }
        }
        report.missing.removeAll { !missing.contains($0) }
        report.adoptedCount = found.count
        return found
    }

    /// Those whose key the list has not, and whose digest it has not either, or has in vain.
    private func unknown(
        _ keys: [ObjectKey], in database: String, _ absent: Set<Digest>, _ missing: Set<Digest>
    ) throws -> [(ObjectKey, Digest)] {
        try SQLiteSnapshot.read(database) { transaction in
            try keys.compactMap { key in
                let name = key.text.split(separator: "/").last ?? ""
                guard let digest = try? Digest(parsing: String(name.prefix(64))) else { return nil }
                let row = try transaction.firstRow(
                    "SELECT objectKey FROM object WHERE digest = ?", [SQLValue(digest)])
                guard let row, !absent.contains(digest) else { return (key, digest) }
                let isHere = row.text(0) == key.text || !missing.contains(digest)
                return isHere ? nil : (key, digest)
            }
        }
    }

    // MARK: - The database

    /// Those that are there are newer.
    private func placeKeys() async throws {
        for (path, name) in [
            (target.revoked, BackupManifest.revoked),
            (target.receiptKey, BackupManifest.receiptKey),
        ] {
            guard try PlainFiles.byteCount(path) == nil, try await place.byteCount(name) != nil
            else { continue }
            let bytes = try await place.read(name, byteCountMax: Limits.keyFileByteCountMax)
            try PlainFiles.write(bytes, to: path)
        }
    }

    /// Beside the one that is there.
    private func fetchDatabase(_ manifest: BackupManifest) async throws -> String {
        let new = target.folder + "/restoring.sqlite"
        for path in [new, new + "-wal", new + "-shm"] { try PlainFiles.remove(path) }
        try await manifest.fetchDatabase(
            from: place, to: new, staging: target.folder + "/restoring")
        return new
    }

    private func placeDatabase(
        _ new: String, _ manifest: BackupManifest, _ adopted: [StoredObject],
        _ report: inout Report
    ) async throws {
        // The epoch of what is replaced, as far as it can be read: the new one is above it.
        let before = try? SQLiteSnapshot.read(target.database) { try SnapshotState(in: $0).epoch }
        report.epoch = try await beginEpoch(
            in: new, above: before ?? manifest.epoch, manifest, adopted, missing: report.missing)
        for path in target.databaseFiles { try moveAside(path, into: &report) }
        try PlainFiles.move(new, to: target.database)
        try PlainFiles.syncFolder(target.folder)
    }

    /// Leaves one file that is the whole database.
    private func beginEpoch(
        in path: String, above other: Epoch, _ manifest: BackupManifest,
        _ adopted: [StoredObject], missing: [Digest]
    ) async throws -> Epoch {
        let database = try SQLiteDatabase(path: path, migrations: migrations)
        let last = LastBackup(
            madeAt: manifest.madeAt, epoch: manifest.epoch,
            heads: Dictionary(manifest.zones.map { ($0.zone, $0.head) }) { first, _ in first })
        let epoch = try await database.write { [kernel, now] transaction in
            try CollectorHold.release(in: transaction)
            try last.save(in: transaction)
            for digest in missing {
                let key = try transaction.first(
                    "SELECT objectKey FROM object WHERE digest = ?", [SQLValue(digest)])?.text(0)
                if let key {
                    try kernel.markLost(digest, key: ObjectKey(text: key), in: transaction)
                }
            }
            try kernel.adopt(adopted, at: now, in: transaction)
            try kernel.beginEpoch(above: other, at: now, in: transaction)
            return try kernel.serverState(in: transaction).epoch
        }
        try database.close()
        for path in [path + "-wal", path + "-shm"] { try PlainFiles.remove(path) }
        try PlainFiles.sync(path)
        return epoch
    }
}
