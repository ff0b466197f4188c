/// `50GB`, `1.5 TB`, `500MiB`, or a plain number of bytes.
package enum ByteSize {
    private static let units: [(String, Double)] = [
        ("KIB", 1_024), ("MIB", 1_048_576), ("GIB", 1_073_741_824), ("TIB", 1_099_511_627_776),
        ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("B", 1),
    ]

    /// `nil` for anything that is no size above zero.
    package static func parse(_ text: String) -> Int64? {
        let upper = text.uppercased().filter { !$0.isWhitespace }
        let unit = units.first { upper.hasSuffix($0.0) }
        let digits = unit.map { String(upper.dropLast($0.0.count)) } ?? upper
        guard let number = Double(digits), number.isFinite, number > 0 else { return nil }
        return Int64(exactly: (number * (unit?.1 ?? 1)).rounded())
    }
}
