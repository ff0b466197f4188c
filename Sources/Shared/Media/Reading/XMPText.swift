/// The characters of an XMP packet: UTF-8, UTF-16 or UTF-32 with or without a mark (XMP part 1, 7.3).
enum XMPText {
    /// The packet as UTF-8; wrong characters become U+FFFD.
    static func utf8(_ bytes: [UInt8]) -> [UInt8] {
        let head = bytes.prefix(4)
        if head.starts(with: [0xEF, 0xBB, 0xBF]) { return Array(bytes.dropFirst(3)) }
        if head.starts(with: [0xFF, 0xFE]) { return utf16(bytes.dropFirst(2), littleEndian: true) }
        if head.starts(with: [0xFE, 0xFF]) {
            return utf16(bytes.dropFirst(2), littleEndian: false)
        }
        if head.count >= 2, bytes[0] == UInt8(ascii: "<"), bytes[1] == 0 {
            return utf16(bytes[...], littleEndian: true)
        }
        if head.count >= 2, bytes[0] == 0, bytes[1] == UInt8(ascii: "<") {
            return utf16(bytes[...], littleEndian: false)
        }
        return bytes
    }

    private static func utf16(_ bytes: ArraySlice<UInt8>, littleEndian: Bool) -> [UInt8] {
        var units: [UInt16] = []
        units.reserveCapacity(bytes.count / 2)
        var index = bytes.startIndex
        while index + 1 < bytes.endIndex {
            let (first, second) = (UInt16(bytes[index]), UInt16(bytes[index + 1]))
            units.append(littleEndian ? second << 8 | first : first << 8 | second)
            index += 2
        }
        return Array(String(decoding: units, as: UTF16.self).utf8)
    }

    /// Resolves the five entities that XML has by itself, and numbers; any other stays as written,
    /// since nothing that a file declares is ever expanded.
    static func unescaped(_ bytes: ArraySlice<UInt8>) -> String {
        guard bytes.contains(UInt8(ascii: "&")) else {
            return String(decoding: bytes, as: UTF8.self)
        }
        var result = String.UnicodeScalarView()
        var rest = String(decoding: bytes, as: UTF8.self).unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "&", let end = rest.prefix(10).firstIndex(of: ";"),
                let resolved = entity(String(rest[..<end]))
            else {
                result.append(scalar)
                continue
            }
            result.append(resolved)
            rest = rest[rest.index(after: end)...]
        }
        return String(result)
    }

    private static func entity(_ name: String) -> Unicode.Scalar? {
        switch name {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default: break
        }
        guard name.hasPrefix("#") else { return nil }
        let number =
            name.hasPrefix("#x")
            ? UInt32(name.dropFirst(2), radix: 16) : UInt32(name.dropFirst(1), radix: 10)
        return number.flatMap(Unicode.Scalar.init)
    }
}
