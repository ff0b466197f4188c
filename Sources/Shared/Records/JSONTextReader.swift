/// Reads one JSON value (RFC 8259) from valid UTF-8.
struct JSONTextReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0
    private var depth = 0
    /// Of the objects that are being read, the outermost first: how many there are is known before a
    /// dictionary is made of them.
    private var members: [(key: String, value: JSONValue)] = []

    init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    mutating func readWhole() throws(RecordsError) -> JSONValue {
        let value = try readValue()
        skipSpace()
        guard position == bytes.count else { throw unexpected() }
        return value
    }

    private func unexpected() -> RecordsError {
        RecordsError(.invalidJSON, "This is not JSON: look at byte \(position).")
    }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    private mutating func take(_ character: UInt8) throws(RecordsError) {
        guard position < bytes.count, bytes[position] == character else { throw unexpected() }
        position += 1
    }

    private func isNext(_ character: UInt8) -> Bool {
        position < bytes.count && bytes[position] == character
    }

    private mutating func readValue() throws(RecordsError) -> JSONValue {
        skipSpace()
        guard position < bytes.count else { throw unexpected() }
        switch bytes[position] {
        case UInt8(ascii: "\""): return .string(try readString())
        case UInt8(ascii: "{"):
            return .object(try nested { r throws(RecordsError) in try r.readObject() })
        case UInt8(ascii: "["):
            return .array(try nested { r throws(RecordsError) in try r.readArray() })
        case UInt8(ascii: "t"): return try readWord("true", .bool(true))
        case UInt8(ascii: "f"): return try readWord("false", .bool(false))
        case UInt8(ascii: "n"): return try readWord("null", .null)
        default: return try readNumber()
        }
    }

    private mutating func nested<R>(
        _ read: (inout Self) throws(RecordsError) -> R
    ) throws(RecordsError) -> R {
        guard depth < JSONText.depthMax else {
            throw RecordsError(
                .invalidJSON, "Nest at most \(JSONText.depthMax) JSON objects and arrays.")
        }
        depth += 1
        defer { depth -= 1 }
        return try read(&self)
    }

    private mutating func readWord(
        _ word: StaticString, _ value: JSONValue
    ) throws(RecordsError) -> JSONValue {
        for index in 0..<word.utf8CodeUnitCount { try take(word.utf8Start[index]) }
        return value
    }

    private mutating func readObject() throws(RecordsError) -> Fields {
        try take(UInt8(ascii: "{"))
        skipSpace()
        if isNext(UInt8(ascii: "}")) {
            position += 1
            return [:]
        }
        let start = members.count
        while true {
            skipSpace()
            let key = try readString()
            skipSpace()
            try take(UInt8(ascii: ":"))
            members.append((key, try readValue()))
            skipSpace()
            guard isNext(UInt8(ascii: ",")) else { break }
            position += 1
        }
        try take(UInt8(ascii: "}"))
        var fields = Fields(minimumCapacity: members.count - start)
        for member in members[start...] { fields[member.key] = member.value }
        members.removeSubrange(start...)
        return fields
    }

    private mutating func readArray() throws(RecordsError) -> [JSONValue] {
        try take(UInt8(ascii: "["))
        var values: [JSONValue] = []
        skipSpace()
        if isNext(UInt8(ascii: "]")) {
            position += 1
            return values
        }
        while true {
            values.append(try readValue())
            skipSpace()
            guard isNext(UInt8(ascii: ",")) else { break }
            position += 1
        }
        try take(UInt8(ascii: "]"))
        return values
    }

    /// Whole numbers of 64 bits stay whole; also those that are written with a point or exponent.
    private mutating func readNumber() throws(RecordsError) -> JSONValue {
        let start = position
        if isNext(UInt8(ascii: "-")) { position += 1 }
        let whole = try readDigits()
        guard whole.count == 1 || bytes[whole.lowerBound] != UInt8(ascii: "0") else {
            throw unexpected()
        }
        var isWhole = true
        if isNext(UInt8(ascii: ".")) {
            isWhole = false
            position += 1
            _ = try readDigits()
        }
        if isNext(UInt8(ascii: "e")) || isNext(UInt8(ascii: "E")) {
            isWhole = false
            position += 1
            if isNext(UInt8(ascii: "-")) || isNext(UInt8(ascii: "+")) { position += 1 }
            _ = try readDigits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw unexpected() }
        if abs(value) < 0x1p53, let whole = Int64(exactly: value) { return .integer(whole) }
        return .number(value)
    }

    private mutating func readDigits() throws(RecordsError) -> Range<Int> {
        let start = position
        while position < bytes.count, (0x30...0x39).contains(bytes[position]) { position += 1 }
        guard position > start else { throw unexpected() }
        return start..<position
    }

    private mutating func readString() throws(RecordsError) -> String {
        try take(UInt8(ascii: "\""))
        let start = position
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                defer { position += 1 }
                return String(decoding: bytes[start..<position], as: UTF8.self)
            case UInt8(ascii: "\\"):
                return try readEscapedString(from: start)
            case 0..<0x20:
                throw unexpected()
            default:
                position += 1
            }
        }
        throw unexpected()
    }

    private mutating func readEscapedString(from start: Int) throws(RecordsError) -> String {
        var characters = Array(bytes[start..<position])
        while position < bytes.count {
            let character = bytes[position]
            position += 1
            switch character {
            case UInt8(ascii: "\""): return String(decoding: characters, as: UTF8.self)
            case UInt8(ascii: "\\"): characters.append(contentsOf: try readEscape())
            case 0..<0x20: throw unexpected()
            default: characters.append(character)
            }
        }
        throw unexpected()
    }

    private mutating func readEscape() throws(RecordsError) -> [UInt8] {
        guard position < bytes.count else { throw unexpected() }
        let character = bytes[position]
        position += 1
        switch character {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [character]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return Array(String(try readScalar()).utf8)
        default: throw unexpected()
        }
    }

    /// A lone half of a surrogate pair becomes U+FFFD.
    private mutating func readScalar() throws(RecordsError) -> Unicode.Scalar {
        let replacement: Unicode.Scalar = "\u{FFFD}"
        let first = try readUnit()
        guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) ?? replacement }
        guard isNext(UInt8(ascii: "\\")), position + 1 < bytes.count,
            bytes[position + 1] == UInt8(ascii: "u")
        else { return replacement }
        let before = position
        position += 2
        let second = try readUnit()
        guard (0xDC00..<0xE000).contains(second) else {
            position = before
            return replacement
        }
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? replacement
    }

    private mutating func readUnit() throws(RecordsError) -> UInt32 {
        guard position + 4 <= bytes.count else { throw unexpected() }
        var unit: UInt32 = 0
        for character in bytes[position..<position + 4] {
            // Here capitals are digits too: some programs write them.
            let isLetter = character >= UInt8(ascii: "A")
            guard let digit = Hexadecimal.value(of: isLetter ? character | 0x20 : character) else {
                throw unexpected()
            }
            unit = unit << 4 | UInt32(digit)
        }
        position += 4
        return unit
    }
}
