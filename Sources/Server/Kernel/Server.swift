package import Records
package import Storage

/// What the server knows about itself.
package struct ServerState: Hashable, Sendable {
    /// 32 hexadecimal digits; the same for as long as the database lives.
    package let id: String
    package let epoch: Epoch
    /// When the present epoch began because a rollback was found; `nil` in the first.
    package let newEpochAt: Timestamp?
    /// The days that the server lived through.
    package let day: Int64
    /// Since when wall and monotonic time have disagreed; `nil` when they agree.
    package let clockSuspectSince: Timestamp?
}

extension Kernel {
    /// Makes the server's own row at the first start; repeatable.
    @discardableResult
    package func prepare(
        at time: Timestamp, in transaction: any Transaction
    ) throws(KernelError) -> ServerState {
        let id: Identifier<ServerSubject> = newIdentifier()
        let isNew = try transaction.change(
            """
            INSERT INTO server ("only", id, epoch, day, tickedAt) VALUES (1, ?, 1, 0, ?)
            ON CONFLICT ("only") DO NOTHING
            """, [SQLValue(id), SQLValue(time)])
        if isNew > 0 { try SummedTable.server.seal([1], in: transaction) }
        return try serverState(in: transaction)
    }

    package func serverState(in transaction: any Transaction) throws(KernelError) -> ServerState {
        guard
            let row = try transaction.first(
                "SELECT id, epoch, newEpochAt, day, clockSuspectSince FROM server")
        else {
            throw KernelError(.storage, "The database has no server yet: call prepare first.")
        }
        return ServerState(
            id: Hexadecimal.encode(row.blob(0)), epoch: Epoch(rawValue: row.integer(1)),
            newEpochAt: row.optionalTimestamp(2), day: row.integer(3),
            clockSuspectSince: row.optionalTimestamp(4))
    }
}

private enum ServerSubject {}
