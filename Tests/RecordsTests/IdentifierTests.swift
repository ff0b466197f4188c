import Records
import Testing

@Suite struct IdentifierTests {
    @Test func `an identifier reads back from its text and its bytes`() throws {
        let text = "00112233445566778899aabbccddeeff"
        let record = try RecordID(parsing: text)
        #expect(record.text == text)
        #expect(RecordID(bytes: record.bytes) == record)
        #expect(record.bytes.first == 0)
        #expect(record.bytes.last == 0xff)
    }

    @Test(arguments: [
        "", "0", "00112233445566778899aabbccddeef", "00112233445566778899aabbccddeeff0",
        "00112233445566778899AABBCCDDEEFF", "0011223344556677_899aabbccddeeff",
        "é112233445566778899aabbccddeef",
    ])
    func `what is not 32 lower-case digits is no identifier`(text: String) {
        let error = #expect(throws: RecordsError.self) { try RecordID(parsing: text) }
        #expect(error?.code == .invalidIdentifier)
    }

    @Test func `identifiers sort as their bytes do`() throws {
        let low = try RecordID(parsing: "00000000000000ff0000000000000000")
        let high = try RecordID(parsing: "0000000000000100ffffffffffffffff")
        #expect(low < high)
        #expect(low.text < high.text)
    }

    @Test func `fifteen bytes are too few`() {
        #expect(RecordID(bytes: [UInt8](repeating: 1, count: 15)) == nil)
        #expect(RecordID(bytes: [UInt8](repeating: 1, count: 16)) != nil)
    }
}
