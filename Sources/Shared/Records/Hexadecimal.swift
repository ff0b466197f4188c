/// Lower-case hexadecimal text, the form of identifiers and digests on the wire and on disk.
package enum Hexadecimal {
    private static let digits = Array("0123456789abcdef".utf8)

    package static func encode(_ bytes: some Collection<UInt8>) -> String {
        String(unsafeUninitializedCapacity: bytes.count * 2) { buffer in
            var index = 0
            for byte in bytes {
                buffer[index] = digits[Int(byte >> 4)]
                buffer[index + 1] = digits[Int(byte & 15)]
                index += 2
            }
            return index
        }
    }

    /// The bytes of `text`, or `nil` when it is not exactly `byteCount` bytes of hexadecimal digits.
    package static func decode(_ text: String, byteCount: Int) -> [UInt8]? {
        guard text.utf8.count == byteCount * 2 else { return nil }
        var text = text
        var isWhole = true
        let bytes = text.withUTF8 { characters in
            [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
                while count < byteCount, isWhole {
                    if let high = value(of: characters[2 * count]),
                        let low = value(of: characters[2 * count + 1])
                    {
                        buffer[count] = high << 4 | low
                        count += 1
                    } else {
                        isWhole = false
                    }
                }
            }
        }
        return isWhole ? bytes : nil
    }

    /// The eight bytes of `word`, most significant first.
    package static func bytes(of word: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) }
    }

    static func value(of character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}

extension [UInt8] {
    /// The eight bytes from `index` on, most significant first.
    func word(at index: Int) -> UInt64 {
        withUnsafeBytes {
            UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        }
    }
}
