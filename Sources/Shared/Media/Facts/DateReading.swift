/// One date as a file gives it.
struct DateReading: Hashable, Sendable {
    var time: LocalTime
    var milliseconds = 0
    var offsetMinutes: Int?

    /// Offsets from UTC that a zone of the world can have.
    static let offsets = -12 * 60...14 * 60

    init(time: LocalTime, milliseconds: Int = 0, offsetMinutes: Int? = nil) {
        self.time = time
        self.milliseconds = milliseconds
        self.offsetMinutes = offsetMinutes
    }

    /// Reads the ways in which files write a date: EXIF's `2010:02:13 14:55:31`, ISO 8601 with or
    /// without fraction and offset, and what lies between.
    ///
    /// What follows is passed over.
    init?(_ text: String) {
        var scanner = DigitScanner(text)
        guard let year = scanner.digits(4), scanner.skip(":-/. "), let month = scanner.digits(2),
            scanner.skip(":-/. "), let day = scanner.digits(2)
        else { return nil }
        var clock = (hour: 0, minute: 0, second: 0)
        if scanner.skip(" T_"), let hour = scanner.digits(2), scanner.skip(":"),
            let minute = scanner.digits(2)
        {
            clock = (hour, minute, 0)
            if scanner.skip(":"), let second = scanner.digits(2) { clock.second = second }
            milliseconds = scanner.skip(".,") ? scanner.fraction() : 0
            offsetMinutes = scanner.offset()
        }
        guard
            let time = LocalTime(
                year: year, month: month, day: day,
                hour: clock.hour, minute: clock.minute, second: clock.second)
        else { return nil }
        self.time = time
    }

    /// EXIF's three fields of one date.
    init?(exif text: String?, fraction: String?, offset: String?) {
        guard let text, var reading = DateReading(text) else { return nil }
        if let fraction {
            var scanner = DigitScanner(fraction)
            reading.milliseconds = scanner.fraction()
        }
        if let offset {
            var scanner = DigitScanner(offset)
            reading.offsetMinutes = scanner.offset()
        }
        self = reading
    }

    /// A moment that counts from 1970 in UTC.
    init?(milliseconds total: Int64) {
        let seconds = total.floorDivided(by: 1000)
        guard let time = LocalTime(secondsSince1970: seconds) else { return nil }
        self.init(time: time, milliseconds: Int(total - seconds * 1000), offsetMinutes: 0)
    }
}

/// Reads digits from the front of a text, a bounded number of them.
struct DigitScanner {
    private var rest: Substring.UTF8View

    init(_ text: String) { rest = text.drop { $0 == " " }.utf8 }

    /// Exactly `count` digits.
    mutating func digits(_ count: Int) -> Int? {
        let taken = rest.prefix(count)
        guard taken.count == count, taken.allSatisfy({ (48...57).contains($0) }) else { return nil }
        rest = rest.dropFirst(count)
        return taken.reduce(0) { $0 * 10 + Int($1 - 48) }
    }

    /// Passes over one of `characters`; says whether there was one.
    mutating func skip(_ characters: StaticString) -> Bool {
        guard let first = rest.first,
            characters.withUTF8Buffer({ $0.contains(first) })
        else { return false }
        rest = rest.dropFirst()
        return true
    }

    /// Digits behind a decimal point, as whole milliseconds.
    mutating func fraction() -> Int {
        var value = 0
        var scale = 100
        while let digit = rest.first, (48...57).contains(digit) {
            value += Int(digit - 48) * scale
            scale /= 10
            rest = rest.dropFirst()
        }
        return value
    }

    /// `Z`, `+hh:mm`, `+hhmm`, `+hh` as minutes; `nil` for anything else and for no zone's offset.
    mutating func offset() -> Int? {
        if skip("Zz") { return 0 }
        guard let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else {
            return nil
        }
        rest = rest.dropFirst()
        guard let hours = digits(2) else { return nil }
        _ = skip(":")
        let total = hours * 60 + (digits(2) ?? 0)
        let minutes = sign == UInt8(ascii: "-") ? -total : total
        return DateReading.offsets.contains(minutes) ? minutes : nil
    }
}
