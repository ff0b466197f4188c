import Records
import Synchronization

/// One write that waits for its turn.
struct PendingWrite: Sendable {
    /// Runs the body and keeps its result; throws what the body throws.
    let run: @Sendable (any Transaction) throws -> Void
    /// Answers with the kept result, or with the error.
    let answer: @Sendable ((any Error)?) -> Void

    init<R: Sendable>(
        _ continuation: CheckedContinuation<R, any Error>,
        _ body: @escaping @Sendable (any Transaction) throws -> R
    ) {
        let kept = Kept<R>()
        run = { transaction in kept.set(try body(transaction)) }
        answer = { error in continuation.resume(with: kept.outcome(error)) }
    }
}

/// Writes in the order in which they came, taken in batches by whoever drains them.
final class WriteQueue: Sendable {
    private struct State {
        var waiting: [PendingWrite] = []
        var isDraining = false
    }

    private let state = Mutex(State())

    /// Returns whether the caller must see to it that somebody begins to drain.
    func add(_ write: PendingWrite) -> Bool {
        state.withLock { state in
            state.waiting.append(write)
            defer { state.isDraining = true }
            return !state.isDraining
        }
    }

    /// What has gathered; `nil` ends the draining.
    func takeBatch() -> [PendingWrite]? {
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
