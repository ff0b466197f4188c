package import Records

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Time and chance, as the server gets them: the one place that asks the system.
package struct ServerSurroundings: Sendable {
    package var now: @Sendable () -> Timestamp
    package var clock: any Clock<Duration>
    package var randomNumber: @Sendable () -> UInt64
    /// Fit for secrets.
    package var randomBytes: @Sendable (Int) -> [UInt8]
    /// Of a clock that never jumps.
    package var monotonicMilliseconds: @Sendable () -> Int64
    /// How far this machine's own time is from UTC then.
    package var secondsFromUTC: @Sendable (Timestamp) -> Int64

    package init(
        now: @escaping @Sendable () -> Timestamp, clock: any Clock<Duration>,
        randomNumber: @escaping @Sendable () -> UInt64,
        randomBytes: @escaping @Sendable (Int) -> [UInt8],
        monotonicMilliseconds: @escaping @Sendable () -> Int64,
        secondsFromUTC: @escaping @Sendable (Timestamp) -> Int64 = { _ in 0 }
    ) {
        self.now = now
        self.clock = clock
        self.randomNumber = randomNumber
        self.randomBytes = randomBytes
        self.monotonicMilliseconds = monotonicMilliseconds
        self.secondsFromUTC = secondsFromUTC
    }

    package static let system: ServerSurroundings = {
        let begin = ContinuousClock().now
        return ServerSurroundings(
            now: { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) },
            clock: ContinuousClock(),
            randomNumber: {
                var generator = SystemRandomNumberGenerator()
                return generator.next()
            },
            randomBytes: { count in
                var generator = SystemRandomNumberGenerator()
                return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            },
            monotonicMilliseconds: {
                Int64(begin.duration(to: ContinuousClock().now) / .milliseconds(1))
            }, secondsFromUTC: LocalTime.secondsFromUTC)
    }()
}
