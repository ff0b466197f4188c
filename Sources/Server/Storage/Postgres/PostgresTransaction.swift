import Records

/// A transaction of one PostgreSQL connection.
package final class PostgresTransaction: Transaction {
    private let connection: PostgresConnection
    private var cursorCount = 0
    /// Others got in its way, as one of its statements was told.
    ///
    /// Nothing of it can be kept, whatever its body makes of that error; it may be begun again.
    private(set) var hasConflict = false
    /// A row with its key was there already.
    ///
    /// PostgreSQL says so too when another server made that row at the same time, though both had
    /// looked before: begun again, the transaction sees it.
    private(set) var hasDuplicate = false

    init(_ connection: PostgresConnection) {
        self.connection = connection
    }

    @discardableResult
    package func execute(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> Int {
        try noting { () throws(StorageError) in
            if arguments.isEmpty, Self.isControl(sql) {
                try connection.run(sql)
                return 0
            }
            return try connection.run(sql, arguments).changedCount
        }
    }

    package func rows(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> [SQLRow] {
        try noting { () throws(StorageError) in try connection.run(sql, arguments).rows() }
    }

    package func forEachRow(
        _ sql: String, _ arguments: [SQLValue], _ body: (SQLRow) throws -> Bool
    ) throws {
        cursorCount += 1
        let name = "martletCursor\(cursorCount)"
        _ = try noting { () throws(StorageError) in
            try connection.runOnce("DECLARE \(name) NO SCROLL CURSOR FOR \(sql)", arguments)
                .changedCount
        }
        var isClosed = false
        // A transaction that failed has no cursors any more.
        defer { if !isClosed { try? connection.run("CLOSE \(name)") } }
        var count = Limits.cursorRowsFirst
        while true {
            let rows = try noting { () throws(StorageError) in
                try connection.runOnce("FETCH \(count) FROM \(name)", []).rows()
            }
            for row in rows {
                guard try body(row) else { return }
            }
            guard rows.count == count else { break }
            count = Limits.cursorRowsMax
        }
        isClosed = true
        try noting { () throws(StorageError) in try connection.run("CLOSE \(name)") }
    }

    package func savepoint<R>(_ body: () throws -> R) throws -> R {
        try execute("SAVEPOINT martlet")
        do {
            let result = try body()
            try execute("RELEASE martlet")
            return result
        } catch {
            // A lost connection has ended the whole transaction; there is nothing to undo.
            if connection.isInTransaction {
                try execute("ROLLBACK TO martlet")
                try execute("RELEASE martlet")
            }
            throw error
        }
    }

    private static func isControl(_ sql: String) -> Bool {
        sql.hasPrefix("SAVEPOINT ") || sql.hasPrefix("RELEASE ") || sql.hasPrefix("ROLLBACK TO ")
    }

    private func noting<R>(_ body: () throws(StorageError) -> R) throws(StorageError) -> R {
        do throws(StorageError) {
            return try body()
        } catch {
            if error.code == .transactionLost { hasConflict = true }
            if connection.failureState == "23505" { hasDuplicate = true }
            throw error
        }
    }
}
