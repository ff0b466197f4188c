import Operations
import Records
import Testing

@Suite struct MeasuringTests {
    @Test(arguments: [0, 1, 7, 15, 16, 17, 100, 499, 500, 2_000, 60_000, 1 << 40] as [Int64])
    func `one answer is found again within an eighth`(milliseconds: Int64) throws {
        var latencies = LatencyHistogram()
        latencies.add(milliseconds: milliseconds)
        let found = try #require(latencies.percentile(50))
        let longest = min(milliseconds, 262_143)
        #expect(found >= longest && found <= longest + longest / 8)
        #expect(latencies.percentile(95) == found)
        // Above that all is alike.
        guard milliseconds < 200_000 else { return }
        #expect(latencies.count(above: milliseconds + milliseconds / 8) == 0)
        #expect(latencies.count(above: milliseconds - 1) == 1)
    }

    @Test func `percentiles are those of the nearest rank`() {
        var latencies = LatencyHistogram()
        #expect(latencies.percentile(95) == nil)
        for milliseconds in 1...15 { latencies.add(milliseconds: Int64(milliseconds)) }
        for _ in 0..<5 { latencies.add(milliseconds: 0) }
        #expect(latencies.count == 20)
        #expect(latencies.percentile(95) == 14)
        #expect(latencies.percentile(50) == 5)
        #expect(latencies.percentile(100) == 15)
        #expect(latencies.percentile(1) == 0)
    }

    @Test func `a histogram comes back from its bytes, and nonsense from none`() {
        var latencies = LatencyHistogram()
        for milliseconds in [3, 3, 800, 800, 800, 70_000] as [Int64] {
            latencies.add(milliseconds: milliseconds)
        }
        #expect(LatencyHistogram(bytes: latencies.bytes) == latencies)
        #expect(latencies.bytes.count == 15)
        #expect(LatencyHistogram(bytes: []) == LatencyHistogram())
        #expect(LatencyHistogram(bytes: [255, 1, 0, 0, 0, 9]).count == 0)
    }

    @Test func `only the last minutes count`() {
        var window = MeasurementWindow(milliseconds: 300_000)
        window.add(latency: 5, at: 0)
        window.add(latency: nil, at: 1_000)
        window.add(latency: 7, at: 200_000)
        #expect(window.measured(at: 200_000).0.count == 2)
        #expect(window.measured(at: 200_000).failedCount == 1)
        let later = window.measured(at: 310_000)
        #expect(later.0.count == 1)
        #expect(later.0.percentile(50) == 7)
        #expect(later.failedCount == 0)
        #expect(window.measured(at: 600_000).0.count == 0)
    }

    @Test func `a clock that begins anew leaves nothing behind`() {
        var window = MeasurementWindow(milliseconds: 300_000)
        window.add(latency: 5, at: 900_000)
        #expect(window.measured(at: 0).0.count == 0)
    }
}
