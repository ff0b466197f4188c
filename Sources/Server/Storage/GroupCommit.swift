import GRDB
import Records
import Synchronization

/// Lets writes that arrive together share one transaction and one sync.
///
/// Each has a savepoint of its own, so one that throws takes nothing from the others. None is
/// answered before the sync. While one transaction syncs, the next gathers: nobody ever waits for
/// company.
final class GroupCommit: Sendable {
    /// One write that waits for its turn.
    private struct PendingWrite: Sendable {
        /// Runs the body and keeps its result; throws what the body throws.
        let run: @Sendable (any Transaction) throws -> Void
        /// Answers with the kept result, or with the error.
        let answer: @Sendable ((any Error)?) -> Void
    }

    private struct State {
        var waiting: [PendingWrite] = []
        var isDraining = false
    }

    private let connections: any DatabaseWriter
    private let state = Mutex(State())

    init(_ connections: any DatabaseWriter) {
        self.connections = connections
    }

    func write<R: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> R
    ) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            let kept = Kept<R>()
            enqueue(
                PendingWrite(
                    run: { transaction in kept.set(try body(transaction)) },
                    answer: { error in continuation.resume(with: kept.outcome(error)) }))
        }
    }

    private func enqueue(_ write: PendingWrite) {
        let mustStart = state.withLock { state in
            state.waiting.append(write)
            defer { state.isDraining = true }
            return !state.isDraining
        }
        if mustStart {
            connections.asyncWriteWithoutTransaction { self.drain($0) }
        }
    }

    private func drain(_ database: GRDB.Database) {
        while let batch = takeBatch() {
            var rest = batch[...]
            while !rest.isEmpty { rest = commit(rest, database) }
        }
    }

    private func takeBatch() -> [PendingWrite]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.isDraining = false
                return nil
            }
            let batch = Array(state.waiting.prefix(Limits.writesPerTransactionMax))
            state.waiting.removeFirst(batch.count)
            return batch
        }
    }

    /// Returns the writes that must be tried again in a transaction of their own.
    private func commit(
        _ batch: ArraySlice<PendingWrite>, _ database: GRDB.Database
    ) -> ArraySlice<PendingWrite> {
        let transaction = SQLiteTransaction(database)
        var succeeded: [PendingWrite] = []
        func failAll(_ error: any Error) {
            for write in succeeded { write.answer(error) }
        }
        do {
            try transaction.execute("BEGIN IMMEDIATE")
        } catch {
            for write in batch { write.answer(error) }
            return []
        }
        for (index, write) in zip(batch.indices, batch) {
            do {
                // Alone, the transaction itself is what is undone.
                if batch.count == 1 {
                    try write.run(transaction)
                } else {
                    try transaction.savepoint { try write.run(transaction) }
                }
                succeeded.append(write)
            } catch {
                guard database.isInsideTransaction else {
                    // Such as a full disk: SQLite took back what the others had written too.
                    let lost = StorageError(
                        .transactionLost, "The write was taken back: repeat it.", cause: error)
                    failAll((error as? StorageError)?.code == .diskFull ? error : lost)
                    write.answer(error)
                    return batch[(index + 1)...]
                }
                write.answer(error)
            }
        }
        do {
            try transaction.execute(succeeded.isEmpty ? "ROLLBACK" : "COMMIT")
            for write in succeeded { write.answer(nil) }
        } catch {
            if database.isInsideTransaction { _ = try? transaction.execute("ROLLBACK") }
            failAll(error)
        }
        return []
    }
}

/// The result of a write between its body and its sync.
private final class Kept<R: Sendable>: Sendable {
    private let value = Mutex<R?>(nil)

    func set(_ new: R) { value.withLock { $0 = new } }

    func outcome(_ error: (any Error)?) -> Result<R, any Error> {
        if let error { return .failure(error) }
        guard let value = value.withLock({ $0 }) else {
            preconditionFailure("A write that succeeded has a result.")
        }
        return .success(value)
    }
}
