import Kernel
import Records
import Storage
import Testing

@Suite struct DayTests {
    /// Hours between two readings by either clock; what becomes of the day.
    @Test(arguments: [
        (23.9, 23.9, 0, false), (24, 24, 1, false), (24.9, 24, 1, false), (25, 24, 1, false),
        (25.1, 24, 0, true), (240, 240, 10, false), (240, 238, 0, true), (-1, 24, 0, true),
        (2, 24, 0, true), (24, 2, 0, true), (-0.5, 0.2, 0, false),
    ])
    func `a day counts when both clocks agree`(
        wall: Double, monotonic: Double, days: Int64, isSuspect: Bool
    ) async throws {
        try await inWorld { world in
            let start = world.now
            func tick(_ wall: Double, _ monotonic: Double) throws -> ServerState {
                try world.kernel.tick(
                    ClockReading(
                        wall: start.adding(milliseconds: Int64(wall * 3_600_000)),
                        monotonicMilliseconds: Int64(monotonic * 3_600_000), process: 5),
                    in: world.transaction)
            }
            _ = try tick(0, 0)
            let state = try tick(wall, monotonic)
            #expect(state.day == days)
            #expect((state.clockSuspectSince != nil) == isSuspect)
        }
    }

    @Test(arguments: [(25.9, 1, false), (26.1, 0, true), (240, 0, true), (-3, 0, true)])
    func `over a restart a day counts when at most 26 hours passed`(
        wall: Double, days: Int64, isSuspect: Bool
    ) async throws {
        try await inWorld { world in
            let later = world.now.adding(milliseconds: Int64(wall * 3_600_000))
            let state = try world.kernel.tick(
                ClockReading(wall: later, monotonicMilliseconds: 5, process: 9),
                in: world.transaction)
            #expect(state.day == days)
            #expect((state.clockSuspectSince != nil) == isSuspect)
        }
    }

    @Test func `a server that is restarted every few hours still counts its days`() async throws {
        try await inWorld { world in
            for hour in 1...72 as ClosedRange<Int64> {
                try world.kernel.tick(
                    ClockReading(
                        wall: world.now.adding(seconds: hour * 3_600),
                        monotonicMilliseconds: hour % 5 * 3_600_000, process: UInt64(hour / 5)),
                    in: world.transaction)
            }
            let state = try world.kernel.serverState(in: world.transaction)
            #expect(state.day == 3 && state.clockSuspectSince == nil)
        }
    }

    @Test func `a clock that was wrong is trusted again after a good day`() async throws {
        try await inWorld { world in
            world.now = world.now.adding(milliseconds: 300 * Timestamp.millisecondsPerDay)
            try world.live(days: 1)
            #expect(
                try world.kernel.serverState(in: world.transaction).clockSuspectSince != nil)
            try world.live(days: 1)
            let state = try world.kernel.serverState(in: world.transaction)
            #expect(state.clockSuspectSince == nil && state.day == 1)
        }
    }
}
