import Foundation
import Records
import Testing
import Wire

/// The quick reading and writing of records is the types' own coding, only quicker.
@Suite struct RecordCodingTests {
    private static let blob = BlobReference(
        digest: Digest(of: [1]), byteCount: 5 << 40, mediaType: "image/jpeg")
    private static let fields: Fields = [
        "name": .string("a\"\n\u{1}ä.jpg"), "number": .number(0.25), "list": .array([.null]),
        "flag": .bool(false), "object": .object(["deep": .integer(-3)]),
    ]

    private static func record(_ number: UInt64, isDeleted: Bool) -> Record {
        var envelope = Envelope(
            sequence: 7, createdAt: Timestamp(milliseconds: -1),
            createdBy: AccountID(high: 1, low: 2), changedAt: Timestamp(milliseconds: 2),
            changedBy: DeviceID(high: 3, low: 4), requires: 2, keyEpoch: 1)
        if isDeleted {
            envelope.trashedAt = Timestamp(milliseconds: 9)
            envelope.derivedFrom = Base(epoch: Epoch(rawValue: 1), sequence: 3)
        }
        return Record(
            key: RecordKey(
                type: RecordType(rawValue: "asset"), id: RecordID(high: number, low: 0)),
            envelope: envelope, fields: isDeleted ? nil : fields,
            blobs: isDeleted ? [:] : ["original": blob, "sidecar": blob],
            joinedInto: isDeleted ? RecordID(high: 9, low: 9) : nil)
    }

    private static let token = ChangeToken(
        epoch: Epoch(rawValue: 1), sequence: 2, stamp: 3, listingHead: 4)

    private static func text(_ value: some Encodable) throws -> String {
        String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
    }

    @Test func `a page of the feed`() throws {
        let page = ChangePage(
            records: [Self.record(1, isDeleted: false), Self.record(2, isDeleted: true)],
            token: Self.token, more: true)
        #expect(try RecordCoding.changePage(try Self.text(page)) == page)
    }

    @Test func `a reply to a commit`() throws {
        let reply = CommitReply(
            results: [
                GroupResult(id: GroupID(high: 1, low: 1), status: .saved, sequence: 5),
                GroupResult(
                    id: GroupID(high: 1, low: 2), status: .recordChanged, message: "No.",
                    records: [Self.record(1, isDeleted: false)], digests: [Digest(of: [2])]),
            ], token: Self.token)
        #expect(try RecordCoding.commitReply(try Self.text(reply)) == reply)
    }

    @Test func `a commit`() throws {
        let key = RecordKey(type: RecordType(rawValue: "a\"b"), id: RecordID(high: 1, low: 1))
        let base = Base(epoch: Epoch(rawValue: 2), sequence: 3)
        let request = CommitRequest(
            groups: [
                ChangeGroup(
                    id: GroupID(high: 1, low: 1),
                    changes: [
                        RecordChange(key: key),
                        RecordChange(
                            key: key, action: .purge, base: base, derivedFrom: base,
                            set: Self.fields,
                            unset: ["x", "y"],
                            setBlobs: ["original": Self.blob, "sidecar": Self.blob],
                            unsetBlobs: ["edited"], trashed: false, requires: 3,
                            joinedInto: RecordID(high: 4, low: 4)),
                    ]),
                ChangeGroup(id: GroupID(high: 2, low: 2), changes: []),
            ], after: Self.token)
        let written = RecordCoding.encode(request)
        #expect(try JSONDecoder().decode(CommitRequest.self, from: Data(written)) == request)
        #expect(try RecordCoding.commitRequest(try Self.text(request)) == request)
        #expect(
            try RecordCoding.commitRequest(String(decoding: written, as: UTF8.self)) == request)
    }

    @Test(arguments: [
        "", "{}", "[]", #"{"records":[],"token":"x","more":false}"#,
        #"{"records":[{}],"token":"1-2-0000000000000003","more":false}"#,
        #"{"records":{},"token":"1-2-0000000000000003","more":false}"#,
    ])
    func `what is no page is refused`(text: String) {
        #expect(throws: RecordsError.self) { try RecordCoding.changePage(text) }
    }
}
