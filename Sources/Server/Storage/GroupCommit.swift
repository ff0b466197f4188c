import GRDB

/// Lets writes that arrive together share one transaction and one sync.
///
/// Each has a savepoint of its own, so one that throws takes nothing from the others. None is
/// answered before the sync. While one transaction syncs, the next gathers: nobody ever waits for
/// company.
final class GroupCommit: Sendable {
    private let connections: any DatabaseWriter
    private let queue = WriteQueue()

    init(_ connections: any DatabaseWriter) {
        self.connections = connections
    }

    func write<R: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> R
    ) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            if queue.add(PendingWrite(continuation, body)) {
                connections.asyncWriteWithoutTransaction { self.drain($0) }
            }
        }
    }

    private func drain(_ database: GRDB.Database) {
        while let batch = queue.takeBatch() {
            var rest = batch[...]
            while !rest.isEmpty { rest = commit(rest, database) }
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
