import Records
package import Storage

/// Puts a row right in which one bit is another than was written: its sum says which one.
///
/// No two single bits change a CRC-32C in the same way, in rows of less than 256 MiB. That damage of
/// several bits looks like that of one is as unlikely as a row's bits are few among 2^32.
package struct RowCorrection: Hashable, Sendable {
    package let values: [StoredValue]
    package let sum: Int64

    /// `nil` when it takes more than one bit, or a value would not be one that is ever written.
    package init?(_ values: [StoredValue], sum: Int64) {
        let row = CanonicalRow(values)
        let computed = Int64(row.checksum)
        if computed == sum || Self.flips(of: sum).contains(computed) {
            self.values = values
            self.sum = computed
        } else if let right = Self.bit(of: row, sum) ?? Self.sign(in: values, sum) {
            self.values = right
            self.sum = sum
        } else {
            return nil
        }
        guard self.values.allSatisfy({ $0.value != nil }) else { return nil }
    }

    private static func bit(of row: CanonicalRow, _ sum: Int64) -> [StoredValue]? {
        guard let sum = UInt32(exactly: sum) else { return nil }
        let difference = sum ^ row.checksum
        // How each bit of a byte changes the sum, of the last byte first.
        var changes = (0..<8).map { CanonicalRow.steps[1 << $0] }
        for position in row.bytes.indices.reversed() {
            if let bit = changes.firstIndex(of: difference) {
                return row.flipped(bit, at: position)
            }
            for bit in changes.indices {
                changes[bit] =
                    CanonicalRow.steps[Int(changes[bit] & 0xFF)] ^ (changes[bit] >> 8)
            }
        }
        return nil
    }

    /// The file keeps numbers in as few bytes as they need: there the bit of the sign is one, in the
    /// 8 bytes that are summed it is many.
    private static func sign(in values: [StoredValue], _ sum: Int64) -> [StoredValue]? {
        for (column, value) in values.enumerated() {
            guard case .integer(let number) = value else { continue }
            for other in flips(of: number) {
                var right = values
                right[column] = .integer(other)
                if Int64(CanonicalRow(right).checksum) == sum { return right }
            }
        }
        return nil
    }

    /// What the number may have been before one bit of the bytes that it lies in changed.
    private static func flips(of number: Int64) -> [Int64] {
        var flips: [Int64] = []
        for bits in [8, 16, 24, 32, 48, 64] {
            let unused = 64 - bits
            guard (number << unused) >> unused == number else { continue }
            for bit in 0..<bits { flips.append(((number ^ (1 << bit)) << unused) >> unused) }
        }
        return flips
    }
}

/// The bytes that a row's sum is of; see `RowChecksum`.
private struct CanonicalRow {
    private let values: [StoredValue]
    private(set) var bytes: [UInt8] = []
    /// Where the content of each column begins, behind its tag and length.
    private var begins: [Int] = []

    init(_ values: [StoredValue]) {
        self.values = values
        for value in values {
            switch value {
            case .null: append(0, [])
            case .integer(let number): append(1, Self.bytes(UInt64(bitPattern: number)))
            case .real(let number): append(2, Self.bytes(number.bitPattern))
            case .text(let text): append(3, text, length: text.count)
            case .blob(let blob): append(4, blob, length: blob.count)
            }
        }
    }

    var checksum: UInt32 { CRC32C.checksum(bytes) }

    private mutating func append(_ tag: UInt8, _ content: [UInt8], length: Int? = nil) {
        bytes.append(tag)
        if let length { bytes += Self.bytes(UInt32(truncatingIfNeeded: length)) }
        begins.append(bytes.count)
        bytes += content
    }

    private static func bytes(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }

    /// `nil` where no column's content lies.
    func flipped(_ bit: Int, at position: Int) -> [StoredValue]? {
        guard let column = begins.lastIndex(where: { $0 <= position }) else { return nil }
        var right = values
        let offset = position - begins[column]
        switch values[column] {
        case .null: return nil
        case .integer(let number):
            guard offset < 8 else { return nil }
            right[column] = .integer(number ^ (1 << Int64((7 - offset) * 8 + bit)))
        case .real(let number):
            guard offset < 8 else { return nil }
            let bits = number.bitPattern ^ (1 << UInt64((7 - offset) * 8 + bit))
            right[column] = .real(Double(bitPattern: bits))
        case .text(var text):
            guard text.indices.contains(offset) else { return nil }
            text[offset] ^= 1 << UInt8(bit)
            right[column] = .text(text)
        case .blob(var blob):
            guard blob.indices.contains(offset) else { return nil }
            blob[offset] ^= 1 << UInt8(bit)
            right[column] = .blob(blob)
        }
        return right
    }

    /// What one byte makes of the sum.
    static let steps: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { step, _ in
            step & 1 == 1 ? (step >> 1) ^ 0x82F6_3B78 : step >> 1
        }
    }
}
