package import Records
package import Status

/// `GET /system-status`: how the server's services are and were; for everybody, signed in or not.
package struct SystemStatusReply: Hashable, Sendable, Codable {
    /// Of the server's clock.
    package let time: Timestamp
    package let maintenance: MaintenanceDescription?
    package let services: [ServiceStatus]
    /// Absent: not begun, or of an earlier version.
    package let scrub: ScrubDescription?
    /// Absent: none was ever made or scheduled, or of an earlier version.
    package let backups: BackupsDescription?

    package init(
        time: Timestamp, maintenance: MaintenanceDescription?, services: [ServiceStatus],
        scrub: ScrubDescription? = nil, backups: BackupsDescription? = nil
    ) {
        self.time = time
        self.maintenance = maintenance
        self.services = services
        self.scrub = scrub
        self.backups = backups
    }
}

/// How the server is backed up; where, and why something fails, is its owner's.
package struct BackupsDescription: Hashable, Sendable, Codable {
    /// Of the last whole one; absent: none was ever made.
    package let madeAt: Timestamp?
    /// When one was last proven to restore; absent: never.
    package let provenAt: Timestamp?
    /// The latest that was tried does not restore.
    package let isDoubtful: Bool
    /// Since when the nightly ones fail; absent while they don't, or none are scheduled.
    package let failingSince: Timestamp?

    package init(
        madeAt: Timestamp?, provenAt: Timestamp?, isDoubtful: Bool, failingSince: Timestamp?
    ) {
        self.madeAt = madeAt
        self.provenAt = provenAt
        self.isDoubtful = isDoubtful
        self.failingSince = failingSince
    }
}

/// How far the server is with reading its stored bytes back from their medium.
package struct ScrubDescription: Hashable, Sendable, Codable {
    /// When it had last read all of them; absent: never yet.
    package let endedAt: Timestamp?
    /// Of the pass that is under way, from 0 to 100; absent between two.
    package let percent: Int?
    /// Too much is bad: somebody must look at the disk.
    package let isDoubtful: Bool

    package init(endedAt: Timestamp?, percent: Int?, isDoubtful: Bool) {
        self.endedAt = endedAt
        self.percent = percent
        self.isDoubtful = isDoubtful
    }
}

/// One service of the server.
package struct ServiceStatus: Hashable, Sendable, Codable {
    /// How it was for a part of a day of UTC.
    package struct Day: Hashable, Sendable, Codable {
        /// `2026-11-21`.
        package let day: String
        /// By state, how long it was seen so; what is missing of the day was not seen.
        package let seconds: [String: Int64]

        package init(day: String, seconds: [String: Int64]) {
            self.day = day
            self.seconds = seconds
        }
    }

    package struct Change: Hashable, Sendable, Codable {
        package let at: Timestamp
        package let state: ServiceHealth

        package init(at: Timestamp, state: ServiceHealth) {
            self.at = at
            self.state = state
        }
    }

    package let service: String
    package let title: String
    package let state: ServiceHealth
    package let since: Timestamp
    /// What one answer in 20 took at least, of the last 5 minutes.
    package let percentileMilliseconds: Int64?
    /// Of 7 days; absent in the first week.
    package let medianMilliseconds: Int64?
    /// The last 90 days, as far as the server ran.
    package let days: [Day]
    /// The latest ones, the newest last.
    package let changes: [Change]

    package init(
        service: String, title: String, state: ServiceHealth, since: Timestamp,
        percentileMilliseconds: Int64?, medianMilliseconds: Int64?, days: [Day],
        changes: [Change]
    ) {
        self.service = service
        self.title = title
        self.state = state
        self.since = since
        self.percentileMilliseconds = percentileMilliseconds
        self.medianMilliseconds = medianMilliseconds
        self.days = days
        self.changes = changes
    }
}

/// The server's owner works on it.
package struct MaintenanceDescription: Hashable, Sendable, Codable {
    package let since: Timestamp
    package let until: Timestamp
    /// The owner's words.
    package let message: String?

    package init(since: Timestamp, until: Timestamp, message: String?) {
        self.since = since
        self.until = until
        self.message = message
    }
}

/// A service that is slow or fails, as devices are told.
package struct TroubledService: Hashable, Sendable, Codable {
    package let service: String
    package let title: String
    package let state: ServiceHealth
    package let since: Timestamp
    package let percentileMilliseconds: Int64?

    package init(
        service: String, title: String, state: ServiceHealth, since: Timestamp,
        percentileMilliseconds: Int64?
    ) {
        self.service = service
        self.title = title
        self.state = state
        self.since = since
        self.percentileMilliseconds = percentileMilliseconds
    }
}
