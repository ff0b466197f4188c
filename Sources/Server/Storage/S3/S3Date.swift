import Records

/// Moments as S3 writes them.
enum S3Date {
    /// `20261121T223520Z`.
    static func basic(_ time: Timestamp) -> String {
        let seconds = second(of: time)
        let clock = seconds % 86_400
        return day(time) + "T" + pad(clock / 3_600) + pad(clock / 60 % 60) + pad(clock % 60) + "Z"
    }

    /// `20261121`.
    static func day(_ time: Timestamp) -> String {
        // The Gregorian date, counted in years that begin in March (Howard Hinnant's algorithm).
        let shifted = second(of: time) / 86_400 + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return pad(year, 4) + pad(month) + pad(day)
    }

    /// Reads `2026-11-21T22:35:20.000Z`, with or without a fraction; `nil` for anything else.
    static func parse(_ text: String) -> Timestamp? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes[10] == UInt8(ascii: "T"), bytes.last == UInt8(ascii: "Z"),
            let year = number(bytes[0..<4]), let month = number(bytes[5..<7]),
            let day = number(bytes[8..<10]), let hour = number(bytes[11..<13]),
            let minute = number(bytes[14..<16]), let second = number(bytes[17..<19]),
            (1...12).contains(month), (1...31).contains(day), year >= 1970
        else { return nil }
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        return Timestamp(
            milliseconds: (days * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000)
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Reads `Sat, 21 Nov 2026 22:35:20 GMT`, as headers have it; `nil` for anything else.
    static func parse(header text: String) -> Timestamp? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[1].utf8.count == 2, parts[3].utf8.count == 4,
            parts[4].utf8.count == 8, let month = months.firstIndex(of: String(parts[2]))
        else { return nil }
        return parse("\(parts[3])-\(pad(Int64(month) + 1))-\(parts[1])T\(parts[4])Z")
    }

    private static func second(of time: Timestamp) -> Int64 { max(0, time.milliseconds / 1_000) }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        Int64(String(decoding: digits, as: UTF8.self))
    }

    private static func pad(_ value: Int64, _ count: Int = 2) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }
}
