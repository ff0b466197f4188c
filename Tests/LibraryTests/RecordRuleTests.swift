import Library
import Records
import Testing

@Suite struct AssetIdentityTests {
    private let key = Array<UInt8>(repeating: 9, count: 32)

    @Test func `an asset's id follows from the zone's key and the original`() throws {
        let digest = Digest(of: Array("picture".utf8))
        let id = AssetIdentity.id(of: digest, idKey: key)
        // By another implementation (Python's hmac and hashlib).
        #expect(id.text == "dda988a9163a1334e12e7f93622ff276")
        #expect(AssetIdentity.id(of: digest, idKey: Array(repeating: 8, count: 32)) != id)
        #expect(AssetIdentity.id(of: Digest(of: [1]), idKey: key) != id)
    }

    @Test func `the same content on the same base is the same group, anything else another`() {
        let blob = BlobReference(digest: Digest(of: [1]), byteCount: 1, mediaType: "image/jpeg")
        let other = BlobReference(digest: Digest(of: [2]), byteCount: 1, mediaType: "image/jpeg")
        func group(
            _ blobs: [String: BlobReference], base: Int64? = nil, device: UInt64 = 1,
            epoch: Int64 = 1, attempt: Int = 0
        ) -> GroupID {
            AssetIdentity.group(
                asset: RecordID(high: 1, low: 2), epoch: Epoch(rawValue: epoch),
                base: base.map { Base(epoch: Epoch(rawValue: epoch), sequence: $0) },
                blobs: blobs, device: DeviceID(high: 0, low: device), attempt: attempt, idKey: key)
        }
        let reference = group(["original": blob])
        #expect(group(["original": blob]) == reference)
        let others = [
            group(["original": other]), group(["original": blob, "sidecar": other]),
            group(["original": blob], base: 3), group(["original": blob], device: 2),
            group(["original": blob], epoch: 2), group(["original": blob], attempt: 1),
        ]
        #expect(Set(others + [reference]).count == others.count + 1)
    }
}

@Suite struct AssetFieldsTests {
    @Test func `fields are written as they are read`() throws {
        var asset = AssetFields(
            fileName: Array("IMG.JPG".utf8), importedAt: Timestamp(milliseconds: 5),
            fileModifiedAt: Timestamp(milliseconds: 4))
        asset.favorite = true
        asset.hidden = true
        asset.title = "Title"
        asset.caption = "Caption"
        asset.keywords = ["a", "b"]
        asset.takenAtCorrected = LocalTime(text: "2001-02-03T04:05:06", offsetMinutes: -90)
        asset.expects = [.original, .sidecar]
        #expect(AssetFields(asset.fields) == asset)
    }

    @Test func `fields of other types are as if absent`() {
        let asset = AssetFields([
            "name": .integer(3), "favorite": .string("yes"), "keywords": .string("a"),
            "importedAt": .null,
        ])
        #expect(asset == AssetFields(name: "", importedAt: Timestamp(milliseconds: 0)))
    }

    @Test func `facts of a higher reader replace a lower, those of other bytes nothing`() {
        let digest = Digest(of: [1])
        let (quick, full) = (FactsOrigin(of: digest, by: 1), FactsOrigin(of: digest, by: 2))
        #expect(full.replaces(quick, original: digest))
        #expect(!quick.replaces(full, original: digest))
        #expect(!quick.replaces(quick, original: digest))
        #expect(quick.replaces(nil, original: digest))
        #expect(!full.replaces(nil, original: Digest(of: [2])))
        #expect(FactsOrigin(full.written(into: ["kind": .string("image")])) == full)
        #expect(FactsOrigin(["of": .string("no digest"), "by": .integer(1)]) == nil)
    }
}

@Suite struct MergeTests {
    @Test(arguments: [
        (1, 2, 1, FieldMerge.keep), (1, 1, 3, .take(3)), (1, 2, 3, .conflict(local: 2, server: 3)),
        (1, 2, 2, .keep), (1, 1, 1, .keep),
    ])
    func `a field keeps the only edit`(
        base: Int, local: Int, server: Int, expected: FieldMerge<Int>
    ) {
        #expect(merge(base: base, local: local, server: server) == expected)
    }

    @Test func `a set unites additions and removals`() {
        let merged = merge(
            base: ["a", "b", "c"] as Set, local: ["a", "b", "d"], server: ["b", "c", "e"])
        #expect(merged == ["b", "d", "e"])
    }

    @Test func `a map merges key by key`() {
        let (merged, conflicts) = merge(
            base: ["a": 1, "b": 1, "c": 1], local: ["a": 2, "b": 1, "c": 2],
            server: ["a": 1, "b": 3, "c": 4, "d": 5])
        #expect(merged == ["a": 2, "b": 3, "c": 2, "d": 5])
        #expect(conflicts == ["c"])
    }
}

@Suite struct JoiningTests {
    private func record(_ number: UInt64, _ body: (inout AssetFields) -> Void = { _ in }) -> Record
    {
        var fields = AssetFields(name: "\(number)", importedAt: Timestamp(milliseconds: 1))
        body(&fields)
        let moment = Timestamp(milliseconds: 1)
        return Record(
            key: RecordKey(type: .asset, id: RecordID(high: 0, low: number)),
            envelope: Envelope(
                sequence: 1, createdAt: moment, createdBy: AccountID(high: 0, low: 1),
                changedAt: moment, changedBy: DeviceID(high: 0, low: 1)),
            fields: fields.fields,
            blobs: [
                "original": BlobReference(
                    digest: Digest(of: [UInt8(number)]), byteCount: 1, mediaType: "image/heic")
            ])
    }

    private let base = Base(epoch: Epoch(rawValue: 1), sequence: 1)

    private func join(_ still: Record, _ part: Record) -> [RecordChange] {
        Joining.changes(
            still: still, stillBase: base, part: part, partBase: base, as: .pairedVideo)
    }

    @Test func `a joined part becomes a role and leaves a tombstone that names where it went`() {
        let still = record(1)
        let video = record(2) {
            $0.favorite = true
            $0.keywords = ["sea"]
        }
        let changes = join(still, video)
        #expect(changes.count == 2)
        #expect(changes[0].setBlobs["pairedVideo"] == video.blob(.original))
        #expect(changes[0].set["favorite"] == .bool(true))
        #expect(changes[0].set["keywords"] == .array([.string("sea")]))
        #expect(changes[0].set["name"] == nil)
        #expect(changes[1].action == .delete && changes[1].joinedInto == still.key.id)
    }

    @Test func `what only a newer Martlet knows of a part goes along, or they stay two`() {
        var video = record(2)
        video.fields?["horizon"] = .integer(7)
        video.envelope.requires = 2
        video.blobs["depthMap"] = record(3).blob(.original)
        let changes = join(record(1), video)
        #expect(changes.first?.setBlobs["depthMap"] == record(3).blob(.original))
        #expect(changes.first?.set["horizon"] == .integer(7))
        #expect(changes.first?.requires == 2)
        var still = record(1)
        still.blobs["depthMap"] = record(4).blob(.original)
        #expect(join(still, video).isEmpty)
    }

    @Test func `joining again, or with itself, does nothing`() {
        var still = record(1)
        #expect(join(still, still).isEmpty)
        still.blobs["pairedVideo"] = record(2).blob(.original)
        #expect(join(still, record(2)).isEmpty)
        var gone = record(2)
        gone.fields = nil
        #expect(join(record(1), gone).isEmpty)
    }
}
