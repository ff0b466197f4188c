import Kernel
package import Operations
package import Storage

// What looks at a server, or works on its blobs, from beside it.
extension DataFolder {
    /// The server as the doctor sees it: nothing is made, swept or brought up to date.
    ///
    /// A PostgreSQL database takes missing steps of the schema, as with any other command. Blocks.
    package func examined(
        blobs place: BlobsPlace, isDeep: Bool, _ surroundings: ServerSurroundings = .system,
        progress: @escaping @Sendable (Int64, Int64) -> Void
    ) -> ExaminedServer {
        let database = Result { () throws(StorageError) -> any Database in
            guard case .sqlite = self.place else { return try openAnyDatabase() }
            return try SQLiteReader(path: self.database, migrations: MartletServer.migrations)
        }
        return ExaminedServer(
            place: ExaminedServer.Place(
                folder: path, manifest: manifest, workFolder: path,
                holder: DataFolderLock.holder(of: lock)),
            database: database,
            store: Result { () throws(StorageError) in try openBlobs(place, surroundings) },
            kernel: Self.kernel(surroundings), migrations: MartletServer.migrations,
            surroundings: ExaminedServer.Surroundings(
                now: surroundings.now,
                monotonicMilliseconds: surroundings.monotonicMilliseconds,
                clock: surroundings.clock), isDeep: isDeep, progress: progress)
    }

    /// What reads every stored byte back, beside a server that runs or not.
    ///
    /// Blocks.
    package func scrub(
        _ database: any Database, blobs place: BlobsPlace,
        _ surroundings: ServerSurroundings = .system
    ) throws(StorageError) -> Scrub {
        Scrub(
            database: database, store: try openBlobs(place, surroundings),
            kernel: Self.kernel(surroundings), now: surroundings.now,
            randomNumber: surroundings.randomNumber, clock: surroundings.clock)
    }

    /// Makes the server's database anew from what is proven of it; see `ServerMending`.
    ///
    /// Throws `MendingError`, and `dataFolderInUse` while a server runs. Blocks.
    package func mend(
        blobs place: BlobsPlace, _ surroundings: ServerSurroundings = .system
    ) async throws -> ServerMending.Report {
        guard case .sqlite = self.place else {
            throw MendingError(
                .notSQLite,
                "Martlet mends SQLite databases only: restore a PostgreSQL database by its own "
                    + "means.")
        }
        let lock = try take(for: "mending its database")
        let report = try await ServerMending(
            mendingPlaces, store: try openBlobs(place, surroundings),
            kernel: Self.kernel(surroundings), migrations: MartletServer.migrations,
            surroundings: ExaminedServer.Surroundings(
                now: surroundings.now,
                monotonicMilliseconds: surroundings.monotonicMilliseconds,
                clock: surroundings.clock)
        ).run()
        withExtendedLifetime(lock) {}
        return report
    }

    /// Ends a repair that was interrupted, by putting back what was there.
    ///
    /// Blocks.
    package func endInterruptedMending() throws {
        guard case .sqlite = place, try PlainFiles.byteCount(restoreMark) != nil else { return }
        let lock = try take(for: "putting its database back")
        try mendingPlaces.putBack()
        withExtendedLifetime(lock) {}
    }

    /// Puts back the database that the latest repair moved aside; returns where the other one is.
    ///
    /// Blocks.
    package func undoMending(_ surroundings: ServerSurroundings = .system) throws -> String {
        let lock = try take(for: "putting its database back")
        let aside = try mendingPlaces.undo(at: surroundings.now())
        withExtendedLifetime(lock) {}
        return aside
    }

    private var mendingPlaces: MendingPlaces {
        MendingPlaces(folder: path, database: database, mark: restoreMark)
    }

    /// The blobs of a server that may run.
    ///
    /// Throws `objectStoreUnreachable` where their folder is not there, instead of making it.
    private func openBlobs(
        _ place: BlobsPlace, _ surroundings: ServerSurroundings
    ) throws(StorageError) -> any ObjectStore {
        if case .directory = place {
            guard try PlainFiles.byteCount(blobs + "/objects") != nil else {
                throw StorageError(
                    .objectStoreUnreachable, "There is no \(blobs)/objects: mount its disk.")
            }
        }
        // What a running server has under way is left alone, as beside another server.
        return try place.open(
            in: DataFolder(path: path, database: self.place, isShared: true), surroundings)
    }
}
