package import Kernel
package import Records
package import Storage

/// Puts a backup into a database and a store of any kind, such as PostgreSQL and a bucket, row by row
/// and object by object.
///
/// - The database must be empty. A mark in it keeps servers off until all has ended: interrupted, it
///   is run again, keeps the objects that have arrived, and begins anew with the rows.
/// - Objects that lie in the store stay; see `KeptObjects`. Each other one is hashed on its way.
/// - At the end every row of both is read and compared.
/// - A new epoch begins, so that devices compare, and send what the backup lacks.
package struct RestoreByRows: Sendable {
    /// Where the server's things are to lie.
    package struct Target: Sendable {
        /// How people name it.
        let name: String
        let database: any Database
        let store: any ObjectStore
        let keepsakes: any Keepsakes
        /// A file for a copy of the backup's database meanwhile.
        let work: String

        package init(
            name: String, database: any Database, store: any ObjectStore,
            keepsakes: any Keepsakes, work: String
        ) {
            self.name = name
            self.database = database
            self.store = store
            self.keepsakes = keepsakes
            self.work = work
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

    /// Whether a backup's objects have the keys of a bucket, which cannot be those of a directory.
    ///
    /// Blocks.
    package static func isOfBucket(
        _ place: any BackupPlace, madeAt: Timestamp? = nil
    ) async throws -> Bool {
        let manifest = try await BackupManifest.read(in: place, madeAt: madeAt)
        guard manifest.objectCount > 0 else { return !manifest.missing.isEmpty }
        var listed = ListedObjects(manifest, in: place)
        return try await listed.next().map { S3ObjectStore.isKey($0.key.text) } ?? false
    }

    /// Whether an SQLite file holds no server yet, or a restore of this kind that has not ended.
    ///
    /// Blocks.
    package static func mayFill(_ path: String) -> Bool {
        let found = try? SQLiteSnapshot.read(path) { transaction in
            try MoveMark.read(in: transaction)?.kind == .restoring
                || transaction.rows("SELECT 1 FROM server").isEmpty
        }
        return found ?? false
    }

    /// Call it while no server runs at the target.
    ///
    /// Throws `BackupError`: `databaseInPlace`, `backupDamaged`; and `MoveError` when something else writes there meanwhile. Blocks.
    package func run(
        _ progress: (Backup.Progress) -> Void
    ) async throws -> Restore.Report {
        let manifest = try await BackupManifest.read(in: place, madeAt: madeAt)
        let backup = try await openCopy(of: manifest)
        try await take(for: manifest)
        var report = Restore.Report()
        report.madeAt = manifest.madeAt
        let tables = try SchemaTable.all(of: migrations)
        // Objects keep their rows; all else would count as a difference, such as what an earlier run
        // has marked as lost.
        try await TableCopies(
            source: backup, target: target.database, tables: tables.filter { $0.name != "object" }
        ).empty()
        try await keepObjects(backup, manifest, &report, progress)
        let moves = objectMoves(from: backup)
        let outcome = try await moves.run(removesSurplus: false) {
            progress(
                Backup.Progress(
                    done: $0.count, count: manifest.objectCount,
                    copiedByteCount: $0.copiedByteCount))
        }
        report.copiedCount = outcome.copiedCount
        report.copiedByteCount = outcome.copiedByteCount
        try await copyRows(
            TableCopies(
                source: backup, target: target.database, tables: Move.rowTables(of: tables)))
        report.missing = try await moves.markMissing(by: kernel, at: now)
        try await placeKeepsakes()
        try backup.close()
        try removeCopy()
        report.epoch = try await end(manifest)
        return report
    }

    // MARK: - Steps

    private func take(for manifest: BackupManifest) async throws {
        let tables = try SchemaTable.all(of: migrations)
        let (mark, isEmpty) = try await target.database.read { transaction in
            (
                try MoveMark.read(in: transaction),
                try tables.allSatisfy { try $0.lastKey(in: transaction) == nil }
            )
        }
        let isOurs = mark?.kind == .restoring && mark?.server == manifest.server
        guard isOurs || (mark == nil && isEmpty) else {
            throw BackupError(
                .databaseInPlace,
                "\(target.name) holds something already: name a database where nothing is yet.")
        }
        if let bucket = target.store as? S3ObjectStore {
            try await bucket.prepare(server: manifest.server)
        }
        let new = MoveMark(.restoring, server: manifest.server, place: place.text)
        try await target.database.write { try new.write(in: $0) }
    }

    /// The backup itself is not written to: its database may be an older version's.
    private func openCopy(of manifest: BackupManifest) async throws -> SQLiteDatabase {
        try removeCopy()
        try await manifest.fetchDatabase(
            from: place, to: target.work, staging: target.work + "-copy")
        return try SQLiteDatabase(path: target.work, migrations: migrations, for: .copying)
    }

    private func removeCopy() throws {
        for path in [target.work, target.work + "-wal", target.work + "-shm"] {
            try PlainFiles.remove(path)
        }
    }

    private func keepObjects(
        _ backup: SQLiteDatabase, _ manifest: BackupManifest, _ report: inout Restore.Report,
        _ progress: (Backup.Progress) -> Void
    ) async throws {
        let objects = KeptObjects(
            store: target.store, database: target.database, backup: backup, kernel: kernel,
            now: now)
        let found = try await objects.run {
            progress(
                Backup.Progress(done: $0, count: manifest.objectCount, copiedByteCount: 0))
        }
        report.keptCount = found.keptCount
        report.adoptedCount = found.adoptedCount
    }

    private func objectMoves(from backup: SQLiteDatabase) -> ObjectMoves {
        let place = place
        return ObjectMoves(
            source: ObjectMoves.Source(database: backup) { digest, _, byteCount in
                place.bytes(BackupObject.name(of: digest), 0..<byteCount)
            },
            target: ObjectMoves.Place(database: target.database, store: target.store))
    }

    private func copyRows(_ copies: TableCopies) async throws {
        try await copies.run { _ in }
        let (different, _) = try await copies.compare { _ in }
        guard different.isEmpty else {
            throw MoveError(
                .rowsDiffer,
                "The rows of \(different.joined(separator: ", ")) are not those of the backup: end "
                    + "what writes to \(target.name), and run it again.")
        }
    }

    /// Those that are there are newer.
    private func placeKeepsakes() async throws {
        if let line = try await lines(BackupManifest.receiptKey).first {
            guard let key = KeyFile.decode(line) else {
                throw BackupError(
                    .backupDamaged,
                    "\(BackupManifest.receiptKey) in \(place.text) holds no key of 64 hexadecimal "
                        + "digits.")
            }
            _ = try await target.keepsakes.keep(receiptKey: key)
        }
        guard try await target.keepsakes.revoked().isEmpty else { return }
        try await target.keepsakes.add(revoked: try await lines(BackupManifest.revoked))
    }

    private func lines(_ name: String) async throws -> [String] {
        guard try await place.byteCount(name) != nil else { return [] }
        let bytes = try await place.read(name, byteCountMax: Limits.keyFileByteCountMax)
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// The mark goes with the new epoch, at one moment.
    private func end(_ manifest: BackupManifest) async throws -> Epoch {
        let last = LastBackup(
            madeAt: manifest.madeAt, epoch: manifest.epoch,
            heads: Dictionary(manifest.zones.map { ($0.zone, $0.head) }) { first, _ in first })
        return try await target.database.write { [kernel, now] transaction in
            try last.save(in: transaction)
            try kernel.beginEpoch(above: manifest.epoch, at: now, in: transaction)
            try MoveMark.remove(in: transaction)
            return try kernel.serverState(in: transaction).epoch
        }
    }
}
