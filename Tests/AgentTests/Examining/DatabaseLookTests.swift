import Agent
import GRDBSQLite
import Library
import Records
import SyncEngine
import TestSupport
import Testing

/// What the doctor says of a database: nothing of a sound one, and of a damaged one the truth.
@Suite struct DatabaseLookTests {
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `whatever the engine writes follows from itself`(seed: UInt64) throws {
        let folder = try TemporaryFolder()
        let (database, _) = try RowsWorld.both(in: folder)
        var numbers = SeededNumbers(seed: seed)
        let world = RowsWorld()
        for _ in 0..<20 {
            try database.transaction { () throws(RowsError) in
                for _ in 0..<10 { try world.change(&numbers).apply(to: database) }
            }
            let look = try database.look()
            #expect(look.damage.isEmpty && look.wrongIndexes.isEmpty, "seed \(seed): \(look)")
            #expect(look.missingIndexes.isEmpty, "seed \(seed): \(look)")
            #expect(look.disagreeingRows == 0, "seed \(seed): \(look)")
        }
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `derived columns and indexes are made anew as they were`(seed: UInt64) throws {
        let folder = try TemporaryFolder()
        let (database, memory) = try RowsWorld.both(in: folder)
        var numbers = SeededNumbers(seed: seed)
        let world = RowsWorld()
        try database.transaction { () throws(RowsError) in
            for _ in 0..<150 {
                let change = world.change(&numbers)
                try change.apply(to: database)
                try change.apply(to: memory)
            }
        }
        try Self.run(
            """
            UPDATE localFile SET openPath = CASE WHEN openPath IS NULL THEN name END;
            UPDATE remote SET lacksHere = 1 - lacksHere, byteCountLacking = 7;
            DROP INDEX localFileDigest; DROP INDEX remoteListing
            """, on: folder.file("device.sqlite"))
        let broken = try DatabaseRows(path: folder.file("device.sqlite"))
        let look = try broken.look()
        #expect(look.missingIndexes == ["localFileDigest", "remoteListing"])
        #expect(look.disagreeingRows > 0)
        try broken.transaction { () throws(RowsError) in try broken.rebuildDerived() }
        let mended = try broken.look()
        #expect(mended.missingIndexes.isEmpty && mended.disagreeingRows == 0, "\(mended)")
        #expect(try broken.statistics() == memory.statistics())
        #expect(
            try broken.openLocalFiles(after: nil, limit: 1_000)
                == memory.openLocalFiles(after: nil, limit: 1_000))
    }

    @Test func `a lost table is damage`() throws {
        let folder = try TemporaryFolder()
        _ = try RowsWorld.both(in: folder)
        try Self.run("DROP TABLE receipt", on: folder.file("device.sqlite"))
        let look = try DatabaseRows(path: folder.file("device.sqlite")).look()
        #expect(look.damage == ["the table receipt is missing"])
    }

    private static func run(_ statements: String, on path: String) throws {
        var handle: OpaquePointer?
        try #require(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK)
        defer { sqlite3_close_v2(handle) }
        try #require(sqlite3_exec(handle, statements, nil, nil, nil) == SQLITE_OK)
    }
}
