import Operations
import Records
import Status
import Testing

@Suite struct HealthRuleTests {
    private func evidence(
        fast: Int = 100, slow: Int = 0, of milliseconds: Int64 = 3_000,
        _ change: (inout HealthEvidence) -> Void = { _ in }
    ) -> HealthEvidence {
        var evidence = HealthEvidence()
        for _ in 0..<fast { evidence.latencies.add(milliseconds: 10) }
        for _ in 0..<slow { evidence.latencies.add(milliseconds: milliseconds) }
        change(&evidence)
        return evidence
    }

    @Test func `a service that answers is available, and one that nobody asks as well`() {
        #expect(HealthRule.health(HealthEvidence()) == .available)
        #expect(HealthRule.health(evidence()) == .available)
    }

    @Test(
        arguments: [
            // In the first week above 2 s.
            (nil, 1_900, ServiceHealth.available), (nil, 2_400, .degraded),
            // Later above three times the median and above 500 ms.
            (10, 450, .available), (10, 600, .degraded), (400, 1_100, .available),
            (400, 1_400, .degraded), (1_000, 2_400, .available),
        ] as [(Int64?, Int64, ServiceHealth)])
    func `slow is what is slow for this server`(
        median: Int64?, latency: Int64, health: ServiceHealth
    ) {
        let found = evidence(fast: 90, slow: 10, of: latency) { $0.median = median }
        #expect(HealthRule.health(found) == health)
    }

    @Test(arguments: [
        // One in 20 must be slow.
        (96, 4, ServiceHealth.available), (94, 6, .degraded),
        // Too few say nothing, and one is none.
        (0, 9, .available), (0, 10, .degraded), (9, 1, .available), (18, 2, .degraded),
    ])
    func `single slow answers are none`(fast: Int, slow: Int, health: ServiceHealth) {
        #expect(HealthRule.health(evidence(fast: fast, slow: slow)) == health)
    }

    @Test(arguments: [
        (0, 0, ServiceHealth.available), (1, 0, .available), (2, 0, .outage),
        (0, 100, .available), (0, 101, .outage),
    ])
    func `two failed probes or more failures than answers are an outage`(
        probes: Int, failures: Int, health: ServiceHealth
    ) {
        let found = evidence {
            $0.failedProbes = probes
            $0.failedCount = failures
        }
        #expect(HealthRule.health(found) == health)
    }

    @Test func `few failures are no outage, and maintenance stands above all`() {
        #expect(HealthRule.health(evidence(fast: 0) { $0.failedCount = 9 }) == .available)
        #expect(HealthRule.health(evidence(fast: 0) { $0.failedCount = 10 }) == .outage)
        let found = evidence(fast: 0) {
            $0.failedCount = 10
            $0.isUnderMaintenance = true
        }
        #expect(HealthRule.health(found) == .maintenance)
    }
}
