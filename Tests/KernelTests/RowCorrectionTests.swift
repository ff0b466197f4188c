import Kernel
import Storage
import Testing

/// A sum says which bit of its row is another.
@Suite struct RowCorrectionTests {
    private static let row: [StoredValue] = [
        .blob([1, 2, 3, 4]), .text(Array("photos".utf8)), .integer(5), .integer(-1),
        .integer(1_790_000_000_000), .null, .text(Array("{\"name\":\"Ä.jpg\"}".utf8)), .integer(0),
    ]

    /// CRC-32C of the canonical bytes of `row`, by another program.
    private static let sum: Int64 = 0x77F8_E76A

    @Test func `every single bit of every value is put right`() throws {
        let sum = Self.sum
        #expect(RowCorrection(Self.row, sum: sum)?.values == Self.row)
        var count = 0
        for (column, value) in Self.row.enumerated() {
            for other in Self.flips(of: value) {
                var damaged = Self.row
                damaged[column] = other
                let right = RowCorrection(damaged, sum: sum)
                #expect(right?.values == Self.row, "\(column): \(other)")
                #expect(right?.sum == sum)
                count += 1
            }
        }
        #expect(count > 250)
    }

    @Test func `a damaged sum is put right, and two bits are refused`() throws {
        let sum = Self.sum
        for bit in 0..<32 {
            let right = RowCorrection(Self.row, sum: sum ^ (1 << Int64(bit)))
            #expect(right?.values == Self.row && right?.sum == sum)
        }
        #expect(RowCorrection(Self.row, sum: sum ^ 3) == nil)
        var damaged = Self.row
        damaged[1] = .text(Array("qhotor".utf8))
        #expect(RowCorrection(damaged, sum: sum) == nil)
        // What was never text is not taken for it.
        #expect(RowCorrection([.text([0xFF])], sum: 0) == nil)
    }

    /// What one bit makes of a value where it lies: numbers in as few bytes as they need.
    private static func flips(of value: StoredValue) -> [StoredValue] {
        func flips(_ bytes: [UInt8]) -> [[UInt8]] {
            (0..<bytes.count * 8).map { bit in
                var bytes = bytes
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                return bytes
            }
        }
        switch value {
        case .text(let bytes): return flips(bytes).map(StoredValue.text)
        case .blob(let bytes): return flips(bytes).map(StoredValue.blob)
        case .integer(let number):
            let bits =
                [8, 16, 24, 32, 48, 64].first { (number << (64 - $0)) >> (64 - $0) == number } ?? 64
            return (0..<bits).map { bit in
                .integer(((number ^ (1 << Int64(bit))) << (64 - bits)) >> (64 - bits))
            }
        case .real, .null: return []
        }
    }
}
