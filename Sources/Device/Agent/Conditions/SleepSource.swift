#if os(Linux)
import Records
import SyncEngine
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Sleep, by the one of Linux' clocks that goes on meanwhile and the one that doesn't: neither minds
/// when somebody sets the time.
final class SleepSource: ConditionsSource {
    private struct State {
        var asleep: Int64
        var sleep: Conditions.Sleep?
    }

    private let state: Mutex<State>
    private let now: @Sendable () -> Moment

    init(now: @escaping @Sendable () -> Moment) {
        self.now = now
        state = Mutex(State(asleep: Self.asleepMilliseconds))
    }

    func observe(_ conditions: inout Conditions, probesServer: Bool) {
        let (asleep, wall) = (Self.asleepMilliseconds, now().wall)
        conditions.sleep = state.withLock { state in
            let slept = asleep - state.asleep
            state.asleep = asleep
            if slept >= Limits.sleepMillisecondsMin {
                state.sleep = Conditions.Sleep(
                    from: wall.adding(milliseconds: -slept), until: wall)
            }
            return state.sleep
        }
    }

    /// Since the machine started.
    private static var asleepMilliseconds: Int64 {
        milliseconds(CLOCK_BOOTTIME) - milliseconds(CLOCK_MONOTONIC)
    }

    private static func milliseconds(_ clock: Int32) -> Int64 {
        var time = timespec()
        clock_gettime(clockid_t(clock), &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
#endif
