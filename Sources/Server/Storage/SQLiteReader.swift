import GRDB
import Records

/// A database's file for those who only look, beside a server that runs or not: nothing is changed,
/// and no step of the schema is taken.
package final class SQLiteReader: Database {
    private let queue: DatabaseQueue

    /// Throws `cannotOpen` for a schema that lacks some of `migrations`.
    ///
    /// Throws `databaseFromNewerVersion` and `notOurDatabase` as `SQLiteDatabase` does. Blocks.
    package init(path: String, migrations: [Migration]) throws(StorageError) {
        do {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(Double(Limits.databaseBusySeconds))
            configuration.prepareDatabase { database in
                try database.execute(sql: "PRAGMA trusted_schema = OFF")
                try database.execute(sql: "PRAGMA cell_size_check = ON")
            }
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.read { database in
                guard try SQLiteSchema.count(of: migrations, in: database) == migrations.count
                else {
                    throw StorageError(
                        .cannotOpen,
                        "The database is of an older Martlet: start the server once.")
                }
            }
        } catch {
            throw StorageError(sqlite: error)
        }
    }

    package func read<R: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> R
    ) async throws -> R {
        do {
            return try await queue.read { try body(SQLiteTransaction($0)) }
        } catch let error as DatabaseError {
            throw StorageError(sqlite: error)
        }
    }

    package func write<R: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> R
    ) async throws -> R {
        throw StorageError(.readOnly, "The database was opened for looking only.")
    }

    /// What SQLite's own check of every page, index and foreign key finds, at most `limit` of it.
    package func damage(limit: Int) async throws -> [String] {
        try await read { transaction in
            let pages = try transaction.rows("PRAGMA integrity_check(\(limit))")
                .map { $0.text(0) }.filter { $0 != "ok" }
            let keys = try transaction.rows("PRAGMA foreign_key_check").prefix(limit).map { row in
                "a row of \(row.text(0)) refers to one of \(row.text(2)) that is not there"
            }
            return Array((pages + keys).prefix(limit))
        }
    }

    /// All that is committed now, as a file of its own.
    ///
    /// Blocks.
    package func copy(to path: String) throws(StorageError) {
        _ = try OpenFile.create(path)
        do { try queue.vacuum(into: path) } catch { throw StorageError(sqlite: error) }
    }
}
