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
            // These are few, and must work when nothing else does.
            if arguments.isEmpty, Self.isControl(sql) {
                return try connection.runOnce(sql, []).changedCount
            }
            return try connection.run(sql, arguments).changedCount
        }
    }

    package func executePipelined(
        _ sql: String, _ arguments: [SQLValue]
    ) throws(StorageError) {
        try noting { () throws(StorageError) in
            try connection.send(sql, arguments)
            if connection.isFull { try connection.collect() }
        }
    }

    /// Waits for all statements; throws the failure of the first that failed.
    func collect() throws(StorageError) {
        try noting { () throws(StorageError) in try connection.collect() }
    }

    /// Runs `body`; when it throws, but a statement that it had sent has failed, throws that
    /// statement's failure, which came first.
    func failingInOrder<R>(_ body: () throws -> R) throws -> R {
        do {
            return try body()
        } catch {
            try collect()
            throw error
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
        try noting { () throws(StorageError) in
            try connection.sendOnce("DECLARE \(name) NO SCROLL CURSOR FOR \(sql)", arguments)
        }
        do {
            try failingInOrder { try fetch(name, body) }
        } catch {
            // A transaction that failed has no cursors any more.
            try? connection.run("CLOSE \(name)")
            throw error
        }
        try noting { () throws(StorageError) in try connection.sendOnce("CLOSE \(name)", []) }
    }

    private func fetch(_ cursor: String, _ body: (SQLRow) throws -> Bool) throws {
        var count = Limits.cursorRowsFirst
        while true {
            let rows = try noting { () throws(StorageError) in
                try connection.runOnce("FETCH \(count) FROM \(cursor)", []).rows()
            }
            for row in rows {
                guard try body(row) else { return }
            }
            guard rows.count == count else { return }
            count = Limits.cursorRowsMax
        }
    }

    package func savepoint<R>(_ body: () throws -> R) throws -> R {
        try execute("SAVEPOINT martlet")
        do {
            let result = try failingInOrder(body)
            // Behind what is under way: that fails within this savepoint.
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
