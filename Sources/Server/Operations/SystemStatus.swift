package import Records
package import Status

/// How the server's services are, and were: nothing in it is private.
package struct SystemStatus: Hashable, Sendable {
    package struct Service: Hashable, Sendable {
        package let service: MonitoredService
        package let health: ServiceHealth
        package let since: Timestamp
        /// The 95th percentile of the last 5 minutes, in milliseconds; `nil`: nothing was measured.
        package let percentile: Int64?
        /// Of 7 days; `nil` in the first week.
        package let median: Int64?
        /// In their order; days on which the server did not run are not among them.
        package let days: [HealthDay]
        package let changes: [HealthChange]
    }

    package let time: Timestamp
    package let maintenance: Maintenance?
    package let services: [Service]
    /// `nil`: not begun.
    package let scrub: ScrubState?
    package let backups: Backups

    /// How the server is backed up.
    package struct Backups: Hashable, Sendable {
        /// Of the last whole one; `nil`: none was ever made.
        package let madeAt: Timestamp?
        /// `nil`: none is made by itself.
        package let schedule: BackupSchedule?
        /// `nil`: none was ever tried.
        package let proof: LastProof?

        package init(
            madeAt: Timestamp? = nil, schedule: BackupSchedule? = nil, proof: LastProof? = nil
        ) {
            self.madeAt = madeAt
            self.schedule = schedule
            self.proof = proof
        }
    }

    /// Those that devices are told of.
    package var troubled: [Service] {
        services.filter { $0.health == .degraded || $0.health == .outage }
    }
}
