import Foundation
import Kernel
import Operations
import Records
import Storage
import TestSupport
import Testing

/// A whole server goes to another place, and stays the same to everybody.
@Suite struct MoveTests {
    typealias Kind = MoveWorld.Kind

    let world: MoveWorld

    init() throws { world = try MoveWorld() }

    private func run(
        _ move: Move, allowsMissing: Bool = false, prepare: () throws -> Void = {}
    ) async throws -> Move.Report {
        try await move.run(
            allowsMissing: allowsMissing, at: MoveWorld.now, prepareTarget: prepare
        ) { _ in }
    }

    /// Other keys, and nothing read back yet from the new medium.
    private static let others = ["objectKey", "verifiedAt"]

    @Test(arguments: Kind.all, Kind.all)
    func `a server moves from any place to any other, row for row`(
        from: Kind, to: Kind
    ) async throws {
        let database = try await world.makeServer("old", from, objects: 7)
        let before = try await world.whole(database, without: Self.others)
        let objects = try await world.expectObjects(database, world.store("old", from))
        #expect(objects.count == 7)
        var progress: [Move.Progress] = []
        let report = try await world.move(("old", from), ("new", to)).run(
            allowsMissing: false, at: MoveWorld.now, prepareTarget: {}
        ) { progress.append($0) }
        #expect(report.objectCount == 7 && report.copiedCount == 7 && report.missingCount == 0)
        #expect(report.rowCount > 50)
        #expect(progress.contains { if case .objects(7, 7, _) = $0 { true } else { false } })
        #expect(progress.contains(.compared(report.rowCount)))

        #expect(try !world.canServe("old", from))
        let moved = try world.database("new", to, for: .serving)
        #expect(try await world.whole(moved, without: Self.others) == before)
        #expect(try await world.expectObjects(moved, world.store("new", to)) == objects)
        let verified = try await moved.read {
            try $0.rows("SELECT 1 FROM holding WHERE verifiedAt IS NOT NULL", [])
        }
        #expect(verified.isEmpty)
        // What it left is as it was.
        let left = try world.database("old", from, for: .movingFrom)
        #expect(try await world.whole(left, without: Self.others) == before)
        #expect(try await world.expectObjects(left, world.store("old", from)) == objects)
        let again = try await run(world.move(("old", from), ("new", to)))
        #expect(again.hadEnded)
    }

    @Test(arguments: [(Kind.embedded, Kind.grown), (.grown, .embedded)])
    func `ended at any write, it goes on and never leaves two servers to start`(
        from: Kind, to: Kind
    ) async throws {
        let database = try await world.makeServer("old", from, objects: 6)
        let before = try await world.whole(database, without: Self.others)
        var failures = 0
        var report: Move.Report?
        // Each attempt gets one write further than the one before it would have alone.
        for count in 0..<80 where report == nil {
            let budget = FailingDatabase.Budget(count % 4 == 3 ? count : 2)
            do {
                report = try await run(
                    world.move(("old", from), ("new", to)) {
                        FailingDatabase(database: $0, budget: budget)
                    })
            } catch is FailingDatabase.Ended {
                failures += 1
                let (old, new) = (
                    try world.canServe("old", from), try world.canServe("new", to)
                )
                #expect(!old || !new, "both start after \(failures) failures")
            }
        }
        #expect(failures > 5)
        #expect(report?.hadEnded == false)
        let moved = try world.database("new", to, for: .serving)
        #expect(try await world.whole(moved, without: Self.others) == before)
        #expect(try await world.expectObjects(moved, world.store("new", to)).count == 6)
        #expect(try !world.canServe("old", from))
    }

