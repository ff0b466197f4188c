import Agent
import Library
import Records
import SyncEngine
import TestSupport
import Testing

/// Wanted and kept previews: the database answers as the rows in memory do.
@Suite struct PreviewRowsTests {
    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `the database and the memory agree about previews`(seed: UInt64) throws {
        let folder = try TemporaryFolder()
        let (database, memory) = try RowsWorld.both(in: folder)
        var numbers = SeededNumbers(seed: seed)
        let world = RowsWorld()
        var seen = 0
        for _ in 0..<20 {
            try database.transaction { () throws(RowsError) in
                for _ in 0..<10 {
                    let change = world.change(&numbers)
                    try change.apply(to: database)
                    try change.apply(to: memory)
                    for _ in 0..<2 {
                        let copy = numbers
                        try Self.change(database, world, &numbers)
                        numbers = copy
                        try Self.change(memory, world, &numbers)
                    }
                }
            }
            try Self.compare(database, memory, world, "seed \(seed)")
            seen += memory.previewsWanted(after: nil, limit: 9).count + memory.allPreviews.count
        }
        #expect(seen > 0)
    }

    private static func change(
        _ rows: some Rows, _ world: RowsWorld, _ numbers: inout SeededNumbers
    ) throws(RowsError) {
        let id = world.keys[numbers.below(5)].id
        // Few, so that they meet.
        let (original, preview) = (
            world.digests[numbers.below(2)], world.digests[4 + numbers.below(2)]
        )
        switch numbers.below(7) {
        case 0:
            try rows.save(
                RemoteRecord(
                    record: Record(
                        key: RecordKey(type: .asset, id: id), envelope: envelope(),
                        fields: [
                            "name": .string("a.jpg"),
                            "importedAt": .integer(Int64(numbers.below(4)) * 100),
                        ],
                        blobs: ["original": reference(original)]),
                    epoch: Epoch(rawValue: 2), listing: 1))
        case 1, 2:
            try rows.save(
                RemoteRecord(
                    record: Record(
                        key: RecordKey(type: .rendering, id: id), envelope: envelope(),
                        fields: numbers.below(6) == 0 ? nil : ["of": .string(original.text)],
                        blobs: numbers.below(6) == 0 ? [:] : ["preview": reference(preview)]),
                    epoch: Epoch(rawValue: 2), listing: 1))
        case 3:
            try rows.removeRemote(
                RecordKey(type: numbers.below(3) == 0 ? .asset : .rendering, id: id))
        case 4:
            try rows.save(
                PreviewRow(
                    asset: id, madeOf: original, digest: preview, byteCount: 7,
                    isPlaced: numbers.below(3) > 0))
        case 5: try rows.noteUse(of: id, at: Timestamp(milliseconds: Int64(numbers.below(3))))
        default: try rows.removePreview(of: id)
        }
    }

    private static func envelope() -> Envelope {
        Envelope(
            sequence: 1, createdAt: Timestamp(milliseconds: 1),
            createdBy: AccountID(high: 1, low: 1), changedAt: Timestamp(milliseconds: 1),
            changedBy: DeviceID(high: 0, low: 0))
    }

    private static func reference(_ digest: Digest) -> BlobReference {
        BlobReference(digest: digest, byteCount: 5, mediaType: "image/jpeg")
    }

    private static func compare(
        _ database: DatabaseRows, _ memory: MemoryRows, _ world: RowsWorld, _ comment: Comment
    ) throws {
        let wanted = memory.previewsWanted(after: nil, limit: 9)
        #expect(try database.previewsWanted(after: nil, limit: 9) == wanted, comment)
        for last in wanted {
            #expect(
                try database.previewsWanted(after: last, limit: 2)
                    == memory.previewsWanted(after: last, limit: 2), comment)
        }
        for key in world.keys {
            #expect(
                try database.wantedPreview(of: key.id) == memory.wantedPreview(of: key.id), comment)
            #expect(try database.preview(of: key.id) == memory.preview(of: key.id), comment)
        }
        for folder in [0, 1, 16, 33, 64, 65, 255, 256] {
            #expect(
                try database.placedPreviews(from: folder) == memory.placedPreviews(from: folder),
                comment)
        }
        for limit in [1, 9] {
            #expect(
                try database.leastUsedPreviews(limit: limit)
                    == memory.leastUsedPreviews(limit: limit), comment)
        }
        for keepsOriginals in [true, false] {
            for limit in [1, 9] {
                #expect(
                    try database.previewsToRemove(keepsOriginals: keepsOriginals, limit: limit)
                        == memory.previewsToRemove(keepsOriginals: keepsOriginals, limit: limit),
                    comment)
            }
        }
    }
}
