/// SQL inside one transaction that somebody else begins and ends: it never says BEGIN or COMMIT
/// itself, so the simulator can wrap savepoints around it.
///
/// Belongs to one connection and to the call that it was given to; never keep it. Statements are
/// prepared once for each connection, so write them as constants with `?` for what varies.
package protocol Transaction: AnyObject {
    /// Runs one statement without a result. Returns how many rows it changed.
    @discardableResult
    func execute(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> Int

    /// Runs one statement whose result nobody looks at, without waiting for it where that takes a way
    /// there and back.
    ///
    /// Statements have their effects in the order of the calls. When this one fails, none behind it is
    /// run, and its error is thrown by this call or by a later one: at the latest where the next
    /// savepoint begins, where the one ends that it was run in, or at the end of the transaction, in
    /// place of whatever is thrown there. Whoever decides something by its failure calls `execute`.
    func executePipelined(_ sql: String, _ arguments: [SQLValue]) throws(StorageError)

    /// All rows of one statement.
    func rows(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> [SQLRow]

    /// Hands out the rows one at a time, until `body` returns `false`.
    func forEachRow(
        _ sql: String, _ arguments: [SQLValue], _ body: (SQLRow) throws -> Bool
    ) throws

    /// What `body` changed is undone when it throws; what went before stays.
    func savepoint<R>(_ body: () throws -> R) throws -> R
}

extension Transaction {
    @discardableResult
    package func execute(_ sql: String) throws(StorageError) -> Int {
        try execute(sql, [])
    }

    package func rows(_ sql: String) throws(StorageError) -> [SQLRow] {
        try rows(sql, [])
    }

    package func firstRow(
        _ sql: String, _ arguments: [SQLValue] = []
    ) throws(StorageError) -> SQLRow? {
        try rows(sql, arguments).first
    }
}
