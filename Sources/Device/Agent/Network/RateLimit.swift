import Records
import SyncEngine
import Synchronization

/// Lets so many bytes a second through, however many transfers share it, after a burst of a second.
package final class RateLimit: Sendable {
    private struct State {
        var bytesPerSecond: Int64?
        /// Uptime in milliseconds by which all that was let through is paid for.
        var paidUntil: Int64 = 0
    }

    private let state = Mutex(State())
    private let surroundings: Surroundings

    package init(_ surroundings: Surroundings) { self.surroundings = surroundings }

    /// From now on; `nil`: as fast as it goes.
    package func use(_ bytesPerSecond: Int64?) {
        state.withLock { $0.bytesPerSecond = bytesPerSecond }
    }

    /// Waits until these bytes have their turn.
    ///
    /// Throws when the task is cancelled meanwhile.
    package func pass(_ byteCount: Int) async throws {
        let wait = state.withLock { state -> Int64 in
            guard let rate = state.bytesPerSecond, rate > 0 else { return 0 }
            let now = surroundings.now().uptime
            let start = max(state.paidUntil, now - Limits.rateBurstMilliseconds)
            state.paidUntil = start + Int64(byteCount) * 1_000 / rate
            return state.paidUntil - now
        }
        if wait > 0 { try await surroundings.sleep(.milliseconds(wait)) }
    }
}

/// Those of a device; without any, all goes as fast as it can.
struct TransferLimits: Sendable {
    var upload: RateLimit?
    var download: RateLimit?
}
