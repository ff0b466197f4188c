import Agent
import Records
import Testing

@Suite struct FieldsFormatTests {
    private static let fields: Fields = [
        "": .null, "yes": .bool(true), "no": .bool(false), "least": .integer(.min),
        "most": .integer(.max), "half": .number(0.5), "text": .string("ä\u{0}𝄞"),
        "long": .string(String(repeating: "x", count: 300)),
        "list": .array([.integer(1), .array([]), .object(["in": .null])]),
        "object": .object(["a": .object([:])]),
    ]

    private static func decode(_ bytes: [UInt8]) -> Fields? {
        bytes.withUnsafeBytes { FieldsFormat.decode($0) }
    }

    @Test func `fields come back as they were`() {
        #expect(Self.decode(FieldsFormat.encode(Self.fields)) == Self.fields)
        #expect(Self.decode(FieldsFormat.encode([:] as Fields)) == [:])
    }

    @Test func `the bytes of version 1 stay`() {
        #expect(
            FieldsFormat.encode(["b": .integer(1), "a": .string("x")] as Fields)
                == [7, 2, 1, 0x61, 5, 1, 0x78, 1, 0x62, 3, 1, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test func `damaged bytes are nothing, never a trap`() {
        let bytes = FieldsFormat.encode(Self.fields)
        for count in 0..<bytes.count { #expect(Self.decode(Array(bytes[..<count])) == nil) }
        #expect(Self.decode(bytes + [0]) == nil)
        var numbers = SeededNumbers(seed: 1)
        for _ in 0..<2_000 {
            var damaged = bytes
            damaged[numbers.below(damaged.count)] ^= UInt8(1 << numbers.below(8))
            _ = Self.decode(damaged)
        }
        // Deeper than anything is nested, one past the limit.
        let nested =
            [UInt8]([7, 1, 0])
            + Array(
                repeating: [6, 1] as [UInt8], count: Limits.fieldsDepthMax + 1
            ).joined() + [0]
        #expect(Self.decode(nested) == nil)
    }
}
