package import Records

/// When something will be full if it goes on filling as it did: from what was measured, and from
/// nothing else.
///
/// The rate is the median of the rates between all pairs of measured days, so that one large import
/// does not stand for every day. Nothing is said of a history of less than a week, of one that does
/// not grow in three of four pairs, and of what would take years.
package struct Forecast: Hashable, Sendable {
    /// What was in use at one time.
    package struct Measurement: Hashable, Sendable {
        package let at: Timestamp
        package let usedByteCount: Int64

        package init(at: Timestamp, usedByteCount: Int64) {
            self.at = at
            self.usedByteCount = usedByteCount
        }
    }

    package let fullAt: Timestamp
    /// The rate that it follows from.
    package let byteCountPerDay: Int64
    /// How many days were measured for it.
    package let dayCount: Int

    /// `measurements`: one for each day, in any order; `leftByteCount`: what may still be added.
    package init?(
        _ measurements: [Measurement], leftByteCount: Int64, at now: Timestamp
    ) {
        let oldest = now.adding(milliseconds: -Self.milliseconds(Limits.forecastWindowDays))
        let recent = measurements.filter { $0.at >= oldest && $0.at <= now }
            .sorted { $0.at < $1.at }
        guard let first = recent.first, let last = recent.last,
            recent.count >= Limits.forecastDaysMin,
            last.at.milliseconds - first.at.milliseconds
                >= Self.milliseconds(Int64(Limits.forecastDaysMin) - 1),
            last.at >= now.adding(milliseconds: -Self.milliseconds(Limits.forecastAgeDaysMax)),
            leftByteCount > 0
        else { return nil }
        var rates: [Double] = []
        for (index, from) in recent.enumerated() {
            for to in recent[(index + 1)...] where to.at > from.at {
                let bytes = Double(to.usedByteCount) - Double(from.usedByteCount)
                let time = Double(to.at.milliseconds - from.at.milliseconds)
                rates.append(bytes / time)
            }
        }
        rates.sort()
        guard !rates.isEmpty, rates[rates.count / 4] > 0 else { return nil }
        let rate = rates[rates.count / 2]
        let milliseconds = Double(leftByteCount) / rate
        guard milliseconds < Double(Self.milliseconds(Limits.forecastDaysMax)) else { return nil }
        fullAt = now.adding(milliseconds: Int64(milliseconds.rounded()))
        byteCountPerDay = Int64((rate * Double(Timestamp.millisecondsPerDay)).rounded())
        dayCount = recent.count
    }

    private static func milliseconds(_ days: Int64) -> Int64 {
        days * Timestamp.millisecondsPerDay
    }
}

extension Limits {
    /// Fewer measured days say nothing about the days to come.
    package static let forecastDaysMin = 7
    package static let forecastWindowDays: Int64 = 30
    static let forecastAgeDaysMax: Int64 = 2
    package static let forecastDaysMax: Int64 = 1_095
}
