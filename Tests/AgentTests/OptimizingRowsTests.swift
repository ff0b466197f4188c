import Agent
import Library
import Records
import SyncEngine
import TestSupport
import Testing

/// Choices, receipts and last use: the database answers as the rows in memory do.
@Suite struct OptimizingRowsTests {
    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `the database and the memory agree about choices, receipts and use`(seed: UInt64) throws {
        let folder = try TemporaryFolder()
        let (database, memory) = try RowsWorld.both(in: folder)
        var numbers = SeededNumbers(seed: seed)
        let world = RowsWorld()
        for _ in 0..<12 {
            try database.transaction { () throws(RowsError) in
                for _ in 0..<12 {
                    let change = world.change(&numbers)
                    try change.apply(to: database)
                    try change.apply(to: memory)
                    let copy = numbers
                    try Self.change(database, world, &numbers)
                    numbers = copy
                    try Self.change(memory, world, &numbers)
                }
            }
            try Self.compare(database, memory, world, "seed \(seed)")
        }
    }

    private static func change(
        _ rows: some Rows, _ world: RowsWorld, _ numbers: inout SeededNumbers
    ) throws(RowsError) {
        let id = numbers.one(of: world.keys).id
        switch numbers.below(11) {
        case 10:
            let since = Timestamp(milliseconds: Int64(numbers.below(99)))
            let states: [ServiceState] = [
                .on, .off(since: since, removes: false), .off(since: since, removes: true),
                .returning,
            ]
            try rows.save(photosService: numbers.one(of: states))
        case 0...3: try rows.choose(numbers.one(of: ItemChoice.allCases), for: id)
        case 4: try rows.choose(nil, for: id)
        case 5: if numbers.below(4) == 0 { try rows.removeChoices(.inCloud) }
        case 6, 7:
            try rows.noteUse(of: id, at: Timestamp(milliseconds: Int64(numbers.below(2_000))))
        case 8: try rows.save(freeSpaceTarget: numbers.below(2) == 0 ? nil : 5)
        default:
            try rows.save(
                StoredReceipt(
                    ServerReceipt(
                        digest: numbers.one(of: world.digests), byteCount: 1,
                        verifiedAt: Timestamp(milliseconds: 2), epoch: Epoch(rawValue: 3),
                        copies: numbers.below(3), signed: "signed"),
                    askedAt: Timestamp(milliseconds: Int64(numbers.below(99)))))
        }
    }

    private static func compare(
        _ database: DatabaseRows, _ memory: MemoryRows, _ world: RowsWorld, _ comment: Comment
    ) throws {
        for key in world.keys {
            #expect(try database.choice(for: key.id) == memory.choice(for: key.id), comment)
            #expect(
                try database.assetsToEvict(after: key.id, limit: 2)
                    == memory.assetsToEvict(after: key.id, limit: 2), comment)
            for choice in ItemChoice.allCases {
                #expect(
                    try database.assets(chosen: choice, after: key.id, limit: 2)
                        == memory.assets(chosen: choice, after: key.id, limit: 2), comment)
            }
        }
        #expect(
            try database.assetsToEvict(after: nil, limit: 9)
                == memory.assetsToEvict(after: nil, limit: 9), comment)
        for id in [nil] + world.keys.map(\.id) {
            for limit in [2, 9] {
                #expect(
                    try database.assetsInLibrary(after: id, limit: limit)
                        == memory.assetsInLibrary(after: id, limit: limit), comment)
            }
        }
        for time in [nil, Timestamp(milliseconds: 0), Timestamp(milliseconds: .max)] {
            #expect(
                try database.assetsLeft(since: time) == memory.assetsLeft(since: time), comment)
        }
        #expect(try database.photosService() == memory.photosService(), comment)
        #expect(
            try database.leastUsedOriginals(limit: 9) == memory.leastUsedOriginals(limit: 9),
            comment)
        #expect(
            try database.leastUsedOriginals(limit: 1) == memory.leastUsedOriginals(limit: 1),
            comment)
        for digest in world.digests {
            #expect(try database.receipt(for: digest) == memory.receipt(for: digest), comment)
        }
        #expect(try database.freeSpaceTarget() == memory.freeSpaceTarget(), comment)
        #expect(try database.statistics() == memory.statistics(), comment)
    }
}
