/// The date that programs write into a file's name.
enum FileNameDate {
    /// Years in which programs named files by dates; other digits are counters.
    private static let years = 1970...2099

    /// Finds `20190102_030405`, `2019-01-02 03.04.05`, `20190102`, and what cameras, phones and
    /// messengers put around them.
    ///
    /// A date without a time is that day's beginning.
    static func read(_ name: String) -> DateReading? {
        let bytes = Array(name.utf8.prefix(255))
        var dayOnly: DateReading?
        var index = 0
        while index < bytes.count {
            guard bytes[index].isDigit, index == 0 || !bytes[index - 1].isDigit else {
                index += 1
                continue
            }
            if let found = date(in: bytes, at: index) {
                if found.hasTime {
                    // Google's camera names its files by UTC.
                    let isUTC = name.hasPrefix("PXL_")
                    return DateReading(
                        time: found.time, milliseconds: found.milliseconds,
                        offsetMinutes: isUTC ? 0 : nil)
                }
                dayOnly = dayOnly ?? DateReading(time: found.time)
            }
            index += 1
        }
        return dayOnly
    }

    private struct Found {
        var time: LocalTime
        var milliseconds = 0
        var hasTime: Bool
    }

    private static func date(in bytes: [UInt8], at start: Int) -> Found? {
        var cursor = Cursor(bytes: bytes, index: start)
        guard let year = cursor.digits(4), years.contains(year) else { return nil }
        let separated = cursor.skip("-_.")
        guard let month = cursor.digits(2), cursor.skip("-_.") == separated,
            let day = cursor.digits(2),
            let date = LocalTime(year: year, month: month, day: day)
        else { return nil }
        if let found = clock(after: cursor, year: year, month: month, day: day) { return found }
        return cursor.isAtDigit ? nil : Found(time: date, hasTime: false)
    }

    private static func clock(after date: Cursor, year: Int, month: Int, day: Int) -> Found? {
        var cursor = date
        if !cursor.skipText(" at ") {
            var skipped = 0
            while skipped < 3, cursor.skip("-_ T.") { skipped += 1 }
        }
        guard let hour = cursor.digits(2) else { return nil }
        let separated = cursor.skip("-_.:h")
        guard let minute = cursor.digits(2), cursor.skip("-_.:m") == separated,
            let second = cursor.digits(2),
            let time = LocalTime(
                year: year, month: month, day: day, hour: hour, minute: minute, second: second)
        else { return nil }
        var milliseconds = 0
        if cursor.isAtDigit {
            // Three digits more are thousandths; any other count is a number of something else.
            guard let thousandths = cursor.digits(3), !cursor.isAtDigit else { return nil }
            milliseconds = thousandths
        }
        return Found(time: time, milliseconds: milliseconds, hasTime: true)
    }

    private struct Cursor {
        let bytes: [UInt8]
        var index: Int

        var isAtDigit: Bool { index < bytes.count && bytes[index].isDigit }

        mutating func digits(_ count: Int) -> Int? {
            let taken = bytes.piece(at: index, count: count)
            guard taken.count == count, taken.allSatisfy(\.isDigit) else { return nil }
            index += count
            return taken.reduce(0) { $0 * 10 + Int($1 - 48) }
        }

        mutating func skip(_ characters: StaticString) -> Bool {
            guard index < bytes.count,
                characters.withUTF8Buffer({ $0.contains(bytes[index]) })
            else { return false }
            index += 1
            return true
        }

        mutating func skipText(_ text: StaticString) -> Bool {
            guard bytes.starts(with: text, at: index) else { return false }
            index += text.utf8CodeUnitCount
            return true
        }
    }
}

extension UInt8 {
    var isDigit: Bool { (48...57).contains(self) }
}
