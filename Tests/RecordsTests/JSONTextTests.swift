import Records
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite struct JSONTextTests {
    static let fields: Fields = [
        "b": .integer(.min), "a": .array([.null, .bool(true), .bool(false), .array([])]),
        "é": .string("\u{0}\u{1F}\"\\/\n\r\tZoë 🌊"), "c": .object(["": .object([:])]),
        "d": .number(-0.25), "e": .number(1e300),
    ]

    @Test func `fields have one text, whatever their order in memory`() {
        let text = JSONText.encode(Self.fields)
        #expect(text.hasPrefix("{\"a\":[null,true,false,[]],\"b\":-9223372036854775808,"))
        #expect(text.contains("\\u0000\\u001f\\\"\\\\/\\n\\r\\tZoë 🌊"))
        for _ in 0..<20 {
            var other: Fields = [:]
            for key in Self.fields.keys.shuffled() { other[key] = Self.fields[key] }
            #expect(JSONText.encode(other) == text)
        }
    }

    @Test func `what was written is read as it was`() throws {
        let text = JSONText.encode(Self.fields)
        #expect(try JSONText.decodeFields(text) == Self.fields)
        let decoded = try JSONDecoder().decode(Fields.self, from: Data(text.utf8))
        #expect(decoded == Self.fields)
    }

    @Test(arguments: [
        ("5.0", JSONValue.integer(5)), ("-0", .integer(0)), ("1e2", .integer(100)),
        ("0.5", .number(0.5)), ("1E-2", .number(0.01)),
        ("9223372036854775807", .integer(.max)),
        ("9223372036854775808", .number(9_223_372_036_854_775_808)),
        (" [ 1 , 2 ] ", .array([.integer(1), .integer(2)])), ("\"\\ud83c\\udf0a\"", .string("🌊")),
        ("\"\\ud83c\"", .string("\u{FFFD}")), ("\"\\ud83cx\"", .string("\u{FFFD}x")),
        ("\"\\ud83c\\u0041\"", .string("\u{FFFD}A")),
        ("\"\\u00C4\\uD83C\\uDF0A\"", .string("Ä🌊")), ("\"\\b\\f\\/\"", .string("\u{8}\u{C}/")),
        ("{\"a\":1,\"a\":2}", .object(["a": .integer(2)])),
    ])
    func `every form of JSON is read`(text: String, value: JSONValue) throws {
        #expect(try JSONText.decode(text) == value)
    }

    @Test(arguments: [
        "", " ", "{", "}", "[1,]", "{\"a\"}", "{\"a\":1,}", "{a:1}", "01", "1.", ".5", "1e", "+1",
        "--1", "tru", "nul", "\"", "\"\\x\"", "\"\\u12\"", "\"\\u00G0\"", "\"\\u00@0\"", "\"\n\"",
        "1 2", "[1}", "1e999", "NaN",
        "\"\\",
    ])
    func `what is no JSON is refused`(text: String) {
        let error = #expect(throws: RecordsError.self) { try JSONText.decode(text) }
        #expect(error?.code == .invalidJSON)
    }

    @Test(arguments: [JSONText.depthMax, JSONText.depthMax + 1])
    func `values are nested so deep`(depth: Int) {
        let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        #expect((try? JSONText.decode(text)) == nil || depth <= JSONText.depthMax)
        #expect((try? JSONText.decode(text)) != nil || depth > JSONText.depthMax)
    }

    @Test func `only objects are fields`() {
        #expect(throws: RecordsError.self) { try JSONText.decodeFields("[]") }
    }

    @Test(arguments: ["1-2-00000000000000ff", "1-2-00000000000000ff-9"])
    func `a change token is its text`(text: String) throws {
        let token = try ChangeToken(parsing: text)
        #expect(token.text == text)
        #expect(token.listingHead == (text.hasSuffix("9") ? 9 : nil))
    }

    @Test(arguments: [
        "1-2-00000000000000ff-", "1-2-00000000000000ff--1", "1-2-00000000000000ff-x",
        "1-2-00000000000000ff-1-1",
    ])
    func `a change token that is none is refused`(text: String) {
        #expect(throws: RecordsError.self) { try ChangeToken(parsing: text) }
    }
}
