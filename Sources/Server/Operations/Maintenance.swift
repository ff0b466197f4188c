package import Kernel
package import Records
package import Storage

/// The owner works on the server: until then it takes nothing in.
package struct Maintenance: Hashable, Sendable {
    package let since: Timestamp
    package let until: Timestamp
    /// The owner's words.
    package let message: String?

    package init(since: Timestamp, until: Timestamp, message: String?) {
        self.since = since
        self.until = until
        self.message = message
    }

    /// It ends by itself at its time, so that nobody has to remember it.
    package func isInForce(at now: Timestamp) -> Bool { now < until }

    /// The latest one that was begun and not ended; it may be over.
    package static func read(in transaction: any Transaction) throws(KernelError) -> Maintenance? {
        try transaction.first("SELECT since, until, message FROM maintenance").map { row in
            Maintenance(
                since: row.timestamp(0), until: row.timestamp(1), message: row.optionalText(2))
        }
    }

    /// Begins it, or changes one that is in force: then it is so since it began.
    package func begin(in transaction: any Transaction) throws(KernelError) {
        let before = try Self.read(in: transaction)
        let start = before.map { $0.isInForce(at: since) ? min($0.since, since) : since } ?? since
        try transaction.change(
            """
            INSERT INTO maintenance ("only", since, until, message) VALUES (1, ?, ?, ?)
            ON CONFLICT ("only") DO UPDATE SET
                since = excluded.since, until = excluded.until, message = excluded.message
            """, [SQLValue(start), SQLValue(until), SQLValue(message)])
    }

    /// Returns whether there was one.
    package static func end(
        at now: Timestamp, in transaction: any Transaction
    ) throws(KernelError) -> Bool {
        let before = try read(in: transaction)
        try transaction.change("DELETE FROM maintenance")
        return before?.isInForce(at: now) ?? false
    }
}
