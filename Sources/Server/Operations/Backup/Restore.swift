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

    private let folder: String
    private let madeAt: Timestamp?
    private let target: Target
    private let kernel: Kernel
    private let migrations: [Migration]
    private let now: Timestamp

    /// `folder`: the backup's; the newest there, unless `madeAt` says which.
    package init(
        from folder: String, madeAt: Timestamp? = nil, to target: Target, kernel: Kernel,
        migrations: [Migration], at now: Timestamp
    ) {
        self.folder = folder
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
    package func prepare(replaces: Bool) throws {
        let manifest = try BackupManifest.read(in: folder, madeAt: madeAt)
        try manifest.check(in: folder)
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
        let manifest = try BackupManifest.read(in: folder, madeAt: madeAt)
        var report = Report()
        report.madeAt = manifest.madeAt
        report.missing = manifest.missing
        try PlainFiles.write(Array("martlet restore 1\n".utf8), to: target.mark)
        let objects = try readList(manifest)
        try copy(objects, into: &report, progress)
        let adopted = try adoptable(known: objects, into: &report)
        try placeKeys()
        try await placeDatabase(manifest, adopted, &report)
        try PlainFiles.remove(target.mark)
        try PlainFiles.syncFolder(target.folder)
        return report
    }

    private func readList(_ manifest: BackupManifest) throws -> [BackupObject] {
        let bytes = try PlainFiles.read(
            folder + "/" + manifest.list.name, byteCountMax: Int(manifest.list.byteCount))
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        let objects = lines.compactMap { BackupObject(line: $0) }
        guard objects.count == lines.count, objects.count == manifest.objectCount else {
            throw BackupError(
                .backupDamaged, "\(manifest.list.name) in \(folder) cannot be understood.")
        }
        return objects
    }

    // MARK: - Objects

    private func copy(
        _ objects: [BackupObject], into report: inout Report,
        _ progress: (Backup.Progress) -> Void
    ) throws {
        try FileManager.default.createDirectory(
            atPath: target.objects, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        let copies = try FileCopies(staging: target.folder + "/restoring")
        var staged: [FileCopies.Staged] = []
        var stagedByteCount: Int64 = 0
        for (index, object) in objects.enumerated() {
            let path = target.objects + "/" + object.key.text
            if try isGood(object, at: path) {
                report.keptCount += 1
            } else if let copy = try stage(object, as: index, for: path, copies) {
                try moveAside(path, into: &report)
                staged.append(copy)
                stagedByteCount += object.byteCount
                report.copiedCount += 1
                report.copiedByteCount += object.byteCount
            } else {
                report.missing.append(object.digest)
            }
            if staged.count >= Limits.backupBatchCountMax
                || stagedByteCount >= Limits.backupBatchByteCountMax
            {
                try copies.settle(staged)
                (staged, stagedByteCount) = ([], 0)
            }
            progress(
                Backup.Progress(
                    done: index + 1, count: objects.count,
                    copiedByteCount: report.copiedByteCount))
        }
        try copies.settle(staged)
        try copies.end()
    }

    private func isGood(_ object: BackupObject, at path: String) throws -> Bool {
        guard try PlainFiles.byteCount(path) == object.byteCount else { return false }
        return try PlainFiles.digest(path).0 == object.digest
    }

    /// `nil` when the backup's own bytes are gone or others.
    private func stage(
        _ object: BackupObject, as number: Int, for path: String, _ copies: FileCopies
    ) throws -> FileCopies.Staged? {
        do {
            let copy = try copies.stage(object.path(in: folder), as: number, for: path)
            if copy.digest == object.digest { return copy.staged }
            try copies.discard(copy.staged)
            return nil
        } catch {
            guard error.code == .objectNotFound else { throw error }
            return nil
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
    /// Without a row the server would sweep them.
    private func adoptable(
        known: [BackupObject], into report: inout Report
    ) throws -> [StoredObject] {
        let keys = Set(known.map(\.key))
        var digests = Set(known.map(\.digest)).subtracting(report.missing)
        var found: [StoredObject] = []
        for folder in try PlainFiles.names(in: target.objects) {
            for name in try PlainFiles.names(in: target.objects + "/" + folder) {
                let key = ObjectKey(text: folder + "/" + name)
                guard !keys.contains(key),
                    let digest = try? Digest(parsing: String(name.prefix(64))),
                    !digests.contains(digest)
                else { continue }
                let (actual, byteCount) = try PlainFiles.digest(target.objects + "/" + key.text)
                guard actual == digest else { continue }
                digests.insert(digest)
                report.missing.removeAll { $0 == digest }
                found.append(StoredObject(key: key, digest: digest, byteCount: byteCount))
            }
        }
        report.adoptedCount = found.count
        return found
    }

    // MARK: - The database

    /// Those that are there are newer.
    private func placeKeys() throws {
        for (path, name) in [(target.revoked, "revoked"), (target.receiptKey, "receipt.key")] {
            guard try PlainFiles.byteCount(path) == nil,
                try PlainFiles.byteCount(folder + "/" + name) != nil
            else { continue }
            let bytes = try PlainFiles.read(
                folder + "/" + name, byteCountMax: Limits.keyFileByteCountMax)
            try PlainFiles.write(bytes, to: path)
        }
    }

    private func placeDatabase(
        _ manifest: BackupManifest, _ adopted: [StoredObject], _ report: inout Report
    ) async throws {
        let new = target.folder + "/restoring.sqlite"
        for path in [new, new + "-wal", new + "-shm"] { try PlainFiles.remove(path) }
        let copies = try FileCopies(staging: target.folder + "/restoring")
        let copy = try copies.stage(folder + "/" + manifest.database.name, as: 0, for: new)
        guard copy.digest == manifest.database.digest else {
            throw BackupError(.backupDamaged, "The backup's database changed while it was read.")
        }
        try copies.settle([copy.staged])
        try copies.end()
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
