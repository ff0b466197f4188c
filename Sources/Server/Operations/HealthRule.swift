import Records
package import Status

/// All that a service's health is decided from.
package struct HealthEvidence: Hashable, Sendable {
    /// Of the last 5 minutes.
    package var latencies = LatencyHistogram()
    package var failedCount = 0
    /// The latest probes that failed, one after the other.
    package var failedProbes = 0
    /// Of 7 days, in milliseconds; `nil` in the first week.
    package var median: Int64?
    package var isUnderMaintenance = false

    package init() {}
}

/// How a service is, by what was measured of it.
package enum HealthRule {
    package static func health(_ evidence: HealthEvidence) -> ServiceHealth {
        if evidence.isUnderMaintenance { return .maintenance }
        if hasOutage(evidence) { return .outage }
        return isSlow(evidence) ? .degraded : .available
    }

    /// What its 95th percentile must exceed to be degraded, in milliseconds.
    package static func bound(median: Int64?) -> Int64 {
        guard let median else { return Limits.slowMillisecondsOfFirstWeek }
        return max(Limits.slowMillisecondsMin, median * Limits.slowTimesMedian)
    }

    private static func hasOutage(_ evidence: HealthEvidence) -> Bool {
        if evidence.failedProbes >= Limits.failedProbesMin { return true }
        let count = evidence.latencies.count + evidence.failedCount
        return count >= Limits.measurementsMin && evidence.failedCount * 2 > count
    }

    private static func isSlow(_ evidence: HealthEvidence) -> Bool {
        let bound = bound(median: evidence.median)
        guard evidence.latencies.count >= Limits.measurementsMin,
            let percentile = evidence.latencies.percentile(95), percentile > bound
        else { return false }
        return evidence.latencies.count(above: bound) >= Limits.slowMeasurementsMin
    }
}
