import GRDB
import Records

/// A database's file that nobody writes: a snapshot, or one that may be damaged.
package enum SQLiteSnapshot {
    /// Reads it without changing anything.
    ///
    /// Blocks.
    package static func read<R>(
        _ path: String, _ body: (any Transaction) throws -> R
    ) throws -> R {
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration())
            defer { try? queue.close() }
            return try queue.read { try body(SQLiteTransaction($0)) }
        } catch let error as DatabaseError {
            throw StorageError(sqlite: error)
        }
    }

    /// Throws unless it is a whole database by SQLite's own check.
    ///
    /// Blocks.
    package static func check(_ path: String) throws {
        try read(path) { transaction in
            let found = try transaction.rows("PRAGMA quick_check(1)").first?.text(0)
            guard found == "ok" else {
                throw StorageError(
                    .damaged, "The database \(path) is damaged: \(found ?? "nothing to read").")
            }
        }
    }

    private static func configuration() -> Configuration {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(Double(Limits.databaseBusySeconds))
        return configuration
    }
}

extension SQLiteDatabase {
    /// Writes all that is committed now into a new file, synced, while others read and write.
    ///
    /// Blocks.
    package func snapshot(to path: String) throws(StorageError) {
        // An empty file of its owner's only: SQLite would let others read it.
        _ = try OpenFile.create(path)
        do {
            try vacuum(into: path)
        } catch {
            throw StorageError(sqlite: error)
        }
        try PlainFiles.sync(path)
        try PlainFiles.syncFolder(Files.parent(of: path))
    }
}
