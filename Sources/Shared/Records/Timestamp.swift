/// A moment of wall time: milliseconds since 1970-01-01T00:00:00Z, in SQL and on the wire an integer.
package struct Timestamp: Hashable, Sendable, Comparable {
    package static let millisecondsPerDay: Int64 = 86_400_000

    package let milliseconds: Int64

    package init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    package static func < (left: Self, right: Self) -> Bool {
        left.milliseconds < right.milliseconds
    }

    /// Saturates instead of overflowing: a hostile clock must not end the program.
    package func adding(milliseconds other: Int64) -> Self {
        let (sum, overflow) = milliseconds.addingReportingOverflow(other)
        return Self(milliseconds: overflow ? (other > 0 ? .max : .min) : sum)
    }

    package func adding(seconds: Int64) -> Self {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        return adding(milliseconds: overflow ? (seconds > 0 ? .max : .min) : product)
    }
}

extension Timestamp: Codable {
    package init(from decoder: any Decoder) throws {
        self.init(milliseconds: try decoder.singleValueContainer().decode(Int64.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(milliseconds)
    }
}
