import Foundation
import Kernel
import Operations
import Records
import Storage
import Synchronization
import TestSupport
import Testing

/// Backups of a server in PostgreSQL, a bucket or both, and into them.
@Suite struct GrownBackupTests {
    typealias Kind = MoveWorld.Kind

    let world: MoveWorld

    init() throws { world = try MoveWorld() }

    private static let later = MoveWorld.now.adding(seconds: 60)
    /// What a restore changes: the epoch begins anew, and what objects are called.
    private static let changed = ["server", "zone", "zoneCommit", "backup", "backupZone"]

    private var place: any BackupPlace {
        BackupPlacesForTests.folder(world.folder.file("backup"))
    }

    private func backUp(
        _ name: String, _ kind: Kind, store: (any ObjectStore)? = nil,
        at now: Timestamp = MoveWorld.now
    ) async throws -> Backup.Report {
        let path = world.folder.file(name)
        let backup = Backup(
            of: Backup.Source(
                database: try world.database(name, kind, for: .serving),
                store: try store ?? world.store(name, kind), keepsakes: keepsakes(path),
                folder: path),
            to: place, version: "1", migrations: MoveWorld.migrations,
            now: { now })
        try await backup.prepare(allowsSameDisk: true)
        return try await backup.run { _ in }
    }

    private static let key = String(repeating: "07", count: 32) + "\n"

    private func keepsakes(_ path: String) -> FileKeepsakes {
        FileKeepsakes(receiptKey: path + "/receipt.key", revoked: path + "/revoked")
    }

    /// `store`: where the blobs are to lie, when it is not the place's own.
    private func restore(
        _ name: String, _ kind: Kind, store: (any ObjectStore)? = nil,
        through wrap: (any Database) -> any Database = { $0 }
    ) throws -> RestoreByRows {
        let path = world.folder.file(name)
        return RestoreByRows(
            from: place,
            to: RestoreByRows.Target(
                name: "/" + name, database: wrap(try world.database(name, kind, for: .movingTo)),
                store: try store ?? world.store(name, kind), keepsakes: keepsakes(path),
                work: path + "/restoring.sqlite"),
            kernel: world.kernel, migrations: MoveWorld.migrations, at: Self.later)
    }

    private func rows(_ database: any Database) async throws -> [String] {
        try await world.whole(database, without: ["objectKey", "verifiedAt"]).filter { line in
            // Of the server's row the sum changes with it.
            !Self.changed.contains { line.hasPrefix($0 + " ") }
                && !(line.hasPrefix("rowSum ") && line.contains("\"server\""))
        }
    }

    private func epochs(_ database: any Database) async throws -> [Int64] {
        try await database.read {
            try $0.rows("SELECT epoch FROM server UNION ALL SELECT epoch FROM zone", [])
                .map { $0.integer(0) }
        }
    }

    @Test(arguments: Kind.all, Kind.all)
    func `a backup of any server comes back in any place, and takes only what is new`(
        from: Kind, to: Kind
    ) async throws {
        let database = try await world.makeServer("old", from, objects: 7)
        try Data(Self.key.utf8).write(
            to: URL(fileURLWithPath: world.folder.file("old/receipt.key")))
        let first = try await backUp("old", from)
        #expect(first.objectCount == 7 && first.copiedCount == 7 && first.missing.isEmpty)
        try await world.add(7..<9, to: database, world.store("old", from))
        let before = try await rows(database)
        let objects = try await world.expectObjects(database, world.store("old", from))
        let second = try await backUp("old", from, at: MoveWorld.now.adding(seconds: 9))
        #expect(second.objectCount == 9 && second.copiedCount == 2)
        let held = try await database.read { try $0.rows("SELECT 1 FROM collectorHold", []) }
        #expect(held.isEmpty)

        var progress: [Backup.Progress] = []
        let report = try await restore("new", to).run { progress.append($0) }
        #expect(report.copiedCount == 9 && report.keptCount == 0 && report.adoptedCount == 0)
        #expect(report.missing.isEmpty && report.epoch.rawValue == 3)
        #expect(progress.last?.done == 9 && progress.last?.count == 9)
        let new = try world.database("new", to, for: .serving)
        #expect(try await rows(new) == before)
        #expect(try await world.expectObjects(new, world.store("new", to)) == objects)
        #expect(try await Set(epochs(new)) == [3])
        // The server that was backed up goes on as it was.
        #expect(try await Set(epochs(database)) == [2])
        let last = try await new.read {
            try $0.rows("SELECT madeAt FROM backup", []).map { $0.integer(0) }
        }
        #expect(last == [MoveWorld.now.adding(seconds: 9).milliseconds])
        let key = try Data(contentsOf: URL(fileURLWithPath: world.folder.file("new/receipt.key")))
        #expect(key == Data(Self.key.utf8))
        let left = try FileManager.default.contentsOfDirectory(atPath: world.folder.file("new"))
        #expect(left.allSatisfy { !$0.hasPrefix("restoring") })
    }

