package import Records

/// When a picture was taken, as its camera's clock showed it.
package struct LocalTime: Hashable, Sendable {
    /// `YYYY-MM-DDTHH:MM:SS`, perhaps with a fraction.
    package let text: String
    /// Minutes east of UTC; `nil` when nobody knows.
    package let offsetMinutes: Int?
    package let year: Int
    package let month: Int

    /// `nil` unless `text` begins with a date of the years 1 to 9999.
    package init?(text: String, offsetMinutes: Int? = nil) {
        let bytes = Array(text.utf8.prefix(10))
        guard bytes.count == 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            let year = Self.number(bytes[0..<4]), let month = Self.number(bytes[5..<7]),
            let day = Self.number(bytes[8..<10]), year >= 1, (1...12).contains(month),
            (1...31).contains(day)
        else { return nil }
        self.text = text
        self.offsetMinutes = offsetMinutes
        self.year = year
        self.month = month
    }

    /// Reads `{"text": …, "offsetMinutes": …}`.
    package init?(_ value: JSONValue?) {
        guard let object = value?.object, let text = object["text"]?.string else { return nil }
        let offset = object["offsetMinutes"]?.integer.flatMap { Int(exactly: $0) }
        self.init(text: text, offsetMinutes: offset)
    }

    package var json: JSONValue {
        var object: Fields = ["text": .string(text)]
        if let offsetMinutes { object["offsetMinutes"] = .integer(Int64(offsetMinutes)) }
        return .object(object)
    }

    /// The year and month of a moment, in UTC.
    package init(utc moment: Timestamp) {
        let day = Int(moment.milliseconds.flooringDivision(by: Timestamp.millisecondsPerDay))
        let date = Self.civil(daysSince1970: day)
        let clamped = min(max(date.year, 1), 9_999)
        let seconds = Int(moment.milliseconds.flooringDivision(by: 1_000)) - day * 86_400
        year = clamped
        month = date.month
        offsetMinutes = 0
        text =
            Self.padded(clamped, 4) + "-" + Self.padded(date.month, 2) + "-"
            + Self.padded(date.day, 2) + "T" + Self.padded(seconds / 3_600, 2) + ":"
            + Self.padded(seconds / 60 % 60, 2) + ":" + Self.padded(seconds % 60, 2)
    }

    package static func padded(_ number: Int, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        var value = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            value = value * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return value
    }

    /// The date in the proleptic Gregorian calendar: years begin in March, so that the leap day is
    /// a year's last, and 400 years always have 146,097 days.
    private static func civil(daysSince1970 days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}

extension Int64 {
    fileprivate func flooringDivision(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

/// Which date an asset is shown under: what a person corrected, else what its file says, else the
/// file's time, else when it was imported.
package enum ShownDate {
    package static func of(asset: AssetFields, facts: Fields?) -> LocalTime {
        if let corrected = asset.takenAtCorrected { return corrected }
        if let facts, let taken = LocalTime(facts["takenAt"]) { return taken }
        return LocalTime(utc: asset.fileModifiedAt ?? asset.importedAt)
    }
}