    @Test func `each write alone may be the last one of a run`() async throws {
        try await world.makeServer("old", .embedded, objects: 2)
        var ended = false
        for count in 0..<100 where !ended {
            // A place of its own for each, and then the rest at once.
            let name = "new\(count)"
            let budget = FailingDatabase.Budget(count)
            do {
                _ = try await run(
                    world.move(("old", .embedded), (name, .embedded)) {
                        FailingDatabase(database: $0, budget: budget)
                    })
                ended = true
            } catch is FailingDatabase.Ended {
                let state = try await run(world.move(("old", .embedded), (name, .embedded)))
                #expect(!state.hadEnded)
                #expect(try world.canServe(name, .embedded))
                let moved = try world.database(name, .embedded, for: .serving)
                #expect(
                    try await world.expectObjects(moved, world.store(name, .embedded)).count == 2)
                // Back to where it was, for the next one.
                let old = try world.database("old", .embedded, for: .movingFrom)
                try await old.write { try MoveMark.remove(in: $0) }
            }
        }
        #expect(ended)
    }

    @Test(arguments: [Kind.embedded, .grown])
    func `blobs that stay where they are keep their keys`(to: Kind) async throws {
        let from = Kind(isPostgres: !to.isPostgres, isBucket: to.isBucket)
        let database = try await world.makeServer("old", from, objects: 3)
        let before = try await world.whole(database)
        let report = try await run(
            world.move(("old", from), ("new", to), keepsObjects: true))
        #expect(report.objectCount == 3 && report.copiedCount == 0)
        let moved = try world.database("new", to, for: .serving)
        #expect(try await world.whole(moved) == before)
        #expect(try await world.expectObjects(moved, world.store("old", to)).count == 3)
    }

    @Test func `objects go ahead while the server runs, and what it lets go of follows`()
        async throws
    {
        let database = try await world.makeServer("old", .embedded, objects: 5)
        let store = try world.store("old", .embedded)
        let ahead = try await world.move(("old", .embedded), ("new", .grown)).copyAhead { _ in }
        #expect(ahead.copiedCount == 5)
        #expect(try world.canServe("old", .embedded))
        #expect(try !world.canServe("new", .grown))
        try await world.add(5..<8, to: database, store)
        // One that was copied, and nobody holds any more.
        let gone = SQLValue(Digest(of: world.content(0)))
        try await database.write { transaction in
            for table in ["blobReference", "holding", "object"] {
                try transaction.execute("DELETE FROM \(table) WHERE digest = ?", [gone])
            }
        }
        let report = try await run(world.move(("old", .embedded), ("new", .grown)))
        #expect(report.objectCount == 7 && report.copiedCount == 3)
        let moved = try world.database("new", .grown, for: .serving)
        let there = try world.store("new", .grown)
        #expect(try await world.expectObjects(moved, there).count == 7)
        #expect(try await there.list(after: nil, limit: 20).count == 7)
    }

    @Test func `a server that has lost objects is told so, and goes without them when it may`()
        async throws
    {
        let database = try await world.makeServer("old", .embedded, objects: 6)
        let objects = world.folder.file("old") + "/blobs/objects/"
        let keys = try await database.read {
            try $0.rows("SELECT objectKey FROM object ORDER BY byteCount", []).map { $0.text(0) }
        }
        try FileManager.default.removeItem(atPath: objects + keys[0])
        // One small and one large are no longer what their digests say; one is cut off.
        for key in [keys[1], keys[5]] {
            var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: objects + key)))
            bytes[100] ^= 1
            try Data(bytes).write(to: URL(fileURLWithPath: objects + key))
        }
        try Data([1, 2]).write(to: URL(fileURLWithPath: objects + keys[2]))
        let error = await #expect(throws: MoveError.self) {
            try await run(world.move(("old", .embedded), ("new", .grown)))
        }
        #expect(error?.code == .objectsMissing)
        #expect(error?.message.contains("lost 4 of its objects") == true)
        let report = try await run(
            world.move(("old", .embedded), ("new", .grown)), allowsMissing: true)
        #expect(report.missingCount == 4 && report.missing.count == 4)
        #expect(report.objectCount == 2 && report.copiedCount == 0)
        let moved = try world.database("new", .grown, for: .serving)
        let (kernel, account) = (world.kernel, world.account)
        let wanted = try await moved.read {
            try kernel.wanted(for: account, limit: 10, in: $0)
        }
        #expect(Set(wanted) == Set(report.missing))
        #expect(try await world.expectObjects(moved, world.store("new", .grown)).count == 2)
    }

    @Test func `a move that was given up is begun again with what is there now`() async throws {
        let database = try await world.makeServer("old", .embedded, objects: 3)
        let nothing = await #expect(throws: MoveError.self) { try await Move.cancel(in: database) }
        #expect(nothing?.code == .notMoving)
        struct Stopped: Error {}
        await #expect(throws: Stopped.self) {
            try await run(world.move(("old", .embedded), ("new", .grown))) { throw Stopped() }
        }
        #expect(try !world.canServe("old", .embedded))
        // Only there can it go now.
        let elsewhere = await #expect(throws: MoveError.self) {
            try await run(world.move(("old", .embedded), ("other", .embedded)))
        }
        #expect(elsewhere?.code == .movedElsewhere)
        #expect(elsewhere?.message.contains("--cancel") == true)
        let marked = try world.database("old", .embedded, for: .movingFrom)
        let mark = try await Move.cancel(in: marked)
        #expect(mark.place == "/new")
        let served = try world.database("old", .embedded, for: .serving)
        try await world.add(3..<4, to: served, world.store("old", .embedded))
        let before = try await world.whole(served, without: Self.others)
        let report = try await run(world.move(("old", .embedded), ("new", .grown)))
        #expect(report.copiedCount == 1)
        let moved = try world.database("new", .grown, for: .serving)
        #expect(try await world.whole(moved, without: Self.others) == before)
    }

    @Test func `what belongs to another is left alone`() async throws {
        try await world.makeServer("old", .embedded, objects: 1)
        func refusal(_ name: String, _ kind: Kind) async -> (any Error)? {
            do {
                _ = try await run(world.move(("old", .embedded), (name, kind)))
                return nil
            } catch {
                return error
            }
        }
        // Another server, blobs without a server, and half of another's move.
        try await world.makeServer("other", .grown, objects: 1)
        #expect((await refusal("other", .grown) as? MoveError)?.code == .targetTaken)
        _ = try world.database("blobs", .embedded, for: .movingTo)
        let store = try world.store("blobs", .embedded)
        _ = try await store.storePack([
            PackedBlob(claimed: Digest(of: [UInt8]()), bytes: [])
        ])
        #expect((await refusal("blobs", .embedded) as? MoveError)?.code == .targetTaken)
        try await world.makeServer("third", .embedded, objects: 1)
        _ = try await world.move(("third", .embedded), ("half", .embedded)).copyAhead { _ in }
        #expect((await refusal("half", .embedded) as? MoveError)?.code == .targetTaken)
        // A bucket that another server has, with a database that nobody has.
        let bucket = try #require(try world.store("claimed", .grown) as? S3ObjectStore)
        try await bucket.prepare(server: "00ff")
        #expect((await refusal("claimed", .grown) as? StorageError)?.code == .bucketTaken)
        // A place where there is no server, and the place that it left.
        let empty = await #expect(throws: MoveError.self) {
            _ = try world.database("none", .embedded, for: .serving)
            return try await run(world.move(("none", .embedded), ("x", .embedded)))
        }
        #expect(empty?.code == .noServerThere)
        #expect(try world.canServe("old", .embedded))
        #expect(await refusal("new", .embedded) == nil)
        let back = await #expect(throws: MoveError.self) {
            try await run(world.move(("new", .embedded), ("old", .embedded)))
        }
        #expect(back?.code == .targetTaken)
        let astray = await #expect(throws: MoveError.self) {
            try await run(world.move(("old", .embedded), ("y", .embedded)))
        }
        #expect(astray?.code == .movedElsewhere)
    }

    @Test func `rows that change while they are copied are noticed`() async throws {
        let database = try await world.makeServer("old", .embedded, objects: 1)
        // Something writes at the source behind each write of the move.
        let move = try world.move(("old", .embedded), ("new", .embedded)) { inner in
            MeddledDatabase(database: inner) {
                try await database.write { transaction in
                    _ = try transaction.execute(
                        """
                        INSERT INTO serviceChange (service, at, health)
                        SELECT 'a', COALESCE(MAX(at), 0) + 1, 'x' FROM serviceChange
                        """)
                }
            }
        }
        let error = await #expect(throws: MoveError.self) { try await run(move) }
        #expect(error?.code == .rowsDiffer)
        #expect(error?.message.contains("serviceChange") == true)
    }
}
