import Foundation
import Records
import Testing

@Suite struct RecordTests {
    @Test func `a change token reads back from its text`() throws {
        let token = ChangeToken(epoch: Epoch(rawValue: 3), sequence: 1 << 40, stamp: .max - 1)
        #expect(try ChangeToken(parsing: token.text) == token)
    }

    @Test(arguments: [
        "", "1-2", "1-2-3", "-1-2-0000000000000000", "1--2-0000000000000000",
        "a-1-0000000000000000",
    ])
    func `other text is no change token`(text: String) {
        let error = #expect(throws: RecordsError.self) { try ChangeToken(parsing: text) }
        #expect(error?.code == .invalidChangeToken)
    }

    @Test func `a time at the end of time saturates`() {
        #expect(Timestamp(milliseconds: .max).adding(seconds: 1).milliseconds == .max)
        #expect(Timestamp(milliseconds: .min).adding(milliseconds: -1).milliseconds == .min)
        #expect(Timestamp(milliseconds: 0).adding(seconds: .max).milliseconds == .max)
    }

    @Test func `unknown fields, types and roles come through as they were`() throws {
        let json = """
            {"key":{"type":"hologram","id":"00112233445566778899aabbccddeeff"},\
            "set":{"depth":[1,2.5,null,{"a":true}],"name":"é\\u0000"},\
            "setBlobs":{"lightField":{"digest":"\(Digest(of: [1]).text)","byteCount":1,"mediaType":"x/y"}}}
            """
        let change = try JSONDecoder().decode(RecordChange.self, from: Data(json.utf8))
        #expect(change.action == .save)
        #expect(
            change.set["depth"]
                == .array([.integer(1), .number(2.5), .null, .object(["a": .bool(true)])]))
        #expect(change.setBlobs["lightField"]?.byteCount == 1)
        let again = try JSONDecoder().decode(
            RecordChange.self, from: JSONEncoder().encode(change))
        #expect(again == change)
    }

    @Test func `a tombstone has no fields`() {
        let envelope = Envelope(
            sequence: 1, createdAt: Timestamp(milliseconds: 0),
            createdBy: AccountID(high: 0, low: 1), changedAt: Timestamp(milliseconds: 0),
            changedBy: DeviceID(high: 0, low: 2))
        let key = RecordKey(type: RecordType(rawValue: "asset"), id: RecordID(high: 0, low: 3))
        #expect(Record(key: key, envelope: envelope, fields: nil).isDeleted)
        #expect(!Record(key: key, envelope: envelope, fields: [:]).isDeleted)
    }
}
