import Agent
import Library
import Records
import SyncEngine
import TestSupport
import Testing

/// What people decided and what is in which album: the same from the database and from memory.
@Suite struct UserChangesRowsTests {
    private let keys: [RecordKey] = [RecordType.album, .asset, .membership].flatMap { type in
        (0..<3).map { RecordKey(type: type, id: RecordID(high: UInt64($0) << 61, low: 7)) }
    }

    private func change(_ numbers: inout SeededNumbers) -> PendingChange {
        let patch = RecordPatch(
            set: ["favorite": .bool(true), "caption": .null, "title": .string("ä\n")],
            added: ["keywords": ["b", "a"]], removed: ["keywords": ["c"]],
            trashed: numbers.one(of: [nil, true, false]), requires: numbers.one(of: [nil, 2]))
        let actions: [PendingChange.Action] = [
            .patch(patch), .patch(RecordPatch()), .delete, .purge(original: nil),
            .purge(original: Digest(of: [1])),
        ]
        let base = Base(epoch: Epoch(rawValue: 2), sequence: Int64(numbers.below(9)))
        return PendingChange(
            key: numbers.one(of: keys), action: numbers.one(of: actions),
            madeAt: Timestamp(milliseconds: Int64(numbers.below(99))),
            attempt: numbers.one(of: [.none, .made(from: nil), .made(from: base)]))
    }

    private func membership(_ numbers: inout SeededNumbers) -> RemoteRecord {
        let membership = Membership(
            album: RecordID(high: UInt64(numbers.below(2)), low: 1),
            asset: RecordID(high: UInt64(numbers.below(2)), low: 2))
        let moment = Timestamp(milliseconds: 1)
        let envelope = Envelope(
            sequence: Int64(numbers.below(99)), createdAt: moment,
            createdBy: AccountID(high: 1, low: 1), changedAt: moment,
            changedBy: DeviceID(high: 1, low: 1))
        return RemoteRecord(
            record: Record(
                key: numbers.one(of: keys.filter { $0.type == .membership }), envelope: envelope,
                fields: numbers.below(3) == 0 ? nil : membership.fields),
            epoch: Epoch(rawValue: 1), listing: 1)
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `the database and the memory keep them alike`(seed: UInt64) throws {
        let folder = try TemporaryFolder()
        let database = try DatabaseRows(path: folder.file("device.sqlite"))
        try database.transaction { () throws(RowsError) in try database.save(RowsWorld.settings) }
        let memory = MemoryRows(settings: RowsWorld.settings, roots: [])
        var numbers = SeededNumbers(seed: seed)
        for _ in 0..<40 {
            try database.transaction { () throws(RowsError) in
                switch numbers.below(6) {
                case 0:
                    let key = numbers.one(of: keys)
                    try database.removePendingChange(key)
                    memory.removePendingChange(key)
                case 1, 2:
                    let remote = membership(&numbers)
                    try database.save(remote)
                    memory.save(remote)
                case 3:
                    let key = numbers.one(of: keys)
                    try database.removeRemote(key)
                    memory.removeRemote(key)
                default:
                    let change = change(&numbers)
                    try database.note(change)
                    try memory.note(change)
                }
            }
            try compare(database, memory)
        }
    }

    private func compare(_ database: DatabaseRows, _ memory: MemoryRows) throws {
        for key in keys {
            #expect(try database.pendingChange(key) == memory.pendingChange(key))
            #expect(
                try database.pendingChanges(after: key, limit: 2)
                    == memory.pendingChanges(after: key, limit: 2))
        }
        #expect(
            try database.pendingChanges(after: nil, limit: 99)
                == memory.pendingChanges(after: nil, limit: 99))
        for number in 0..<2 as Range<UInt64> {
            let asset = RecordID(high: number, low: 2)
            #expect(try database.memberships(of: asset) == memory.memberships(of: asset))
            let album = RecordID(high: number, low: 1)
            for id in [nil, keys[7].id] {
                #expect(
                    try database.memberships(in: album, after: id, limit: 2)
                        == memory.memberships(in: album, after: id, limit: 2))
            }
        }
        #expect(try database.statistics() == memory.statistics())
    }
}
