package import Records

/// How a service of the server is, as its status page and its devices say it.
package enum ServiceHealth: String, Hashable, Sendable, Codable, CaseIterable {
    case available
    /// Slower than it uses to be.
    case degraded
    /// It fails.
    case outage
    /// Its owner works on the server: nothing is taken in.
    case maintenance
}

extension EvidenceText {
    /// Completes “Photos on the server …”.
    ///
    /// `percentileMilliseconds`: what one answer in 20 takes at least; `nil`: nothing was measured.
    package static func trouble(
        _ health: ServiceHealth, since: Timestamp, percentileMilliseconds: Int64?
    ) -> String {
        let time = "since \(EvidenceText.time(since))"
        guard health == .degraded, let percentileMilliseconds else { return "fails \(time)" }
        let latency = EvidenceText.latency(milliseconds: percentileMilliseconds)
        return "is slower than usual \(time): one answer in 20 takes \(latency) or more"
    }
}
