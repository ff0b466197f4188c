/// Fields as JSON text (RFC 8259) in one canonical form: keys sorted by their bytes, no spaces,
/// only what must be escaped is escaped, whole numbers without a point.
///
/// The kernel reads and writes this text for every record, so it does without a general coder.
package enum JSONText {
    /// Objects and arrays within each other.
    package static let depthMax = 64

    package static func encode(_ fields: Fields) -> String {
        var writer = JSONTextWriter()
        writer.write(fields)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    package static func encode(_ value: JSONValue) -> String {
        var writer = JSONTextWriter()
        writer.write(value)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// Throws `invalidJSON` for anything but one object.
    package static func decodeFields(_ text: String) throws(RecordsError) -> Fields {
        guard case .object(let fields) = try decode(text) else {
            throw RecordsError(.invalidJSON, "Fields are one JSON object.")
        }
        return fields
    }

    /// Throws `invalidJSON` for anything but one JSON value.
    package static func decode(_ text: String) throws(RecordsError) -> JSONValue {
        var text = text
        let result: Result<JSONValue, RecordsError> = text.withUTF8 { bytes in
            var reader = JSONTextReader(bytes: bytes)
            do throws(RecordsError) {
                return .success(try reader.readWhole())
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

/// Appends canonical JSON to bytes.
package struct JSONTextWriter: Sendable {
    private static let digits = Array("0123456789abcdef".utf8)

    package var bytes: [UInt8] = []

    package init() {}

    /// Text that is JSON already.
    package mutating func raw(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    package mutating func raw(_ text: StaticString) {
        bytes.append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    package mutating func write(_ fields: Fields) {
        bytes.append(UInt8(ascii: "{"))
        let isSmall = fields.count < 2
        for (index, key) in (isSmall ? Array(fields.keys) : fields.keys.sorted()).enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            write(key)
            bytes.append(UInt8(ascii: ":"))
            write(fields[key] ?? .null)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    package mutating func write(_ value: JSONValue) {
        switch value {
        case .null: raw("null")
        case .bool(let value): raw(value ? "true" : "false")
        case .integer(let value): raw(String(value))
        case .number(let value): write(value)
        case .string(let value): write(value)
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                write(value)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let fields): write(fields)
        }
    }

    /// JSON has no infinity and no NaN; they become null.
    private mutating func write(_ value: Double) {
        if !value.isFinite {
            raw("null")
        } else if let whole = Int64(exactly: value), abs(value) < 0x1p53 {
            raw(String(whole))
        } else {
            raw(value.description)
        }
    }

    package mutating func write(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { characters in
            var start = 0
            for (index, character) in characters.enumerated()
            where character < 0x20 || character == 0x22 || character == 0x5C {
                bytes.append(contentsOf: characters[start..<index])
                escape(character)
                start = index + 1
            }
            bytes.append(contentsOf: characters[start...])
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ character: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch character {
        case 0x22, 0x5C: bytes.append(character)
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        default:
            raw("u00")
            bytes.append(Self.digits[Int(character >> 4)])
            bytes.append(Self.digits[Int(character & 15)])
        }
    }
}
