import Records
import Storage
import Synchronization
import TestSupport

/// The same place for the same folder; only the wall clock is the system's.
func openS3(
    _ folder: TemporaryFolder, clock: any Clock<Duration> = ContinuousClock()
) throws -> S3ObjectStore {
    try BlobsForTests.bucket(folder, clock: clock)
}

extension S3Surroundings {
    static func test(
        clock: any Clock<Duration> = ContinuousClock()
    ) -> S3Surroundings {
        S3Surroundings(
            now: { TestTime.now }, clock: clock,
            randomNumber: { UInt64.random(in: 0 ... .max) })
    }
}

/// Sleeps for no time, and keeps what was asked for.
final class SkippingClock: Clock, Sendable {
    typealias Instant = ContinuousClock.Instant

    private let asked = Mutex<[Duration]>([])

    var pauses: [Duration] { asked.withLock { $0 } }
    var now: Instant { ContinuousClock().now }
    var minimumResolution: Duration { .zero }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let pause = deadline - now
        asked.withLock { $0.append(pause) }
    }
}
