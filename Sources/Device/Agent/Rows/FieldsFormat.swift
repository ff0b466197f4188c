package import Records

/// How fields and blob references lie in the device's database: small, and read in a microsecond
/// where JSON takes a hundred. A tag byte, then:
///
///     0 null · 1 false · 2 true · 3 integer (8 bytes, little-endian) · 4 number (its 8 bytes)
///     5 string (length, UTF-8) · 6 array (count, values) · 7 object (count, then length, name,
///     value, by name)
///
/// Lengths and counts are LEB128. The database is this device's own: another version of the
/// program finds the number of this format in its schema.
package enum FieldsFormat {
    package static func encode(_ fields: Fields) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256)
        append(.object(fields), to: &bytes)
        return bytes
    }

    /// `nil`: these bytes were not written by `encode`.
    package static func decode(_ bytes: UnsafeRawBufferPointer) -> Fields? {
        var reader = Reader(bytes: bytes)
        guard case .object(let fields)? = reader.value(depth: 0), reader.position == bytes.count
        else { return nil }
        return fields
    }

    private static func append(_ value: JSONValue, to bytes: inout [UInt8]) {
        switch value {
        case .null: bytes.append(0)
        case .bool(let value): bytes.append(value ? 2 : 1)
        case .integer(let value):
            bytes.append(3)
            append(UInt64(bitPattern: value), to: &bytes)
        case .number(let value):
            bytes.append(4)
            append(value.bitPattern, to: &bytes)
        case .string(let text):
            bytes.append(5)
            append(text, to: &bytes)
        case .array(let values):
            bytes.append(6)
            append(count: values.count, to: &bytes)
            for value in values { append(value, to: &bytes) }
        case .object(let fields):
            bytes.append(7)
            append(count: fields.count, to: &bytes)
            for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
                append(name, to: &bytes)
                append(value, to: &bytes)
            }
        }
    }

    private static func append(_ text: String, to bytes: inout [UInt8]) {
        append(count: text.utf8.count, to: &bytes)
        bytes.append(contentsOf: text.utf8)
    }

    private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }

    private static func append(count: Int, to bytes: inout [UInt8]) {
        var rest = UInt64(count)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private struct Reader {
        let bytes: UnsafeRawBufferPointer
        var position = 0

        mutating func value(depth: Int) -> JSONValue? {
            guard depth <= Limits.fieldsDepthMax, position < bytes.count else { return nil }
            position += 1
            switch bytes[position - 1] {
            case 0: return .null
            case 1: return .bool(false)
            case 2: return .bool(true)
            case 3: return word().map { .integer(Int64(bitPattern: $0)) }
            case 4: return word().map { .number(Double(bitPattern: $0)) }
            case 5: return text().map(JSONValue.string)
            case 6: return array(depth: depth)
            case 7: return object(depth: depth)
            default: return nil
            }
        }

        private mutating func word() -> UInt64? {
            guard bytes.count - position >= 8 else { return nil }
            defer { position += 8 }
            return UInt64(
                littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
        }

        private mutating func count() -> Int? {
            var (value, shift) = (UInt64(0), UInt64(0))
            while position < bytes.count, shift < 63 {
                let byte = bytes[position]
                position += 1
                value |= UInt64(byte & 0x7F) << shift
                if byte & 0x80 == 0 { return Int(exactly: value) }
                shift += 7
            }
            return nil
        }

        private mutating func text() -> String? {
            guard let count = count(), count <= bytes.count - position else { return nil }
            defer { position += count }
            let slice = UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
            return String(decoding: slice, as: UTF8.self)
        }

        private mutating func array(depth: Int) -> JSONValue? {
            guard let count = count(), count <= bytes.count - position else { return nil }
            var values: [JSONValue] = []
            values.reserveCapacity(count)
            for _ in 0..<count {
                guard let value = value(depth: depth + 1) else { return nil }
                values.append(value)
            }
            return .array(values)
        }

        private mutating func object(depth: Int) -> JSONValue? {
            guard let count = count(), count <= bytes.count - position else { return nil }
            var fields = Fields(minimumCapacity: count)
            for _ in 0..<count {
                guard let name = text(), let value = value(depth: depth + 1) else { return nil }
                fields[name] = value
            }
            return .object(fields)
        }
    }
}

extension FieldsFormat {
    /// Blob references by role, as an object of [digest, byte count, media type].
    static func encode(_ blobs: [String: BlobReference]) -> [UInt8] {
        encode(
            blobs.mapValues { blob in
                .array([
                    .string(blob.digest.text), .integer(blob.byteCount), .string(blob.mediaType),
                ])
            })
    }

    static func decodeBlobs(_ bytes: UnsafeRawBufferPointer) -> [String: BlobReference]? {
        guard let fields = decode(bytes) else { return nil }
        var blobs: [String: BlobReference] = [:]
        for (role, value) in fields {
            guard let parts = value.array, parts.count == 3, let text = parts[0].string,
                let digest = try? Digest(parsing: text), let byteCount = parts[1].integer,
                let mediaType = parts[2].string
            else { return nil }
            blobs[role] = BlobReference(
                digest: digest, byteCount: byteCount, mediaType: mediaType)
        }
        return blobs
    }
}
