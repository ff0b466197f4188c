import Operations
import Records
import Status
import Testing

/// Which backups stay.
@Suite struct KeepRuleTests {
    /// 03:00 UTC on Monday the 2nd of November 2026, and so many days later.
    private func night(_ number: Int64) -> Timestamp {
        Timestamp(milliseconds: 1_793_588_400_000 + number * Timestamp.millisecondsPerDay)
    }

    private func days(_ times: Set<Timestamp>) -> [String] {
        times.sorted().map { String(EvidenceText.day($0).dropFirst(5)) }
    }

    @Test(arguments: [
        ("1d", ["11-29"]),
        ("3d", ["11-27", "11-28", "11-29"]),
        // Sundays end the weeks.
        ("3w", ["11-15", "11-22", "11-29"]),
        ("2d2w", ["11-22", "11-28", "11-29"]),
        ("2m", ["11-29"]),
    ])
    func `the newest of each day, week and month stays`(rule: String, expected: [String]) throws {
        let nights = (0..<28).map(night)
        #expect(try days(KeepRule(parsing: rule).kept(of: nights)) == expected)
    }

    @Test func `months end where the calendar says`() throws {
        let nights = (-60..<28).map(night)
        #expect(
            try days(KeepRule(parsing: "12m").kept(of: nights)) == ["09-30", "10-31", "11-29"])
    }

    @Test func `days without a backup don't count`() throws {
        let nights = [-300, -299, -2, 0].map { night($0) }
        #expect(try KeepRule(parsing: "4d").kept(of: nights) == Set(nights))
        #expect(try KeepRule(parsing: "3d").kept(of: nights) == Set(nights.dropFirst()))
    }

    @Test func `of one day the newest stays`() throws {
        let times = (0..<5).map { night(0).adding(seconds: $0 * 3_600) }
        #expect(try KeepRule(parsing: "7d4w12m").kept(of: times) == [times[4]])
        #expect(try KeepRule(parsing: "7d").kept(of: []).isEmpty)
    }

    @Test func `a year of nights is a bounded number`() {
        let kept = KeepRule.standard.kept(of: (0..<365).map(night))
        // Two of the weeks and two of the months have their newest among the days.
        #expect(kept.count == 7 + 2 + 10)
    }

    @Test(arguments: ["", "d", "7", "7d4", "4w7d", "7d7d", "0d", "-1d", "1001d", "7 d", "7x", "٧d"])
    func `other words are no rule`(text: String) {
        let error = #expect(throws: BackupError.self) { try KeepRule(parsing: text) }
        #expect(error?.code == .invalidRule)
    }

    @Test(arguments: ["7d4w12m", "1000d", "2m", "1w3m"])
    func `a rule is written as it is read`(text: String) throws {
        #expect(try KeepRule(parsing: text).text == text)
    }

    @Test(arguments: [("03:00", 180), ("0:05", 5), ("23:59", 1_439)])
    func `a time of day is read`(text: String, minute: Int) throws {
        #expect(try BackupSchedule.minute(parsing: text) == minute)
    }

    @Test(arguments: ["24:00", "3", "03:60", "3:0:0", ":30", "٣:00", "-1:00", "003:00"])
    func `other words are no time of day`(text: String) {
        #expect(throws: BackupError.self) { try BackupSchedule.minute(parsing: text) }
    }
}
