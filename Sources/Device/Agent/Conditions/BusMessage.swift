/// One message of D-Bus, as far as asking for single values needs it (D-Bus specification, “Message
/// Protocol”).
package struct BusMessage: Hashable, Sendable {
    package enum Kind: UInt8, Sendable {
        case call = 1
        case reply, error, signal
    }

    package enum Value: Hashable, Sendable {
        case text(String)
        case number(UInt32)
        case flag(Bool)
    }

    /// Messages above it are not for us.
    package static let byteCountMax = 1 << 20
    package static let headByteCount = 16

    package var kind: Kind
    package var serial: UInt32
    package var replySerial: UInt32?
    /// The first value of its body.
    package var value: Value?

    /// A call whose arguments are texts.
    ///
    /// The service is not started for it.
    package static func call(
        serial: UInt32, destination: String, path: String, interface: String, member: String,
        _ arguments: [String]
    ) -> [UInt8] {
        var body = BusWriter()
        for argument in arguments { body.text(argument) }
        var fields = BusWriter()
        fields.field(1, "o", path)
        fields.field(2, "s", interface)
        fields.field(3, "s", member)
        fields.field(6, "s", destination)
        if !arguments.isEmpty {
            fields.field(8, "g", String(repeating: "s", count: arguments.count))
        }
        var whole = BusWriter()
        // Little-endian, a call, no automatic start, protocol 1.
        whole.bytes = [UInt8(ascii: "l"), Kind.call.rawValue, 2, 1]
        whole.number(UInt32(body.bytes.count))
        whole.number(serial)
        whole.number(UInt32(fields.bytes.count))
        whole.bytes += fields.bytes
        whole.align(8)
        return whole.bytes + body.bytes
    }

    /// How long a message is, by its first `headByteCount` bytes; `nil`: not one of ours.
    package static func byteCount(ofHead head: [UInt8]) -> Int? {
        guard head.count >= headByteCount, head[0] == UInt8(ascii: "l") else { return nil }
        var reader = BusReader(bytes: head)
        reader.position = 4
        let body = Int(reader.number() ?? .max)
        reader.position = 12
        let fields = Int(reader.number() ?? .max)
        guard body <= byteCountMax, fields <= byteCountMax else { return nil }
        return (headByteCount + fields + 7) / 8 * 8 + body
    }

    /// `nil` for what breaks the format.
    package init?(_ bytes: [UInt8]) {
        guard Self.byteCount(ofHead: bytes) == bytes.count, let kind = Kind(rawValue: bytes[1])
        else { return nil }
        self.kind = kind
        var reader = BusReader(bytes: bytes)
        reader.position = 8
        guard let serial = reader.number(), let fieldsByteCount = reader.number() else {
            return nil
        }
        self.serial = serial
        let end = Self.headByteCount + Int(fieldsByteCount)
        var signature = ""
        while reader.position < end {
            reader.align(8)
            guard let code = reader.byte(), let type = reader.signature(),
                let value = reader.value(type)
            else { return nil }
            if code == 5, case .number(let number) = value { replySerial = number }
            if code == 8, case .text(let text) = value { signature = text }
        }
        reader.align(8)
        if let first = signature.first {
            value = first == "v" ? reader.variant() : reader.value(String(first))
        }
    }
}

private struct BusWriter {
    var bytes: [UInt8] = []

    mutating func align(_ count: Int) {
        while bytes.count % count != 0 { bytes.append(0) }
    }

    mutating func number(_ value: UInt32) {
        align(4)
        for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(value >> shift & 0xFF)) }
    }

    mutating func text(_ text: String) {
        number(UInt32(text.utf8.count))
        bytes += Array(text.utf8) + [0]
    }

    mutating func signature(_ text: String) {
        bytes += [UInt8(text.utf8.count)] + Array(text.utf8) + [0]
    }

    /// One header field: its code, and a variant.
    mutating func field(_ code: UInt8, _ type: String, _ value: String) {
        align(8)
        bytes.append(code)
        signature(type)
        if type == "g" { signature(value) } else { text(value) }
    }
}

private struct BusReader {
    let bytes: [UInt8]
    var position = 0

    mutating func align(_ count: Int) { position = (position + count - 1) / count * count }

    mutating func byte() -> UInt8? {
        guard position < bytes.count else { return nil }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func number() -> UInt32? {
        align(4)
        guard position + 4 <= bytes.count else { return nil }
        defer { position += 4 }
        return (0..<4).reduce(0) { $0 | UInt32(bytes[position + $1]) << (8 * $1) }
    }

    private mutating func text(byteCount: Int) -> String? {
        guard position + byteCount < bytes.count else { return nil }
        defer { position += byteCount + 1 }
        return String(decoding: bytes[position..<position + byteCount], as: UTF8.self)
    }

    mutating func signature() -> String? { byte().flatMap { text(byteCount: Int($0)) } }

    mutating func value(_ type: String) -> BusMessage.Value? {
        switch type {
        case "s", "o": number().flatMap { text(byteCount: Int($0)) }.map { .text($0) }
        case "g": signature().map { .text($0) }
        case "u": number().map { .number($0) }
        case "b": number().map { .flag($0 != 0) }
        case "y": byte().map { .number(UInt32($0)) }
        default: nil
        }
    }

    mutating func variant() -> BusMessage.Value? { signature().flatMap { value($0) } }
}