    @Test(arguments: [Kind.embedded, .grown])
    func `a backup is of one moment, however much is committed meanwhile`(
        kind: Kind
    ) async throws {
        let database = try await world.makeServer("old", kind, objects: 1)
        let store = try world.store("old", kind)
        let isEnding = Mutex(false)
        async let written = {
            var number = 100
            while !isEnding.withLock({ $0 }) {
                try await world.add(number..<(number + 1), to: database, store)
                number += 1
            }
            return number - 100
        }()
        var counts: Set<Int> = []
        for turn in 1...6 {
            let report = try await backUp(
                "old", kind, store: store, at: MoveWorld.now.adding(seconds: Int64(turn)))
            #expect(report.missing.isEmpty)
            counts.insert(report.objectCount)
            let name = "database-\(report.madeAt.milliseconds).sqlite"
            try SQLiteSnapshot.read(world.folder.file("backup/" + name)) { transaction in
                func number(_ sql: String) throws -> Int64? {
                    try transaction.rows(sql, []).first?.integer(0)
                }
                let head = try number("SELECT MAX(head) FROM zone")
                #expect(try number("SELECT MAX(sequence) FROM record") == head)
                let commits = "SELECT COUNT(*) FROM zoneCommit WHERE sequence > 0"
                #expect(try number(commits) == number("SELECT COUNT(*) FROM record"))
                let astray = "SELECT COUNT(*) FROM blobReference WHERE digest NOT IN "
                #expect(try number(astray + "(SELECT digest FROM holding)") == 0)
                #expect(try number(astray + "(SELECT digest FROM object)") == 0)
            }
        }
        isEnding.withLock { $0 = true }
        #expect(try await written > 5)
        #expect(counts.count > 1)
    }

