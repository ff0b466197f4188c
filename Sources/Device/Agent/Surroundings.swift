package import SyncEngine
package import Records

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Time, chance and waiting as the agent gets them from outside.
package struct Surroundings: Sendable {
    package var now: @Sendable () -> Moment
    package var randomNumber: @Sendable () -> UInt64
    package var sleep: @Sendable (Duration) async throws -> Void
    /// Of a file that says what the machine would: see `ConditionsFile`.
    package var conditionsPath: String?

    package init(
        now: @escaping @Sendable () -> Moment, randomNumber: @escaping @Sendable () -> UInt64,
        sleep: @escaping @Sendable (Duration) async throws -> Void,
        conditionsPath: String? = nil
    ) {
        self.now = now
        self.randomNumber = randomNumber
        self.sleep = sleep
        self.conditionsPath = conditionsPath
    }

    /// The machine's own.
    package static func machine() -> Surroundings {
        let clock = ContinuousClock()
        let start = clock.now
        return Surroundings(
            now: {
                let passed = start.duration(to: clock.now)
                return Moment(
                    uptime: Int64(passed / .milliseconds(1)),
                    wall: Timestamp(
                        milliseconds: Int64(Date().timeIntervalSince1970 * 1_000)))
            },
            randomNumber: {
                var generator = SystemRandomNumberGenerator()
                return generator.next()
            },
            sleep: { try await clock.sleep(for: $0) },
            conditionsPath: ProcessInfo.processInfo.environment["MARTLET_CONDITIONS"])
    }
}

extension Surroundings {
    /// A new identifier, made by this device (P8).
    package func identifier<Subject>() -> Identifier<Subject> {
        Identifier(high: randomNumber(), low: randomNumber())
    }
}
