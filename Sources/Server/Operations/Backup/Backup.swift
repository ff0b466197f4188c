import Kernel
package import Records
package import Storage

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Makes a whole copy of a server beside it, running or not, into a folder or a bucket.
///
///     manifest-TIME.json      what the backup of TIME consists of; written last
///     manifest.json           the newest one's once more
///     database-TIME.sqlite    the database as it was at TIME, one file
///     list-TIME.txt           the objects that it names
///     objects/4f/4f0c…        the objects of all of them, by their digests
///     revoked, receipt.key
///
/// - Until the new manifest is there, the place holds the backups that it held; see `Backups`.
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
    private let place: any BackupPlace
    private let version: String
    private let migrations: [Migration]
    private let now: @Sendable () -> Timestamp

    package init(
        of source: Source, to place: any BackupPlace, version: String,
        migrations: [Migration], now: @escaping @Sendable () -> Timestamp
    ) {
        self.source = source
        self.place = place
        self.version = version
        self.migrations = migrations
        self.now = now
    }

    /// Throws unless a backup may lie there: on another disk or in another bucket, unless
    /// `allowsSameDisk`.
    ///
    /// Makes a folder. Blocks.
    package func prepare(allowsSameDisk: Bool) async throws {
        try checkApart()
        try await place.prepare()
        if try !allowsSameDisk && isOnSameDisk() {
            throw BackupError(
                .sameDisk,
                place.localPath("") == nil
                    ? "\(place.text) is in the bucket of the server's own blobs, which a backup is "
                        + "to survive: name another bucket, or give --same-disk."
                    : "\(place.text) is on the server's own disk, which a backup is to survive: name "
                        + "a folder on another one, or give --same-disk.")
        }
    }

    private func checkApart() throws {
        func lieWithinEachOther(_ one: String, _ other: String) -> Bool {
            one.hasPrefix(other) || other.hasPrefix(one)
        }
        if let bucket = place as? BucketBackupPlace {
            guard let own = ownBucket, own.isInBucket(of: bucket.place),
                lieWithinEachOther(own.prefix, bucket.place.prefix)
            else { return }
            throw BackupError(
                .invalidFolder,
                "The backup's place and that of the server's blobs, \(own.text), must not lie within "
                    + "each other: name another prefix, or better another bucket.")
        }
        if lieWithinEachOther(place.text + "/", source.folder + "/") {
            throw BackupError(
                .invalidFolder,
                "The backup's folder and the server's must not lie within each other.")
        }
    }

    private func isOnSameDisk() throws -> Bool {
        if let bucket = place as? BucketBackupPlace {
            return ownBucket?.isInBucket(of: bucket.place) ?? false
        }
        return try source.isOnDisk
            && PlainFiles.isOnSameFileSystem(place.text, source.folder)
    }

    private var ownBucket: S3Place? { (source.store as? S3ObjectStore)?.place }

    /// Makes the backup; call `prepare` first, and take the place.
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
        let before = try await BackupManifest.find(in: place)
        let madeAt = max(now(), before?.madeAt.adding(milliseconds: 1) ?? now())
        let database = "database-\(madeAt.milliseconds).sqlite"
        let list = "list-\(madeAt.milliseconds).txt"
        if let before { try await before.writeKept(in: place) }
        try await sweep()
        let snapshot = place.workPath(database)
        try await SQLiteSnapshot.make(snapshot, of: source.database, migrations: migrations)
        try SQLiteSnapshot.check(snapshot)
        let state = try SQLiteSnapshot.read(snapshot) { try SnapshotState(in: $0) }
        var report = Report()
        (report.madeAt, report.epoch) = (madeAt, state.epoch)
        try await copyObjects(
            of: snapshot, list: place.workPath(list), into: &report, progress)
        try await copyKeepsakes()
        let manifest = BackupManifest(
            format: BackupManifest.format, server: state.server, version: version,
            madeAt: madeAt, epoch: state.epoch,
            zones: state.heads.map { BackupManifest.ZoneHead(zone: $0.key, head: $0.value) }
                .sorted { $0.zone < $1.zone },
            database: try await put(database), list: try await put(list),
            objectCount: report.objectCount, objectByteCount: report.objectByteCount,
            missing: report.missing)
        // Another that had the place meanwhile may have removed what this one names.
        try await place.confirm()
        try await manifest.write(in: place)
        let last = LastBackup(madeAt: madeAt, epoch: state.epoch, heads: state.heads)
        try await source.database.write { try last.save(in: $0) }
        return report
    }

    private func copyObjects(
        of snapshot: String, list: String, into report: inout Report,
        _ progress: (Progress) -> Void
    ) async throws {
        let copying = ObjectCopying(snapshot: snapshot, store: source.store, place: place)
        try await copying.checkSpace()
        let file = try await ReplacingFile.create(
            list, randomNumber: UInt64(bitPattern: report.madeAt.milliseconds), now: now())
        do {
            var heldAt = now()
            try await copying.run(list: file, into: &report, progress) {
                let time = now()
                guard time > heldAt.adding(seconds: Limits.collectorHoldRenewSeconds) else {
                    return
                }
                try await hold()
                heldAt = time
            }
            try await file.settle()
        } catch {
            await file.discard()
            throw error
        }
    }

    /// What a restore into an empty folder needs beside them.
    private func copyKeepsakes() async throws {
        if let key = try await source.keepsakes.receiptKey() {
            try await place.put(
                Array((Hexadecimal.encode(key) + "\n").utf8), as: BackupManifest.receiptKey)
        }
        let lines = try await source.keepsakes.revoked()
        guard !lines.isEmpty else { return }
        try await place.put(
            Array((lines.joined(separator: "\n") + "\n").utf8), as: BackupManifest.revoked)
    }

    private func put(_ name: String) async throws -> BackupManifest.File {
        let path = place.workPath(name)
        let (digest, byteCount) = try await place.putFile(path, as: name)
        if place.localPath(name) == nil { try PlainFiles.remove(path) }
        return BackupManifest.File(name: name, byteCount: byteCount, digest: digest)
    }

    /// Removes databases and lists that belong to no whole backup.
    private func sweep() async throws {
        let whole = try await place.files()
            .compactMap { Backups.time($0.name, "manifest-", ".json") }
        try await Backups(place).sweep(keeping: Set(whole))
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
