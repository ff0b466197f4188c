package import Records

/// When a photo was taken: the clock's own text, the offset from UTC where it is known, and where
/// both were read.
package struct TakenAt: Hashable, Sendable, Codable {
    /// Where a date was read, in the order in which Martlet believes them.
    ///
    /// The first one that holds a date that is one wins: a camera's own clock at the exposure, then
    /// at the digitizing; a satellite's time; the date of a film; what a program wrote beside or
    /// into the file (XMP, then IPTC); the file's name; the file's time.
    package enum Source: String, Sendable, Codable, CaseIterable {
        /// EXIF DateTimeOriginal with SubSecTimeOriginal and OffsetTimeOriginal.
        case exifOriginal
        /// EXIF DateTimeDigitized with its fraction and offset.
        case exifDigitized
        /// GPSDateStamp and GPSTimeStamp: UTC.
        case gps
        /// com.apple.quicktime.creationdate or ©day with an offset, else the film's own in UTC.
        case quickTime
        /// A sidecar's date, else the embedded packet's: exif:DateTimeOriginal,
        /// photoshop:DateCreated, xmp:CreateDate.
        case xmp
        /// IPTC DateCreated and TimeCreated.
        case iptc
        case fileName
        case fileTime
    }

    /// `YYYY-MM-DDTHH:MM:SS`, with `.sss` where the file knows a fraction.
    package let text: String
    /// Minutes east of UTC; `nil` where the file doesn't say.
    package let offsetMinutes: Int?
    package let source: Source

    init(_ reading: DateReading, source: Source) {
        text =
            reading.time.text
            + (reading.milliseconds > 0 ? ".\(reading.milliseconds.digits(3))" : "")
        offsetMinutes = reading.offsetMinutes
        self.source = source
    }

    /// Takes text of the form above only; `nil` for any other and for dates that are none.
    package init?(text: String, offsetMinutes: Int?, source: Source) {
        guard let reading = DateReading(text) else { return nil }
        if let offsetMinutes, !DateReading.offsets.contains(offsetMinutes) { return nil }
        self.init(
            DateReading(
                time: reading.time, milliseconds: reading.milliseconds,
                offsetMinutes: offsetMinutes), source: source)
    }

    /// RFC 3339.
    ///
    /// An offset that isn't known is written `-00:00`, as section 4.3 of it has it.
    package var rfc3339: String {
        guard let offsetMinutes else { return text + "-00:00" }
        if offsetMinutes == 0 { return text + "Z" }
        let size = abs(offsetMinutes)
        return text
            + "\(offsetMinutes < 0 ? "-" : "+")\((size / 60).digits(2)):\((size % 60).digits(2))"
    }

    /// The moment to sort by; a clock without an offset counts as if it showed UTC.
    package var instant: Timestamp {
        guard let reading = DateReading(text) else { return Timestamp(milliseconds: 0) }
        let seconds = reading.time.secondsSince1970 - Int64(offsetMinutes ?? 0) * 60
        return Timestamp(milliseconds: seconds * 1000 + Int64(reading.milliseconds))
    }
}

extension TakenAt {
    /// As a record keeps it: `{text, offsetMinutes, source}`.
    package var value: JSONValue {
        var fields: Fields = ["text": .string(text), "source": .string(source.rawValue)]
        if let offsetMinutes { fields["offsetMinutes"] = .integer(Int64(offsetMinutes)) }
        return .object(fields)
    }

    /// Reads what `value` wrote; `nil` for anything that isn't such a date.
    package init?(value: JSONValue?) {
        guard let fields = value?.object, let text = fields["text"]?.string,
            let source = fields["source"]?.string.flatMap(Source.init(rawValue:))
        else { return nil }
        let offset = fields["offsetMinutes"]?.integer.flatMap { Int(exactly: $0) }
        self.init(text: text, offsetMinutes: offset, source: source)
    }
}
