/// How long answers took: counts by duration, exact below 16 ms, within an eighth above.
package struct LatencyHistogram: Hashable, Sendable {
    private static let bucketCount = 128

    /// As long as its last bucket that is not empty.
    private var counts: [UInt32] = []
    package private(set) var count = 0

    package init() {}

    package mutating func add(milliseconds: Int64) {
        add(1, to: Self.bucket(of: milliseconds))
    }

    package mutating func add(_ other: LatencyHistogram) {
        for (bucket, count) in other.counts.enumerated() where count > 0 {
            add(count, to: bucket)
        }
    }

    /// The least duration that `percent` of the answers did not exceed; `nil` without answers.
    package func percentile(_ percent: Int) -> Int64? {
        guard count > 0 else { return nil }
        let rank = max(1, (count * percent + 99) / 100)
        var seen = 0
        for (bucket, count) in counts.enumerated() {
            seen += Int(count)
            if seen >= rank { return Self.longest(of: bucket) }
        }
        return Self.longest(of: counts.count - 1)
    }

    /// How many answers took longer.
    package func count(above milliseconds: Int64) -> Int {
        counts.enumerated().reduce(0) { sum, entry in
            Self.longest(of: entry.offset) > milliseconds ? sum + Int(entry.element) : sum
        }
    }

    private mutating func add(_ count: UInt32, to bucket: Int) {
        if counts.count <= bucket {
            counts += Array(repeating: 0, count: bucket + 1 - counts.count)
        }
        let (sum, overflow) = counts[bucket].addingReportingOverflow(count)
        self.count += overflow ? Int(UInt32.max - counts[bucket]) : Int(count)
        counts[bucket] = overflow ? .max : sum
    }

    /// Eight buckets for each doubling.
    private static func bucket(of milliseconds: Int64) -> Int {
        let value = UInt64(max(0, milliseconds))
        guard value >= 16 else { return Int(value) }
        let shift = 63 - value.leadingZeroBitCount - 3
        return min(shift * 8 + Int(value >> UInt64(shift)), bucketCount - 1)
    }

    private static func longest(of bucket: Int) -> Int64 {
        guard bucket >= 16 else { return Int64(bucket) }
        let shift = Int64(bucket / 8 - 1)
        return (Int64(8 + bucket % 8 + 1) << shift) - 1
    }
}

extension LatencyHistogram {
    /// Each bucket that is not empty: its number (one byte), its count (four, the lowest first).
    package var bytes: [UInt8] {
        counts.enumerated().flatMap { bucket, count -> [UInt8] in
            guard count > 0 else { return [] }
            return [UInt8(bucket)] + (0..<4).map { UInt8(truncatingIfNeeded: count >> ($0 * 8)) }
        }
    }

    /// What cannot be understood is left out.
    package init(bytes: [UInt8]) {
        for start in stride(from: 0, to: bytes.count - bytes.count % 5, by: 5)
        where Int(bytes[start]) < Self.bucketCount {
            let count = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[start + 1 + $1]) << ($1 * 8) }
            add(count, to: Int(bytes[start]))
        }
    }
}
