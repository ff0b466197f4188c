import NIOPosix
import Records

/// The writes of one process, one transaction after the other in a thread of its own; those that
/// arrive together share one, as with SQLite.
///
/// Transactions are SERIALIZABLE: whatever other servers do at the same time, the outcome is one of
/// some order. When one of them got in the way, the whole transaction is begun again. One that
/// failed while its commit was under way is not: nobody knows whether it happened, and each of its
/// requests can be repeated (P8).
final class PostgresWriter: Sendable {
    private let pool: PostgresPool
    private let thread: NIOThreadPool
    private let queue = WriteQueue()

    init(_ pool: PostgresPool) {
        self.pool = pool
        thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
    }

    deinit { thread.shutdownGracefully { _ in } }

    func write<R: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> R
    ) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            guard queue.add(PendingWrite(continuation, body)) else { return }
            thread.submit { state in
                while let batch = self.queue.takeBatch() {
                    if state == .active {
                        self.commit(batch)
                    } else {
                        for write in batch { write.answer(Self.closed) }
                    }
                }
            }
        }
    }

    private static let closed = StorageError(.interrupted, "The database was closed.")

    /// How one attempt at a transaction ended.
    private enum Outcome {
        /// Each write has its answer.
        case answered
        /// Nothing happened; the same again may succeed.
        case again(StorageError)
    }

    private func commit(_ batch: [PendingWrite]) {
        var attempt = 0
        while true {
            attempt += 1
            switch tryCommit(batch, attempt) {
            case .answered: return
            case .again(let error):
                guard attempt < Limits.transactionAttemptsMax else {
                    for write in batch { write.answer(error) }
                    return
                }
            }
        }
    }

    private func tryCommit(_ batch: [PendingWrite], _ attempt: Int) -> Outcome {
        let (connection, isNew): (PostgresConnection, Bool)
        do throws(StorageError) {
            (connection, isNew) = try pool.take()
        } catch {
            for write in batch { write.answer(error) }
            return .answered
        }
        let outcome = run(batch, connection, attempt)
        connection.rollBack()
        pool.giveBack(connection)
        if case .again(let error) = outcome {
            if connection.isLost {
                pool.dropIdle()
                // One that was good a moment ago: its server went away just now.
                if isNew {
                    for write in batch { write.answer(error) }
                    return .answered
                }
            } else {
                Self.pause(attempt, connection.number)
            }
        }
        return outcome
    }

    private func run(
        _ batch: [PendingWrite], _ connection: PostgresConnection, _ attempt: Int
    ) -> Outcome {
        let transaction = PostgresTransaction(connection)
        do {
            // On its way with the first statement.
            try connection.sendOnce("BEGIN ISOLATION LEVEL SERIALIZABLE", [])
        } catch {
            return .again(error)
        }
        var errors: [(any Error)?] = []
        for write in batch {
            do {
                // Alone, the transaction itself is what is undone.
                if batch.count == 1 {
                    try transaction.failingInOrder { try write.run(transaction) }
                    // Not along with the commit: what fails here has not happened for certain, also
                    // when it is the connection, and is begun again.
                    try transaction.collect()
                } else {
                    try transaction.savepoint { try write.run(transaction) }
                }
                errors.append(nil)
            } catch {
                errors.append(error)
            }
            if connection.isLost { return .again(Self.lost) }
            let isNews = transaction.hasDuplicate && attempt < Limits.duplicateAttemptsMax
            if transaction.hasConflict || isNews { return .again(Self.conflict) }
        }
        // Even what only refused is not answered before: it may have read what never was.
        do throws(StorageError) {
            if errors.contains(where: { $0 == nil }) {
                guard try connection.runOnce("COMMIT", []).command == "COMMIT" else {
                    throw StorageError(.failed, "The database took the transaction back.")
                }
            } else {
                try connection.run("ROLLBACK")
            }
        } catch {
            if error.code == .transactionLost { return .again(error) }
            for (write, own) in zip(batch, errors) { write.answer(own ?? error) }
            return .answered
        }
        for (write, error) in zip(batch, errors) { write.answer(error) }
        return .answered
    }

    private static let lost = StorageError(
        .unreachable, "The connection to the database was lost: repeat it.")
    private static let conflict = StorageError(
        .transactionLost, "Others changed the same: repeat it.")

    /// Longer after each attempt, and not equally long on each server.
    private static func pause(_ attempt: Int, _ number: UInt32) {
        let longest = min(1 << attempt, Limits.transactionPauseMillisecondsMax)
        let milliseconds = 1 + (Int(number) &* 31 &+ attempt &* 17) % longest
        PostgresConnection.pause(milliseconds: milliseconds)
    }
}
