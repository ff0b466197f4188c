package import Records
import Status

/// Which backups of a folder are kept: the newest of each of the last days, weeks and months that have
/// one.
///
/// Days without a backup are not counted, so that a server that was off loses none by that. Days are
/// those of UTC, weeks begin on Monday.
package struct KeepRule: Hashable, Sendable {
    package let dayCount: Int
    package let weekCount: Int
    package let monthCount: Int

    /// What is kept unless the owner says otherwise.
    package static let standard = KeepRule(dayCount: 7, weekCount: 4, monthCount: 12)

    init(dayCount: Int, weekCount: Int, monthCount: Int) {
        self.dayCount = dayCount
        self.weekCount = weekCount
        self.monthCount = monthCount
    }

    /// Reads `7d4w12m`: numbers of days, weeks and months, in this order; what is not named counts
    /// nothing.
    ///
    /// Throws `invalidRule` for other words, and for numbers beyond `Limits.keptBackupsMax`.
    package init(parsing text: String) throws(BackupError) {
        var counts: [Character: Int] = [:]
        var rest = text[...]
        for unit in "dwm" {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            guard !digits.isEmpty, rest.dropFirst(digits.count).first == unit else { continue }
            counts[unit] = Int(digits) ?? .max
            rest = rest.dropFirst(digits.count + 1)
        }
        guard rest.isEmpty, !counts.isEmpty,
            counts.values.allSatisfy({ (1...Limits.keptBackupsMax).contains($0) })
        else {
            throw BackupError(
                .invalidRule,
                "--keep takes numbers of days, weeks and months such as 7d4w12m, each from 1 to "
                    + "\(Limits.keptBackupsMax), not “\(text)”.")
        }
        self.init(
            dayCount: counts["d"] ?? 0, weekCount: counts["w"] ?? 0, monthCount: counts["m"] ?? 0)
    }

    /// As `init(parsing:)` reads it.
    package var text: String {
        [(dayCount, "d"), (weekCount, "w"), (monthCount, "m")]
            .map { $0.0 == 0 ? "" : "\($0.0)\($0.1)" }.joined()
    }

    /// Those of the times that are kept; always the latest.
    package func kept(of times: [Timestamp]) -> Set<Timestamp> {
        let latestFirst = times.sorted(by: >)
        var kept = Set(latestFirst.prefix(1))
        kept.formUnion(Self.newest(of: latestFirst, each: Self.day, dayCount))
        kept.formUnion(Self.newest(of: latestFirst, each: { (Self.day($0) + 3) / 7 }, weekCount))
        kept.formUnion(
            Self.newest(of: latestFirst, each: { EvidenceText.day($0).prefix(7) }, monthCount))
        return kept
    }

    private static func newest<Span: Equatable>(
        of latestFirst: [Timestamp], each span: (Timestamp) -> Span, _ count: Int
    ) -> [Timestamp] {
        var found: [Timestamp] = []
        for time in latestFirst where found.count < count {
            if found.last.map({ span($0) == span(time) }) != true { found.append(time) }
        }
        return found
    }

    private static func day(_ time: Timestamp) -> Int64 {
        time.milliseconds / Timestamp.millisecondsPerDay
    }
}
