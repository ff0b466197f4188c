import NIOPosix
import Records

/// A database on a PostgreSQL server, which several servers of Martlet's may share.
///
/// Writes are serializable among all of them; a read sees one state, that of the commits that were
/// finished when it began. A connection that was lost is made anew by whoever needs it next.
package final class PostgresDatabase: Database {
    private let pool: PostgresPool
    private let readers: NIOThreadPool
    private let writer: PostgresWriter

    /// Brings the schema up to `migrations`, while other servers wait.
    ///
    /// Blocks. Throws `unreachable`, `cannotOpen` (also behind a pooler that shares sessions),
    /// `readOnly`, and `databaseFromNewerVersion` and `notOurDatabase` as SQLite does; the database
    /// stays untouched then.
    package init(
        _ address: PostgresAddress, migrations: [Migration],
        for purpose: DatabasePurpose = .serving
    ) throws(StorageError) {
        let pool = PostgresPool(address)
        let (connection, _) = try pool.take()
        try PostgresSession.require(of: connection, at: address)
        try PostgresSchema.bring(connection, to: migrations, for: purpose)
        pool.giveBack(connection)
        self.pool = pool
        writer = PostgresWriter(pool)
        readers = NIOThreadPool(numberOfThreads: Limits.postgresReadersMax)
        readers.start()
    }

    deinit { readers.shutdownGracefully { _ in } }

    package func read<R: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> R
    ) async throws -> R {
        try await readers.runIfActive { [pool] in
            var attempt = 0
            while true {
                attempt += 1
                let (connection, isNew) = try pool.take()
                do {
                    let result = try Self.read(connection, body)
                    pool.giveBack(connection)
                    return result
                } catch {
                    connection.rollBack()
                    pool.giveBack(connection)
                    guard connection.isLost else { throw error }
                    pool.dropIdle()
                    // A stale connection says nothing about the server.
                    guard !isNew, attempt < Limits.readAttemptsMax else { throw Self.lost }
                }
            }
        }
    }

    private static let lost = StorageError(
        .unreachable, "The connection to the database was lost: repeat it.")

    private static func read<R>(
        _ connection: PostgresConnection, _ body: (any Transaction) throws -> R
    ) throws -> R {
        let transaction = PostgresTransaction(connection)
        try connection.sendOnce("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", [])
        let result = try transaction.failingInOrder { try body(transaction) }
        _ = try connection.runOnce("COMMIT", []).command
        return result
    }

    package func write<R: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> R
    ) async throws -> R {
        try await writer.write(body)
    }
}
