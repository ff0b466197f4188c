import Records

/// Whether what a connection sets stays with it.
///
/// Prepared statements, locks between transactions and `LISTEN` belong to a session. A pooler in
/// transaction mode (PgBouncer and others) gives each transaction to whichever of its sessions is
/// free: locks would be left to strangers, and notifications lost without a word.
enum PostgresSession {
    private static let setting = "martlet.connection"

    /// Throws `cannotOpen` where connections to `address` have no sessions of their own.
    ///
    /// Leaves nothing in the database. Before it has returned, nothing may be prepared or locked:
    /// that would stay behind in the pooler's session. Blocks.
    static func require(
        of connection: PostgresConnection, at address: PostgresAddress
    ) throws(StorageError) {
        // A pooler makes a number up, to pass on who asks it to cancel: a server itself, as nearly
        // always, is asked nothing more. In session mode the numbers differ as well.
        let number = try connection.runOnce("SELECT pg_backend_pid()::bigint", []).rows()
            .first?.integer(0)
        guard number != Int64(connection.number) else { return }
        let other = try PostgresConnection(address)
        // Others may take a session between two looks, and hide that it is shared.
        for attempt in 1...Limits.sessionAttemptsMax {
            let mark = "\(connection.number) \(other.number) \(attempt)"
            _ = try connection.runOnce(
                "SELECT set_config('\(setting)', ?, false)", [.text(mark)]
            ).rowCount
            guard try value(connection) == mark, try value(other) != mark else {
                throw StorageError(
                    .cannotOpen,
                    """
                    At \(address) is a pooler that shares sessions among connections, such as \
                    PgBouncer with pool_mode=transaction: give --database the address of the \
                    PostgreSQL server itself.
                    """)
            }
        }
    }

    private static func value(_ connection: PostgresConnection) throws(StorageError) -> String {
        try connection.runOnce("SELECT COALESCE(current_setting('\(setting)', true), '')", [])
            .rows().first?.text(0) ?? ""
    }
}
