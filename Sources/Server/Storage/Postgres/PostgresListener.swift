import NIOPosix
import Records
import Synchronization

/// What servers of one database know of each other, by a connection of its own: its locks say that
/// this one runs and whose blobs it has, its notifications what has changed.
package final class PostgresListener: Sendable {
    private struct State {
        var connection: PostgresConnection?
        /// `nil` before it is known.
        var folderNumber: Int64?
        var isStopped = false
    }

    /// What the listener hears.
    package enum News: Sendable {
        /// The text of some server's `notify`, this one's own included.
        case notified(String)
        /// The connection was lost for a while: whatever may have been said meanwhile is not known.
        case missed
    }

    /// Of the advisory locks that servers hold: MRTS.
    private static let lockClass: Int64 = 0x4D52_5453

    private let address: PostgresAddress
    private let isShared: Bool
    private let senders: PostgresPool
    private let threads: NIOThreadPool
    private let state: Mutex<State>

    /// `folderNumber` is above 0 and differs between servers that are not one; `nil`: `join` says it.
    ///
    /// Throws `busy` while another server runs at the database, unless both are `shared` and have
    /// one folder; `cannotOpen` behind a pooler that shares sessions. Blocks.
    package init(
        _ address: PostgresAddress, folderNumber: Int64?, isShared: Bool
    ) throws(StorageError) {
        self.address = address
        self.isShared = isShared
        let connection = try Self.connect(address, folderNumber, isShared)
        state = Mutex(State(connection: connection, folderNumber: folderNumber))
        senders = PostgresPool(address)
        threads = NIOThreadPool(numberOfThreads: 2)
        threads.start()
    }

    deinit { threads.shutdownGracefully { _ in } }

    /// Says which number it has, before it listens.
    ///
    /// Throws `busy` while a server with another one runs. Blocks.
    package func join(_ folderNumber: Int64) throws(StorageError) {
        let connection = state.withLock { state in
            state.folderNumber = folderNumber
            return state.connection
        }
        if let connection { try Self.join(connection, address, folderNumber) }
    }

    /// Tells every server that listens, soon.
    ///
    /// Not inside of a transaction: that would let the commits of all servers wait for each other.
    package func notify(_ text: String) async throws {
        try await threads.runIfActive { [senders] in
            let (connection, _) = try senders.take()
            defer { senders.giveBack(connection) }
            _ = try connection.runOnce("SELECT pg_notify('martlet', ?)", [.text(text)]).rowCount
        }
    }

    /// Hands out what is heard until `stop`; a lost connection is made anew.
    ///
    /// `heard` is called in a thread of the listener's, and must not wait.
    package func listen(_ heard: @escaping @Sendable (News) -> Void) async throws {
        try await threads.runIfActive { [self] in
            while let connection = current(heard) {
                do throws(StorageError) {
                    for text in try connection.notifications(
                        waiting: Limits.listenerWaitMilliseconds)
                    {
                        heard(.notified(text))
                    }
                } catch {
                    state.withLock { $0.connection = nil }
                }
            }
        }
    }

    package func stop() { state.withLock { $0.isStopped = true } }

    /// The connection; `nil` once stopped.
    private func current(_ heard: (News) -> Void) -> PostgresConnection? {
        while true {
            let (connection, folderNumber, isStopped) = state.withLock {
                ($0.connection, $0.folderNumber, $0.isStopped)
            }
            if isStopped { return nil }
            if let connection { return connection }
            if let made = try? Self.connect(address, folderNumber, isShared) {
                state.withLock { $0.connection = made }
                heard(.missed)
                return made
            }
            PostgresConnection.pause(milliseconds: Int(Limits.listenerWaitMilliseconds))
        }
    }

    private static func connect(
        _ address: PostgresAddress, _ folderNumber: Int64?, _ isShared: Bool
    ) throws(StorageError) -> PostgresConnection {
        let connection = try PostgresConnection(address)
        // Each time: by now the name may lead to a pooler, which must not be left with the locks.
        try PostgresSession.require(of: connection, at: address)
        let kind = isShared ? "_shared" : ""
        let isFree = try connection.runOnce(
            "SELECT pg_try_advisory_lock\(kind)(?::int, 0)", [.integer(lockClass)]
        ).rows().first?.bool(0)
        guard isFree == true else {
            throw StorageError(
                .busy,
                """
                Another server runs at the database \(address): stop it, or start all of them \
                with one bucket by --blobs, or with --blobs-shared and one folder.
                """)
        }
        if let folderNumber { try join(connection, address, folderNumber) }
        try connection.run("LISTEN martlet")
        return connection
    }

    private static func join(
        _ connection: PostgresConnection, _ address: PostgresAddress, _ folderNumber: Int64
    ) throws(StorageError) {
        let others = try connection.runOnce(
            """
            SELECT COUNT(*) FROM pg_locks
            WHERE locktype = 'advisory' AND classid::bigint = ? AND objsubid = 2
                AND objid::bigint NOT IN (0, ?)
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """, [.integer(lockClass), .integer(folderNumber)]
        ).rows().first
        guard others?.integer(0) == 0 else {
            throw StorageError(
                .busy,
                """
                Another server of the database \(address) keeps its blobs in another folder: \
                give both the same one by --data, or the same bucket by --blobs.
                """)
        }
        _ = try connection.runOnce(
            "SELECT pg_try_advisory_lock_shared(?::int, ?::int)",
            [.integer(lockClass), .integer(folderNumber)]
        ).rowCount
    }
}
