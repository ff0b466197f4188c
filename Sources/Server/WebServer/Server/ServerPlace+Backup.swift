package import Operations
package import Records
package import Storage

// Backups of a server in any kind of place, and back.
extension ServerPlace {
    /// Records and blobs are both in the folder.
    package var isEmbedded: Bool {
        if case .sqlite = folder.place, case .directory = blobs { true } else { false }
    }

    /// Neither is: any number of servers have them, each with a folder of its own.
    package var isElsewhere: Bool {
        if case .postgres = folder.place, case .bucket = blobs { true } else { false }
    }

    /// What of the server outlives its database; `store` is the place's.
    func keepsakes(_ database: any Database, _ store: any ObjectStore) -> any Keepsakes {
        bucketKeepsakes(database, store) ?? folder.keepsakes
    }

    /// `nil` where they are files.
    func bucketKeepsakes(
        _ database: any Database, _ store: any ObjectStore
    ) -> BucketKeepsakes? {
        guard isElsewhere, let bucket = store as? S3ObjectStore else { return nil }
        return BucketKeepsakes(
            database: database, store: bucket, folder: folder.keepsakes,
            folderName: folder.path)
    }

    /// What a backup is made of, beside servers that run or not.
    ///
    /// Throws `wrongPlace` where its objects are somewhere else. Blocks.
    package func backupSource(
        _ surroundings: ServerSurroundings = .system
    ) async throws -> Backup.Source {
        let database = try folder.openAnyDatabase()
        try await blobs.checkKeys(in: database)
        let store = try blobs.openForReading(in: folder, surroundings)
        return Backup.Source(
            database: database, store: store, keepsakes: keepsakes(database, store),
            folder: folder.path, isOnDisk: !isElsewhere)
    }

    /// Puts a backup there, the newest of its place unless `madeAt` says which, while no server
    /// runs; `replaces`: also where a folder has a database that
    /// can be read, which is kept aside.
    ///
    /// Throws `ServerError.dataFolderInUse` or `StorageError.busy` while a server runs. Blocks.
    package func restore(
        from backup: any BackupPlace, madeAt: Timestamp? = nil, replaces: Bool,
        surroundings: ServerSurroundings = .system, _ progress: (Backup.Progress) -> Void
    ) async throws -> Restore.Report {
        let locks = try ServerLocks([self], for: "restoring a backup")
        try await BackupManifest.read(in: backup, madeAt: madeAt).check(in: backup)
        let isOfFolder =
            isEmbedded ? try await !RestoreByRows.isOfBucket(backup, madeAt: madeAt) : false
        let report =
            isOfFolder
            ? try await restoreFolder(from: backup, madeAt, replaces, surroundings, progress)
            : try await restoreByRows(from: backup, madeAt, replaces, surroundings, progress)
        withExtendedLifetime(locks) {}
        return report
    }

    private func restoreFolder(
        from backup: any BackupPlace, _ madeAt: Timestamp?, _ replaces: Bool,
        _ surroundings: ServerSurroundings,
        _ progress: (Backup.Progress) -> Void
    ) async throws -> Restore.Report {
        let restore = Restore(
            from: backup, madeAt: madeAt, to: folder.restoreTarget,
            kernel: DataFolder.kernel(surroundings),
            migrations: MartletServer.migrations, at: surroundings.now())
        try await restore.prepare(replaces: replaces)
        return try await restore.run(progress)
    }

    private func restoreByRows(
        from backup: any BackupPlace, _ madeAt: Timestamp?, _ replaces: Bool,
        _ surroundings: ServerSurroundings,
        _ progress: (Backup.Progress) -> Void
    ) async throws -> Restore.Report {
        let aside = try moveDatabaseAside(replaces: replaces, at: surroundings.now())
        let database = try folder.openAnyDatabase(for: .movingTo)
        let store = try blobs.open(in: folder, surroundings)
        let restore = RestoreByRows(
            from: backup, madeAt: madeAt,
            to: RestoreByRows.Target(
                name: text, database: database, store: store,
                keepsakes: keepsakes(database, store),
                work: folder.path + "/restoring.sqlite"),
            kernel: DataFolder.kernel(surroundings), migrations: MartletServer.migrations,
            at: surroundings.now())
        var report = try await restore.run(progress)
        report.aside = aside
        return report
    }

    /// Where the folder's database is now; `nil` when it had none, or one that may be filled.
    private func moveDatabaseAside(replaces: Bool, at now: Timestamp) throws -> String? {
        guard case .sqlite = folder.place, try PlainFiles.byteCount(folder.database) != nil,
            !RestoreByRows.mayFill(folder.database)
        else { return nil }
        guard replaces || (try? SQLiteSnapshot.check(folder.database)) == nil else {
            throw BackupError(
                .databaseInPlace,
                "\(folder.path) has a database that can be read. Give --replace to put the backup "
                    + "in its place; it is kept aside.")
        }
        let aside = folder.path + "/replaced-\(now.milliseconds)"
        try PlainFiles.makeFolder(aside)
        for suffix in ["", "-wal", "-shm"]
        where try PlainFiles.byteCount(folder.database + suffix) != nil {
            try PlainFiles.move(
                folder.database + suffix, to: aside + "/database.sqlite" + suffix)
        }
        try PlainFiles.syncFolder(aside)
        try PlainFiles.syncFolder(folder.path)
        return aside
    }
}
