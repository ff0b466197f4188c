import Synchronization

/// A number of bytes that requests share, first come, first served.
package final class ByteBudget: Sendable {
    private struct State {
        var left: Int
        var waiting: [(byteCount: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state: Mutex<State>

    package init(byteCount: Int) {
        precondition(byteCount > 0, "A budget has something to give.")
        state = Mutex(State(left: byteCount))
    }

    /// Takes without waiting; `false` when others come first or there is not enough.
    package func tryTake(_ byteCount: Int) -> Bool {
        state.withLock { state in
            guard state.waiting.isEmpty, state.left >= byteCount else { return false }
            state.left -= byteCount
            return true
        }
    }

    /// Waits for its turn.
    ///
    /// Who holds some of the budget already must not wait for more.
    package func take(_ byteCount: Int) async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.waiting.isEmpty, state.left >= byteCount else {
                    state.waiting.append((byteCount, continuation))
                    return false
                }
                state.left -= byteCount
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    package func giveBack(_ byteCount: Int) {
        let ready = state.withLock { state in
            state.left += byteCount
            var ready: [CheckedContinuation<Void, Never>] = []
            while let first = state.waiting.first, state.left >= first.byteCount {
                state.left -= first.byteCount
                ready.append(first.continuation)
                state.waiting.removeFirst()
            }
            return ready
        }
        for continuation in ready { continuation.resume() }
    }
}
