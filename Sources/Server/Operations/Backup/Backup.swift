import Kernel
package import Records
package import Storage

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Makes a whole copy of a server beside it, running or not, into a folder.
///
///     DIR/manifest-TIME.json      what the backup of TIME consists of; written last
///     DIR/manifest.json           the newest one's once more
///     DIR/database-TIME.sqlite    the database as it was at TIME, one file
///     DIR/list-TIME.txt           the objects that it names
///     DIR/objects/4f/4f0c…        the objects of all of them, by their digests
///     DIR/revoked, DIR/receipt.key
///
/// - Until the new manifest is there, the folder holds the backups that it held; see `BackupFolder`.
/// - Objects that are there with the right size are not copied again: what has a name in `objects`
///   was hashed on its way in and is on the medium. None is removed here.
/// - The collector is held meanwhile, so that no object goes between the snapshot and its copy.
package struct Backup: Sendable {
    package struct Report: Hashable, Sendable {
        package var madeAt = Timestamp(milliseconds: 0)
        package var epoch = Epoch(rawValue: 0)
        package var objectCount = 0
        package var objectByteCount: Int64 = 0
        package var copiedCount = 0
        package var copiedByteCount: Int64 = 0
        /// Objects that the server no longer has, or not as they should be.
        package var missing: [Digest] = []
    }

    /// How far it is: objects looked at, of how many, and bytes copied.
    package struct Progress: Hashable, Sendable {
        package let done: Int
        package let count: Int
        package let copiedByteCount: Int64

        package init(done: Int, count: Int, copiedByteCount: Int64) {
            self.done = done
            self.count = count
            self.copiedByteCount = copiedByteCount
        }
    }

    /// Where the server's things lie.
    package struct Source: Sendable {
        package let database: any Database
        package let store: any ObjectStore
        package let keepsakes: any Keepsakes
        /// The whole data folder.
        package let folder: String
        /// Records or blobs are in the folder.
        package let isOnDisk: Bool

        package init(
            database: any Database, store: any ObjectStore, keepsakes: any Keepsakes,
            folder: String, isOnDisk: Bool = true
        ) {
            self.database = database
            self.store = store
            self.keepsakes = keepsakes
            self.folder = folder
            self.isOnDisk = isOnDisk
        }
    }

    private let source: Source
    private let folder: String
    private let version: String
    private let migrations: [Migration]
    private let now: @Sendable () -> Timestamp

    package init(
        of source: Source, to folder: String, version: String, migrations: [Migration],
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.source = source
        self.folder = folder
        self.version = version
        self.migrations = migrations
        self.now = now
    }

    /// Throws unless a backup may lie there: on another disk, unless `allowsSameDisk`.
    ///
    /// Makes the folder. Blocks.
    package func prepare(allowsSameDisk: Bool) throws {
        guard folder != source.folder, !folder.hasPrefix(source.folder + "/"),
            !source.folder.hasPrefix(folder + "/")
        else {
            throw BackupError(
                .invalidFolder,
                "The backup's folder and the server's must not lie within each other.")
        }
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        if allowsSameDisk || !source.isOnDisk { return }
        if try PlainFiles.isOnSameFileSystem(folder, source.folder) {
            throw BackupError(
                .sameDisk,
                "\(folder) is on the server's own disk, which a backup is to survive: name a folder "
                    + "on another one, or give --same-disk.")
        }
    }

    /// Makes the backup; call `prepare` first.
    ///
    /// Blocks.
    package func run(_ progress: (Progress) -> Void) async throws -> Report {
        try await hold()
        do {
            let report = try await copy(progress)
            try await source.database.write { try CollectorHold.release(in: $0) }
            return report
        } catch {
            // Its lease would end it as well.
            try? await source.database.write { try CollectorHold.release(in: $0) }
            throw error
        }
    }

    private func hold() async throws {
        let now = now()
        try await source.database.write { try CollectorHold.take(at: now, in: $0) }
    }

    private func copy(_ progress: (Progress) -> Void) async throws -> Report {
        // What a database's file holds of the time before must not be taken for this one's.
        let before = try? BackupManifest.read(in: folder)
        let madeAt = max(now(), before?.madeAt.adding(milliseconds: 1) ?? now())
        let database = "database-\(madeAt.milliseconds).sqlite"
        let list = "list-\(madeAt.milliseconds).txt"
        if let before { try before.writeKept(in: folder) }
        try sweep()
        try await SQLiteSnapshot.make(
            folder + "/" + database, of: source.database, migrations: migrations)
        try SQLiteSnapshot.check(folder + "/" + database)
        let (state, objects) = try SQLiteSnapshot.read(folder + "/" + database) { transaction in
            (try SnapshotState(in: transaction), try Self.objects(in: transaction))
        }
        var report = Report()
        (report.madeAt, report.epoch) = (madeAt, state.epoch)
        try checkSpace(for: objects)
        try await copy(objects, into: &report, progress)
        let missing = Set(report.missing)
        let kept = objects.filter { !missing.contains($0.digest) }
        report.objectCount = kept.count
        report.objectByteCount = kept.reduce(0) { $0 + $1.byteCount }
        try PlainFiles.write(
            Array(kept.map(\.line).joined().utf8), to: folder + "/" + list)
        try await copyKeepsakes()
        let manifest = BackupManifest(
            format: BackupManifest.format, server: state.server, version: version,
            madeAt: madeAt, epoch: state.epoch,
            zones: state.heads.map { BackupManifest.ZoneHead(zone: $0.key, head: $0.value) }
                .sorted { $0.zone < $1.zone },
            database: try file(database), list: try file(list), objectCount: report.objectCount,
            objectByteCount: report.objectByteCount, missing: report.missing)
        try manifest.write(in: folder)
        let last = LastBackup(madeAt: madeAt, epoch: state.epoch, heads: state.heads)
        try await source.database.write { try last.save(in: $0) }
        return report
    }

    private static func objects(in transaction: any Transaction) throws -> [BackupObject] {
        try transaction.all("SELECT digest, byteCount, objectKey FROM object ORDER BY digest")
            .compactMap { row in
                row.optionalDigest(0).map {
                    BackupObject(
                        digest: $0, byteCount: row.integer(1), key: ObjectKey(text: row.text(2)))
                }
            }
    }

    private func checkSpace(for objects: [BackupObject]) throws {
        var byteCount: Int64 = 0
        for object in objects
        where try PlainFiles.byteCount(object.path(in: folder)) != object.byteCount {
            byteCount += object.byteCount
        }
        let free = try PlainFiles.freeByteCount(folder)
        guard free > byteCount + Limits.diskReserveByteCount else {
            throw StorageError(
                .diskFull,
                "The backup's disk has \(free) bytes free and needs \(byteCount): free some space.")
        }
    }

    private func copy(
        _ objects: [BackupObject], into report: inout Report, _ progress: (Progress) -> Void
    ) async throws {
        try PlainFiles.makeFolder(folder + "/objects")
        let copies = try FileCopies(staging: folder + "/incoming")
        var staged: [FileCopies.Staged] = []
        var stagedByteCount: Int64 = 0
        var heldAt = now()
        var done = 0
        while done < objects.count {
            try Task.checkCancellation()
            let turn = objects[done...].prefix(Limits.backupReadsAtOnceMax)
            for (object, fate) in zip(turn, try await stage(Array(turn), from: done, copies)) {
                switch fate {
                case .there: break
                case .lost: report.missing.append(object.digest)
                case .staged(let copy):
                    staged.append(copy)
                    stagedByteCount += object.byteCount
                    report.copiedCount += 1
                    report.copiedByteCount += object.byteCount
                }
                done += 1
                progress(
                    Progress(
                        done: done, count: objects.count,
                        copiedByteCount: report.copiedByteCount))
            }
            if staged.count >= Limits.backupBatchCountMax
                || stagedByteCount >= Limits.backupBatchByteCountMax
            {
                try copies.settle(staged)
                (staged, stagedByteCount) = ([], 0)
            }
            let time = now()
            if time > heldAt.adding(seconds: Limits.collectorHoldRenewSeconds) {
                try await hold()
                heldAt = time
            }
        }
        try copies.settle(staged)
        try copies.end()
    }

    private enum ObjectFate: Sendable {
        case there
        /// The server's own object is gone or is not what it should be.
        case lost
        case staged(FileCopies.Staged)
    }

    /// From a bucket they come side by side; a disk has its own order.
    private func stage(
        _ objects: [BackupObject], from first: Int, _ copies: FileCopies
    ) async throws -> [ObjectFate] {
        guard let object = objects.first, source.store.localPath(of: object.key) == nil else {
            var fates: [ObjectFate] = []
            for (index, object) in objects.enumerated() {
                fates.append(try await stage(object, as: first + index, copies))
            }
            return fates
        }
        return try await withThrowingTaskGroup(of: (Int, ObjectFate).self) { group in
            for (index, object) in objects.enumerated() {
                group.addTask { (index, try await stage(object, as: first + index, copies)) }
            }
            var fates: [ObjectFate] = Array(repeating: .there, count: objects.count)
            for try await (index, fate) in group { fates[index] = fate }
            return fates
        }
    }

    private func stage(
        _ object: BackupObject, as number: Int, _ copies: FileCopies
    ) async throws -> ObjectFate {
        let target = object.path(in: folder)
        guard try PlainFiles.byteCount(target) != object.byteCount else { return .there }
        do {
            let copy =
                if let path = source.store.localPath(of: object.key) {
                    try copies.stage(path, as: number, for: target)
                } else {
                    try await copies.stage(
                        source.store.read(object.key, 0..<object.byteCount), as: number,
                        for: target)
                }
            if copy.digest == object.digest { return .staged(copy.staged) }
            try copies.discard(copy.staged)
            return .lost
        } catch {
            guard error.code == .objectNotFound || error.code == .damaged else { throw error }
            return .lost
        }
    }

    /// What a restore into an empty folder needs beside them.
    private func copyKeepsakes() async throws {
        if let key = try await source.keepsakes.receiptKey() {
            try PlainFiles.write(
                Array((Hexadecimal.encode(key) + "\n").utf8), to: folder + "/receipt.key")
        }
        let lines = try await source.keepsakes.revoked()
        guard !lines.isEmpty else { return }
        try PlainFiles.write(
            Array((lines.joined(separator: "\n") + "\n").utf8), to: folder + "/revoked")
    }

    private func file(_ name: String) throws -> BackupManifest.File {
        let (digest, byteCount) = try PlainFiles.digest(folder + "/" + name)
        return BackupManifest.File(name: name, byteCount: byteCount, digest: digest)
    }

    /// Removes databases and lists that belong to no whole backup.
    private func sweep() throws {
        let whole = try PlainFiles.names(in: folder)
            .compactMap { BackupFolder.time($0, "manifest-", ".json") }
        try BackupFolder(folder).sweep(keeping: Set(whole))
    }
}

/// What a snapshot says of itself.
struct SnapshotState {
    let server: String
    let epoch: Epoch
    let heads: [ZoneID: Int64]

    init(in transaction: any Transaction) throws {
        guard let row = try transaction.first("SELECT id, epoch FROM server") else {
            throw BackupError(.backupDamaged, "The database has no server in it.")
        }
        server = Hexadecimal.encode(row.blob(0))
        epoch = Epoch(rawValue: row.integer(1))
        var heads: [ZoneID: Int64] = [:]
        for row in try transaction.all("SELECT id, head FROM zone") {
            heads[row.identifier(0)] = row.integer(1)
        }
        self.heads = heads
    }
}
