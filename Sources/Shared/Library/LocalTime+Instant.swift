package import Records

extension LocalTime {
    /// The moment to sort by.
    ///
    /// A clock whose offset nobody knows counts as if it showed UTC, and a time of day that cannot
    /// be read as midnight.
    package var instant: Timestamp {
        let bytes = Array(text.utf8.prefix(32))
        func number(_ start: Int, _ count: Int, max: Int) -> Int {
            guard bytes.count >= start + count else { return 0 }
            var value = 0
            for byte in bytes[start..<start + count] {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return 0 }
                value = value * 10 + Int(byte - UInt8(ascii: "0"))
            }
            return min(value, max)
        }
        let seconds =
            number(11, 2, max: 23) * 3_600 + number(14, 2, max: 59) * 60 + number(17, 2, max: 60)
        let fractionCount = bytes.dropFirst(20).prefix(3).prefix { (48...57).contains($0) }.count
        let milliseconds =
            bytes.count > 20 && bytes[19] == UInt8(ascii: ".")
            ? number(20, fractionCount, max: 999) * [1_000, 100, 10, 1][fractionCount] : 0
        let days = Int64(Self.day(year: year, month: month, day: number(8, 2, max: 31)))
        let offset = Int64(min(max(offsetMinutes ?? 0, -1_080), 1_080)) * 60
        return Timestamp(
            milliseconds: (days * 86_400 + Int64(seconds) - offset) * 1_000 + Int64(milliseconds))
    }

    /// Days since 1970-01-01 in the proleptic Gregorian calendar, whose years begin in March here
    /// so that the leap day comes last.
    private static func day(year: Int, month: Int, day: Int) -> Int {
        let marchYear = month <= 2 ? year - 1 : year
        let era = marchYear / 400
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
            - 719_468
    }
}