    @Test(arguments: [Kind.grown, Kind(isPostgres: true, isBucket: false)])
    func `ended at any write, a restore goes on, and no server starts before its end`(
        kind: Kind
    ) async throws {
        let database = try await world.makeServer("old", .embedded, objects: 6)
        let before = try await rows(database)
        _ = try await backUp("old", .embedded)
        var failures = 0
        var report: Restore.Report?
        // The next one comes a little further than the one before it.
        for count in 0..<120 where report == nil {
            do {
                let budget = FailingDatabase.Budget(count)
                report = try await restore("new", kind) {
                    FailingDatabase(database: $0, budget: budget)
                }.run { _ in }
            } catch is FailingDatabase.Ended {
                failures += 1
                guard count > 0 else { continue }
                let error = #expect(throws: StorageError.self) {
                    try world.database("new", kind, for: .serving)
                }
                #expect(error?.code == .databaseMoved)
                #expect(error?.message.contains("martlet restore") == true)
            }
        }
        #expect(failures > 5)
        let new = try world.database("new", kind, for: .serving)
        #expect(try await rows(new) == before)
        #expect(try await world.expectObjects(new, world.store("new", kind)).count == 6)
        // None was copied twice.
        let objects = try await world.store("new", kind).list(after: nil, limit: 20)
        #expect(objects.count == 6)
    }

    @Test(arguments: [Kind.grown, Kind(isPostgres: true, isBucket: false)])
    func `what outlived the database stays, and is read back`(kind: Kind) async throws {
        let database = try await world.makeServer("old", kind, objects: 5)
        let store = try world.store("old", kind)
        _ = try await backUp("old", kind)
        // Two came after it. One has gone, and of one other bytes are left.
        try await world.add(5..<7, to: database, store)
        let keys = try await database.read {
            try $0.rows("SELECT objectKey FROM object ORDER BY byteCount", []).map { $0.text(0) }
        }
        try await store.remove([ObjectKey(text: keys[0])])
        if kind.isBucket {
            try S3TestServer.shared().put(
                [1, 2, 3], at: "\(world.folder.name)/old/objects/\(keys[1])")
        } else {
            try Data([1, 2, 3]).write(
                to: URL(fileURLWithPath: world.folder.file("old/blobs/objects/\(keys[1])")))
        }
        let report = try await restore("new", kind, store: store).run { _ in }
        #expect(report.keptCount == 3 && report.copiedCount == 2 && report.adoptedCount == 3)
        #expect(report.missing.isEmpty)
        let new = try world.database("new", kind, for: .serving)
        let expected = Set((0..<7).map { Digest(of: world.content($0)) } + [Digest(of: [1, 2, 3])])
        #expect(try await world.expectObjects(new, store) == expected)
    }

    @Test func `what the backup has lost devices are asked for`() async throws {
        try await world.makeServer("old", .grown, objects: 4)
        let made = try await backUp("old", .grown)
        #expect(made.copiedCount == 4)
        let digests = [Digest(of: world.content(0)), Digest(of: world.content(1))]
        let paths = digests.map { digest in
            world.folder.file("backup/objects/\(digest.text.prefix(2))/\(digest.text)")
        }
        try FileManager.default.removeItem(atPath: paths[0])
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: paths[1]))
        let report = try await restore("new", .grown).run { _ in }
        #expect(Set(report.missing) == Set(digests) && report.copiedCount == 2)
        let new = try world.database("new", .grown, for: .serving)
        let (kernel, account) = (world.kernel, world.account)
        let wanted = try await new.read { try kernel.wanted(for: account, limit: 9, in: $0) }
        #expect(Set(wanted) == Set(digests))
        #expect(try await world.expectObjects(new, world.store("new", .grown)).count == 2)
    }

    @Test func `a backup goes only where nothing is`() async throws {
        try await world.makeServer("old", .embedded, objects: 1)
        _ = try await backUp("old", .embedded)
        let other = try await world.makeServer("other", .grown, objects: 2)
        let before = try await world.whole(other)
        let taken = await #expect(throws: BackupError.self) {
            try await restore("other", .grown).run { _ in }
        }
        #expect(taken?.code == .databaseInPlace)
        #expect(try await world.whole(other) == before)
        // An empty database, and a bucket that is another server's.
        let bucket = await #expect(throws: StorageError.self) {
            try await restore("new", .grown, store: world.store("other", .grown)).run { _ in }
        }
        #expect(bucket?.code == .bucketTaken)
        // A backup whose database is not what the manifest says.
        let folder = world.folder.file("backup")
        for name in try FileManager.default.contentsOfDirectory(atPath: folder)
        where name.hasPrefix("database-") {
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: folder + "/" + name))
            try file.seekToEnd()
            try file.write(contentsOf: [1])
            try file.close()
        }
        let damaged = await #expect(throws: BackupError.self) {
            try await restore("third", .grown).run { _ in }
        }
        #expect(damaged?.code == .backupDamaged)
        // Nothing was begun there.
        #expect(try world.canServe("third", .grown))
    }
}
