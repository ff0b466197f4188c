import GRDB
import Records

extension SQLiteSnapshot {
    /// Writes all rows of a database, as they are at one moment, into a new SQLite file, synced,
    /// while others read and write.
    ///
    /// Throws `databaseFromNewerVersion` rather than leave out what a newer version has added; an
    /// SQLite database is copied with all that is in it. Memory: a page of rows.
    package static func make(
        _ path: String, of database: any Database, migrations: [Migration]
    ) async throws {
        if let database = database as? SQLiteDatabase { return try database.snapshot(to: path) }
        let tables = try SchemaTable.all(of: migrations)
        try await database.read { transaction in
            // Another server may have brought it further; what it added would be left out.
            let steps = try transaction.rows("SELECT name FROM migration ORDER BY position")
            _ = try DatabasePurpose.copying.count(steps.map { $0.text(0) }, of: migrations)
            // A read whose connection was lost is begun again.
            try Files.remove(path)
            // Its owner's only: SQLite would let others read it.
            _ = try OpenFile.create(path)
            do {
                try fill(path, with: tables, of: transaction, migrations)
            } catch let error as DatabaseError {
                throw StorageError(sqlite: error)
            }
        }
        try PlainFiles.sync(path)
        try PlainFiles.syncFolder(Files.parent(of: path))
    }

    private static func fill(
        _ path: String, with tables: [SchemaTable], of source: any Transaction,
        _ migrations: [Migration]
    ) throws {
        var configuration = Configuration()
        // The database that they come from has checked them.
        configuration.foreignKeysEnabled = false
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        defer { try? queue.close() }
        try queue.writeWithoutTransaction { database in
            // Nobody looks at it before it is whole.
            try database.execute(sql: "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
            try SQLiteSchema.bring(database, to: migrations, for: .serving)
            try database.inTransaction {
                let target = SQLiteTransaction(database)
                for table in tables { try copy(table, from: source, to: target) }
                return .commit
            }
        }
    }

    private static func copy(
        _ table: SchemaTable, from source: any Transaction, to target: any Transaction
    ) throws {
        var rows: [SQLRow] = []
        var byteCount = 0
        try table.forEachRow(in: source) { row in
            rows.append(row)
            byteCount += row.byteCount
            if rows.count >= Limits.tablePageRowsMax || byteCount >= Limits.tablePageByteCountMax {
                try table.insert(rows, in: target)
                (rows, byteCount) = ([], 0)
            }
            return true
        }
        try table.insert(rows, in: target)
    }
}
