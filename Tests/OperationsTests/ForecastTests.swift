import Operations
import Records
import Testing

/// What is said of the days to come, and when nothing is.
@Suite struct ForecastTests {
    private static let now = Timestamp(milliseconds: 1_790_000_000_000)

    /// `used` of the days up to today, in their order.
    private func forecast(
        _ used: [Int64], left: Int64 = 100_000, daysAgo: Int64 = 0
    ) -> Forecast? {
        let days = used.enumerated().map { index, bytes in
            Forecast.Measurement(
                at: Self.now.adding(
                    milliseconds: -(Int64(used.count - 1 - index) + daysAgo) * 86_400_000),
                usedByteCount: bytes)
        }
        return Forecast(days, leftByteCount: left, at: Self.now)
    }

    @Test func `what fills evenly is full when the rest is filled`() throws {
        let made = try #require(forecast((0..<10).map { $0 * 1_000 }))
        #expect(made.byteCountPerDay == 1_000 && made.dayCount == 10)
        #expect(made.fullAt == Self.now.adding(milliseconds: 100 * 86_400_000))
    }

    @Test func `nothing is said of a history that is too short`() {
        let days = Limits.forecastDaysMin
        #expect(forecast((0..<Int64(days)).map { $0 * 1_000 }) != nil)
        #expect(forecast((1..<Int64(days)).map { $0 * 1_000 }) == nil)
        #expect(forecast([]) == nil)
        // As many measurements of one day are not as many days.
        let same = (0..<20).map { number in
            Forecast.Measurement(
                at: Self.now.adding(milliseconds: Int64(number - 20) * 60_000),
                usedByteCount: Int64(number) * 1_000)
        }
        #expect(Forecast(same, leftByteCount: 100_000, at: Self.now) == nil)
    }

    @Test func `nothing is said of an old history`() {
        let used = (0..<10).map { Int64($0) * 1_000 }
        #expect(forecast(used, daysAgo: 2) != nil)
        #expect(forecast(used, daysAgo: 3) == nil)
    }

    @Test func `one large import is no rate`() throws {
        // 14 GB at once among days of nothing.
        #expect(forecast([Int64](repeating: 0, count: 9) + [14_000_000_000], left: 1) == nil)
        let grown = (0..<20).map { Int64($0) * 1_000 + ($0 >= 15 ? 50_000_000 : 0) }
        let made = try #require(forecast(grown, left: 500_000))
        #expect(made.byteCountPerDay < 2_000_000, "\(made.byteCountPerDay)")
    }

    @Test func `pictures of every weekend are a rate`() throws {
        let used = (0..<29).map { Int64($0 / 7) * 7_000 }
        let made = try #require(forecast(used))
        #expect((700...1_300).contains(made.byteCountPerDay), "\(made.byteCountPerDay)")
    }

    @Test func `what does not grow is never full`() {
        #expect(forecast([Int64](repeating: 5_000, count: 20)) == nil)
        let shrinking: [Int64] = (0..<20).map { 50_000 - Int64($0) * 1_000 }
        #expect(forecast(shrinking) == nil)
        let changing: [Int64] = (0..<20).map { Int64($0 % 2) * 1_000 }
        #expect(forecast(changing) == nil)
    }

    @Test func `what is full already, and what takes years, is not foretold`() {
        let used = (0..<10).map { Int64($0) * 1_000 }
        #expect(forecast(used, left: 0) == nil)
        #expect(forecast(used, left: -5) == nil)
        #expect(forecast(used, left: (Limits.forecastDaysMax - 1) * 1_000) != nil)
        #expect(forecast(used, left: Limits.forecastDaysMax * 1_000 + 1) == nil)
        #expect(forecast(used, left: .max) == nil)
    }

    @Test func `only the last weeks count`() throws {
        // Long ago much came in each day; for a month little does.
        let long: [Int64] = (0..<60).map { Int64($0) * 1_000_000 }
        let lately: [Int64] = (1...31).map { 60_000_000 + Int64($0) * 10 }
        let used = long + lately
        let made = try #require(forecast(used, left: 1_000))
        #expect(made.byteCountPerDay == 10)
    }
}
