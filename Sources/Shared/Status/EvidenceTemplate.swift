package import Records

/// A sentence with `{name}` where evidence belongs.
struct EvidenceTemplate {
    private let bytes: [UInt8]
    /// Where the names stand, without their braces: most sentences have none.
    private let holes: [Range<Int>]

    init(_ sentence: String) {
        bytes = Array(sentence.utf8)
        var holes: [Range<Int>] = []
        bytes.withUnsafeBufferPointer { bytes in
            var rest = 0
            while let open = bytes[rest...].firstIndex(of: UInt8(ascii: "{")),
                let close = bytes[open...].firstIndex(of: UInt8(ascii: "}"))
            {
                holes.append(open + 1..<close)
                rest = close + 1
            }
        }
        self.holes = holes
    }

    var names: [String] { holes.map(text) }

    func filled(with evidence: [String: String], else missing: String = "unknown") -> String {
        var sentence = ""
        var end = 0
        for hole in holes {
            sentence += text(end..<hole.lowerBound - 1)
            sentence += evidence[text(hole)] ?? missing
            end = hole.upperBound + 1
        }
        return sentence + text(end..<bytes.count)
    }

    private func text(_ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }
}

/// Evidence as people read it, the same on every device.
package enum EvidenceText {
    /// A sentence of the tables with some of its evidence, and `missing` for the rest.
    package static func fill(
        _ sentence: String, _ evidence: [String: String], else missing: String
    ) -> String {
        EvidenceTemplate(sentence).filled(with: evidence, else: missing)
    }

    private static let units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"]

    /// Decimal units, one digit after the point: `1.2 GB`; up to 999 bytes exactly.
    package static func bytes(_ count: Int64) -> String {
        guard count.magnitude >= 1_000 else { return count == 1 ? "1 byte" : "\(count) bytes" }
        var (value, unit) = (Double(count), 0)
        while value.magnitude >= 999.95, unit < units.count - 1 {
            value /= 1_000
            unit += 1
        }
        let tenths = Int64((value * 10).rounded())
        let fraction = tenths % 10 == 0 ? "" : ".\((tenths % 10).magnitude)"
        return "\(tenths < 0 ? "-" : "")\((tenths / 10).magnitude)\(fraction) \(units[unit])"
    }

    /// `1 item`, `42 items`.
    package static func items(_ count: Int) -> String {
        count == 1 ? "1 item" : "\(count) items"
    }

    /// Rounded to what matters: `20 s`, `3 min`, `5 h`, `2 days`.
    package static func duration(seconds: Int64) -> String {
        switch seconds {
        case ..<100: "\(max(0, seconds)) s"
        case ..<6_000: "\((seconds + 30) / 60) min"
        case ..<172_800: "\((seconds + 1_800) / 3_600) h"
        default: "\(seconds / 86_400 + (seconds % 86_400 >= 43_200 ? 1 : 0)) days"
        }
    }

    /// How long an answer took: `640 ms`, `2.5 s`.
    package static func latency(milliseconds: Int64) -> String {
        guard milliseconds >= 1_000 else { return "\(max(0, milliseconds)) ms" }
        let tenths = milliseconds / 100 + (milliseconds % 100 >= 50 ? 1 : 0)
        return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
    }

    /// A day in UTC: `2026-11-21`.
    package static func day(_ time: Timestamp) -> String {
        // Days since 0000-03-01: a leap day is then a year's last.
        let shifted = floored(time.milliseconds, Timestamp.millisecondsPerDay) + 719_468
        let era = floored(shifted, 146_097)
        let ofEra = shifted - era * 146_097
        let year = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * year + year / 4 - year / 100)
        let month = (5 * ofYear + 2) / 153
        let day = ofYear - (153 * month + 2) / 5 + 1
        let calendarMonth = month < 10 ? month + 3 : month - 9
        let calendarYear = year + era * 400 + (calendarMonth <= 2 ? 1 : 0)
        return "\(calendarYear)-\(padded(calendarMonth))-\(padded(day))"
    }

    /// A minute in UTC: `2026-11-21 10:42 UTC`.
    package static func time(_ time: Timestamp) -> String {
        let days = floored(time.milliseconds, Timestamp.millisecondsPerDay)
        let minutes = (time.milliseconds - days * Timestamp.millisecondsPerDay) / 60_000
        return "\(day(time)) \(padded(minutes / 60)):\(padded(minutes % 60)) UTC"
    }

    private static func floored(_ number: Int64, _ divisor: Int64) -> Int64 {
        number / divisor - (number % divisor < 0 ? 1 : 0)
    }

    private static func padded(_ number: Int64) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
