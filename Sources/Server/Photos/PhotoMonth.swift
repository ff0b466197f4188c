package import Library
import Records

/// A month of the timeline.
package struct PhotoMonth: Hashable, Sendable, Comparable {
    /// YYYYMM: what the database sorts by.
    package let number: Int

    init(number: Int) { self.number = number }

    package init(year: Int, month: Int) { number = year * 100 + month }

    /// Reads `YYYY-MM`; `nil` for anything else.
    package init?(parsing text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard text.utf8.count == 7, parts.count == 2, parts[0].utf8.count == 4,
            let year = Int(parts[0]), let month = Int(parts[1]), year >= 1,
            (1...12).contains(month)
        else { return nil }
        self.init(year: year, month: month)
    }

    package var text: String {
        LocalTime.padded(number / 100, 4) + "-" + LocalTime.padded(number % 100, 2)
    }

    package static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

extension LocalTime {
    /// The month of the local time: a picture of New Year's Eve stays in December wherever it is
    /// looked at.
    package var photoMonth: PhotoMonth { PhotoMonth(year: year, month: month) }

    /// RFC 3339, without an offset where none is known.
    package var rfc3339: String {
        guard let offsetMinutes else { return text }
        let size = abs(offsetMinutes)
        return text + (offsetMinutes < 0 ? "-" : "+") + Self.padded(size / 60, 2) + ":"
            + Self.padded(size % 60, 2)
    }
}
