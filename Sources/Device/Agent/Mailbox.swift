import Records
package import SyncEngine
import Synchronization

/// Events on their way to the engine: posted from any thread, taken by its loop in their order.
package final class Mailbox: Sendable {
    private struct State {
        var events: [Event] = []
        var waiter: CheckedContinuation<Void, Never>?
        var isClosed = false
    }

    private let state = Mutex(State())

    package init() {}

    package func post(_ event: Event) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard !state.isClosed else { return nil }
            state.events.append(event)
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Wakes the taker with what is left; later events go nowhere.
    package func close() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.isClosed = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Whether anything is there to be taken at once.
    var isEmpty: Bool { state.withLock { $0.events.isEmpty } }

    /// All events so far; waits for the first.
    ///
    /// `nil` once closed and empty. One taker only.
    package func next() async -> [Event]? {
        while true {
            let (events, isClosed) = state.withLock { state in
                defer { state.events.removeAll() }
                return (state.events, state.isClosed)
            }
            if !events.isEmpty { return events }
            if isClosed { return nil }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if state.events.isEmpty && !state.isClosed {
                        state.waiter = continuation
                        return false
                    }
                    return true
                }
                if isReady { continuation.resume() }
            }
        }
    }
}
