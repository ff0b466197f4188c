package import Records
package import Status

/// How a service was on one day.
package struct HealthDay: Hashable, Sendable {
    /// Of UTC, since 1970.
    package let day: Int64
    /// How long it was seen in each health; what is missing of the day was not seen, because the
    /// server did not run.
    package var milliseconds: [ServiceHealth: Int64] = [:]
    package var latencies = LatencyHistogram()

    package init(day: Int64) { self.day = day }

    package static func number(of time: Timestamp) -> Int64 {
        let day = Timestamp.millisecondsPerDay
        return time.milliseconds / day - (time.milliseconds % day < 0 ? 1 : 0)
    }
}

/// From when on a service was in a health.
package struct HealthChange: Hashable, Sendable {
    package let at: Timestamp
    package let health: ServiceHealth

    package init(at: Timestamp, health: ServiceHealth) {
        self.at = at
        self.health = health
    }
}

/// A service's last 90 days, at most `Limits.changesPerServiceMax` changes.
package struct HealthHistory: Hashable, Sendable {
    /// In their order; the last one is how it is.
    package private(set) var changes: [HealthChange]
    package private(set) var days: [Int64: HealthDay]
    private var seenAt: Timestamp?

    package init(changes: [HealthChange] = [], days: [HealthDay] = []) {
        self.changes = changes
        self.days = Dictionary(days.map { ($0.day, $0) }) { first, _ in first }
    }

    package var health: ServiceHealth? { changes.last?.health }
    package var since: Timestamp? { changes.last?.at }

    /// It is seen in a health now.
    ///
    /// Returns whether that is another one.
    @discardableResult
    package mutating func see(_ health: ServiceHealth, at now: Timestamp) -> Bool {
        let number = HealthDay.number(of: now)
        if let seenAt, let before = self.health {
            let passed = now.milliseconds - seenAt.milliseconds
            if (0...Limits.historyGapMilliseconds).contains(passed) {
                days[number, default: HealthDay(day: number)].milliseconds[before, default: 0] +=
                    passed
            }
        }
        seenAt = now
        for day in days.keys where day <= number - Limits.historyDays { days[day] = nil }
        guard self.health != health else { return false }
        changes.append(HealthChange(at: now, health: health))
        let oldest = now.adding(milliseconds: -Limits.historyDays * Timestamp.millisecondsPerDay)
        // The last change before them says how the 90 days began.
        while changes.count > Limits.changesPerServiceMax
            || (changes.count > 1 && changes[1].at < oldest)
        {
            changes.removeFirst()
        }
        return true
    }

    package mutating func add(latency: Int64, at now: Timestamp) {
        let number = HealthDay.number(of: now)
        days[number, default: HealthDay(day: number)].latencies.add(milliseconds: latency)
    }

    /// Of the last 7 days; `nil` in the first week.
    package func median(at now: Timestamp) -> Int64? {
        let today = HealthDay.number(of: now)
        guard let first = days.keys.min(), first <= today - Limits.medianDays else { return nil }
        var latencies = LatencyHistogram()
        for (day, row) in days where day > today - Limits.medianDays && day <= today {
            latencies.add(row.latencies)
        }
        return latencies.percentile(50)
    }
}
