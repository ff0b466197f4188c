import GRDB
import GRDBSQLite
import Records

/// The embedded database: one SQLite file in write-ahead mode, synced before each write returns.
///
/// Reads run beside writes, each over one state. The memory of all connections together is
/// `Limits.databaseCacheByteCount`.
package final class SQLiteDatabase: Database {
    private let connections: any DatabaseWriter
    private let groupCommit: GroupCommit

    /// Opens or makes the database at `path` and brings its schema up to `migrations`.
    ///
    /// Blocks. Throws `databaseFromNewerVersion` for a schema with steps that are not in
    /// `migrations`, and `notOurDatabase` for another program's file; both stay untouched, as does
    /// what `purpose` forbids to open.
    package convenience init(
        path: String, migrations: [Migration], for purpose: DatabasePurpose = .serving
    ) throws(StorageError) {
        do {
            try SQLiteSchema.check(path, migrations, for: purpose)
            let pool = try DatabasePool(path: path, configuration: Self.configuration())
            // GRDB sets NORMAL, under which a power cut takes the last commits (P1).
            try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
            try self.init(pool, migrations: migrations, for: purpose)
        } catch {
            throw StorageError(sqlite: error)
        }
    }

    private init(
        _ connections: any DatabaseWriter, migrations: [Migration], for purpose: DatabasePurpose
    ) throws {
        try connections.writeWithoutTransaction {
            try SQLiteSchema.bring($0, to: migrations, for: purpose)
        }
        self.connections = connections
        groupCommit = GroupCommit(connections)
    }

    /// A database that is gone with its last reference.
    package static func inMemory(migrations: [Migration]) throws(StorageError) -> SQLiteDatabase {
        do {
            let queue = try DatabaseQueue(configuration: configuration())
            return try SQLiteDatabase(queue, migrations: migrations, for: .serving)
        } catch {
            throw StorageError(sqlite: error)
        }
    }

    package func read<R: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> R
    ) async throws -> R {
        do {
            return try await connections.read { try body(SQLiteTransaction($0)) }
        } catch let error as DatabaseError {
            throw StorageError(sqlite: error)
        }
    }

    package func write<R: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> R
    ) async throws -> R {
        try await groupCommit.write(body)
    }

    /// All that is committed now, in a new file; others go on meanwhile.
    ///
    /// Blocks.
    func vacuum(into path: String) throws { try connections.vacuum(into: path) }

    /// Writes what the log holds into the file itself, empties the log and lets go of both, so that
    /// the one file is the whole database.
    ///
    /// Blocks.
    package func close() throws(StorageError) {
        do {
            // The last connection to close is a reader's, which may not do this.
            try connections.writeWithoutTransaction {
                try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)")
            }
            try connections.close()
        } catch {
            throw StorageError(sqlite: error)
        }
    }

    private static func configuration() -> Configuration {
        var configuration = Configuration()
        configuration.label = "martlet"
        configuration.maximumReaderCount = Limits.databaseReadersMax
        configuration.busyMode = .timeout(Double(Limits.databaseBusySeconds))
        configuration.foreignKeysEnabled = true
        configuration.prepareDatabase { database in
            // Half for the writer, the other half for the readers together.
            let half = Limits.databaseCacheByteCount / 2
            let isReader = database.configuration.readonly
            let byteCount = isReader ? half / Limits.databaseReadersMax : half
            try database.execute(
                sql: """
                    PRAGMA cache_size = -\(byteCount >> 10);
                    PRAGMA mmap_size = 0;
                    PRAGMA trusted_schema = OFF;
                    PRAGMA cell_size_check = ON;
                    PRAGMA temp_store = MEMORY;
                    PRAGMA wal_autocheckpoint = \(Limits.databaseLogPagesMax);
                    """)
        }
        return configuration
    }
}

/// One connection in memory, used in the calling thread: for the simulator, which runs kernel
/// transactions as savepoints of its own.
package enum SQLiteScratch {
    /// Makes the database, hands out its connection, and drops both when `body` returns.
    package static func run<R>(
        migrations: [Migration], _ body: (SQLiteTransaction) throws -> R
    ) throws -> R {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let queue = try DatabaseQueue(configuration: configuration)
        return try queue.writeWithoutTransaction { database in
            try SQLiteSchema.bring(database, to: migrations, for: .serving)
            return try body(SQLiteTransaction(database))
        }
    }
}
