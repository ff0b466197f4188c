import Records
import Synchronization

/// The connections to one database, made when they are needed and kept for the next.
final class PostgresPool: Sendable {
    private let address: PostgresAddress
    private let idle = Mutex<[PostgresConnection]>([])

    init(_ address: PostgresAddress) { self.address = address }

    /// A connection for the caller alone, who gives it back unless it is lost; `isNew` when it was
    /// made just now, so that it cannot have gone stale.
    ///
    /// Blocks.
    func take() throws(StorageError) -> (connection: PostgresConnection, isNew: Bool) {
        if let connection = idle.withLock({ $0.popLast() }), !connection.isLost {
            return (connection, false)
        }
        return (try PostgresConnection(address), true)
    }

    func giveBack(_ connection: PostgresConnection) {
        guard !connection.isLost, !connection.isInTransaction else { return }
        idle.withLock { idle in
            if idle.count <= Limits.postgresReadersMax { idle.append(connection) }
        }
    }

    /// Ends those that nobody uses now: the server has gone away under one of them.
    func dropIdle() { idle.withLock { $0.removeAll() } }
}
