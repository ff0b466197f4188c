package import Records
import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The system's clock, for what checks it against this machine's.
package enum TestTime {
    package static var now: Timestamp {
        Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
    }
}

/// A clock that only moves when told.
package final class TestClock: Sendable {
    private let time: Mutex<Timestamp>

    package init(milliseconds: Int64) { time = Mutex(Timestamp(milliseconds: milliseconds)) }

    @Sendable package func read() -> Timestamp { time.withLock { $0 } }

    package func advance(seconds: Int64) { time.withLock { $0 = $0.adding(seconds: seconds) } }
}

/// A generator for tests: SplitMix64 from a fixed beginning.
package final class TestNumbers: Sendable {
    private let state = Mutex<UInt64>(42)

    package init() {}

    @Sendable package func next() -> UInt64 {
        state.withLock { state in
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
    }

    @Sendable package func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}
