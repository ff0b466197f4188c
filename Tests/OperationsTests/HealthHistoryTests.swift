import Operations
import Records
import Status
import Testing

@Suite struct HealthHistoryTests {
    private static let begin = Timestamp(milliseconds: 1_790_000_000_000)
    private static let day = Timestamp.millisecondsPerDay

    @Test func `time is counted in the health that it passed in, and changes are kept`() throws {
        var history = HealthHistory()
        var now = Self.begin
        func pass(_ seconds: Int64, _ health: ServiceHealth) {
            for _ in 0..<(seconds / 2) {
                now = now.adding(seconds: 2)
                history.see(health, at: now)
            }
        }
        history.see(.available, at: now)
        pass(100, .available)
        pass(50, .degraded)
        pass(30, .available)
        #expect(history.changes.map(\.health) == [.available, .degraded, .available])
        #expect(history.since == Self.begin.adding(seconds: 152))
        let today = try #require(history.days[HealthDay.number(of: now)])
        #expect(today.milliseconds == [.available: 130_000, .degraded: 50_000])
    }

    @Test func `time in which the server did not run is not counted`() {
        var history = HealthHistory()
        history.see(.available, at: Self.begin)
        history.see(.available, at: Self.begin.adding(seconds: 3_600))
        #expect(history.days.isEmpty)
        history.see(.available, at: Self.begin.adding(seconds: 10))
        #expect(history.days.isEmpty)
        #expect(history.changes.count == 1)
    }

    @Test func `ninety days are kept, and how they began`() {
        var history = HealthHistory()
        for number in 0..<200 {
            let time = Self.begin.adding(milliseconds: Int64(number) * Self.day)
            history.see(number.isMultiple(of: 2) ? .available : .outage, at: time)
            history.see(
                number.isMultiple(of: 2) ? .available : .outage, at: time.adding(seconds: 2))
        }
        #expect(history.days.count == 90)
        #expect(history.changes.count == 92)
        for step in 0..<5_000 {
            let time = Self.begin.adding(milliseconds: 200 * Self.day + Int64(step))
            history.see(step.isMultiple(of: 2) ? .available : .outage, at: time)
        }
        #expect(history.changes.count == 1_000)
    }

    @Test func `the median is that of seven days, once there are so many`() {
        var history = HealthHistory()
        for number in 0..<7 {
            let time = Self.begin.adding(milliseconds: Int64(number) * Self.day)
            history.add(latency: number == 0 ? 9_000 : 10, at: time)
            #expect(history.median(at: time) == nil)
        }
        let time = Self.begin.adding(milliseconds: 7 * Self.day)
        history.add(latency: 12, at: time)
        #expect(history.median(at: time) == 10)
    }
}
