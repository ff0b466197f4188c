import Foundation
import Kernel
import NIOCore
import Operations
import Records
import Storage
import TestSupport
import Testing

/// A backup and its restore, object by object.
@Suite struct BackupTests {
    private static let now = Timestamp(milliseconds: 1_790_000_000_000)
    private static let migrations = Kernel.migrations + OperationsSchema.migrations
    private let folder: TemporaryFolder
    private let numbers = TestNumbers()
    private let kernel: Kernel
    private let account = AccountID(high: 1, low: 1)

    init() throws {
        folder = try TemporaryFolder()
        kernel = Kernel(randomNumber: numbers.next)
    }

    private func content(_ number: Int) -> [UInt8] {
        (0..<(1_000 + number)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ number) }
    }

    /// A server that holds so many objects.
    private func server(_ count: Int) async throws -> SQLiteDatabase {
        let path = folder.file("data")
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
        let database = try SQLiteDatabase(path: path + "/database", migrations: Self.migrations)
        let store = try DirectoryObjectStore(path: path + "/blobs", randomNumber: numbers.next)
        var held: [HeldObject] = []
        for number in 0..<count {
            let writer = try await store.makeWriter()
            try await writer.append(ByteBuffer(bytes: content(number)))
            held.append(HeldObject(object: try await writer.finish(), verifiedAt: nil))
        }
        let (kernel, account) = (kernel, account)
        try await database.write { [held] transaction in
            try kernel.prepare(at: Self.now, in: transaction)
            try kernel.createAccount(
                account, name: "anna", quotaByteCount: nil, at: Self.now, in: transaction)
            _ = try kernel.addHoldings(held, for: account, at: Self.now, in: transaction)
        }
        return database
    }

    private func backup(
        _ database: SQLiteDatabase, at now: Timestamp = now
    ) throws -> Backup {
        let path = folder.file("data")
        return Backup(
            of: Backup.Source(
                database: database,
                store: try DirectoryObjectStore(
                    path: path + "/blobs", randomNumber: numbers.next),
                keepsakes: FileKeepsakes(
                    receiptKey: path + "/receipt.key", revoked: path + "/revoked"),
                folder: path),
            to: BackupPlacesForTests.folder(folder.file("backup")), version: "1",
            migrations: Self.migrations, now: { now })
    }

    private func restore(into name: String, at now: Timestamp = now) -> Restore {
        let path = folder.file(name)
        return Restore(
            from: BackupPlacesForTests.folder(folder.file("backup")),
            to: Restore.Target(
                folder: path, database: path + "/database", objects: path + "/blobs/objects",
                revoked: path + "/revoked", receiptKey: path + "/receipt.key",
                mark: path + "/restore.mark"),
            kernel: kernel, migrations: Self.migrations, at: now)
    }

    private func objects(_ name: String) throws -> [String] {
        let path = folder.file(name) + "/blobs/objects"
        return try FileManager.default.subpathsOfDirectory(atPath: path).map { path + "/" + $0 }
            .filter { $0.split(separator: "/").last?.count ?? 0 > 64 }.sorted()
    }

    private func count(_ sql: String, _ database: SQLiteDatabase) async throws -> Int64? {
        try await database.read { try $0.rows(sql).first?.integer(0) }
    }

    @Test func `what is there is not copied again, and a damaged object is named`() async throws {
        let database = try await server(5)
        let first = try backup(database)
        try await first.prepare(allowsSameDisk: true)
        let report = try await first.run { _ in }
        #expect(report.objectCount == 5 && report.copiedCount == 5 && report.missing.isEmpty)
        #expect(try await count("SELECT madeAt FROM backup", database) == Self.now.milliseconds)
        #expect(try await count("SELECT COUNT(*) FROM backupZone", database) == 2)
        #expect(try await count("SELECT COUNT(*) FROM collectorHold", database) == 0)
        // The backup loses one, the server another.
        let copies = try FileManager.default.subpathsOfDirectory(
            atPath: folder.file("backup/objects")
        ).filter { $0.count > 60 }.sorted()
        try FileManager.default.removeItem(atPath: folder.file("backup/objects/" + copies[0]))
        try FileManager.default.removeItem(atPath: folder.file("backup/objects/" + copies[1]))
        let place = try #require(try objects("data").first { $0.contains(copies[1].suffix(64)) })
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: place)))
        bytes[3] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: place))
        let second = try await backup(database, at: Self.now.adding(seconds: 5)).run { _ in }
        #expect(second.objectCount == 4 && second.copiedCount == 1)
        #expect(second.missing.map(\.text) == [String(copies[1].suffix(64))])
        // Both are there, and nothing on its way.
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("backup"))
        #expect(names.filter { $0.hasPrefix("database-") }.count == 2)
        #expect(names.filter { $0.hasPrefix("list-") }.count == 2)
        #expect(!names.contains("incoming"))

        try FileManager.default.createDirectory(
            atPath: folder.file("other"), withIntermediateDirectories: true)
        let restored = restore(into: "other")
        try await restored.prepare(replaces: false)
        let back = try await restored.run { _ in }
        #expect(back.copiedCount == 4 && back.missing == second.missing)
        let other = try SQLiteDatabase(
            path: folder.file("other/database"), migrations: Self.migrations)
        // Its holders' devices are asked for it.
        #expect(try await count("SELECT COUNT(*) FROM holding WHERE state = 3", other) == 1)
        #expect(try await count("SELECT COUNT(*) FROM object", other) == 4)
        #expect(try await count("SELECT epoch FROM server", other) == 2)
        #expect(
            try await count("SELECT madeAt FROM backup", other)
                == Self.now.adding(seconds: 5).milliseconds)
    }

    @Test func `a restore keeps every object that is there, and the newer ones too`() async throws {
        let database = try await server(4)
        let made = try backup(database)
        try await made.prepare(allowsSameDisk: true)
        _ = try await made.run { _ in }
        try Data("key".utf8).write(to: URL(fileURLWithPath: folder.file("data/receipt.key")))
        // A newer object, a damaged one, one that is gone, and a database that cannot be read.
        let store = try DirectoryObjectStore(
            path: folder.file("data/blobs"), randomNumber: numbers.next)
        let writer = try await store.makeWriter()
        try await writer.append(ByteBuffer(bytes: content(77)))
        let newer = try await writer.finish()
        let known = try objects("data").filter { !$0.hasSuffix(newer.key.text) }
        #expect(known.count == 4)
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: known[0]))
        try FileManager.default.removeItem(atPath: known[1])
        try database.close()
        try Data("nonsense".utf8).write(
            to: URL(fileURLWithPath: folder.file("data/database")))

        let restored = restore(into: "data")
        try await restored.prepare(replaces: false)
        let report = try await restored.run { _ in }
        #expect(report.copiedCount == 2 && report.keptCount == 2 && report.adoptedCount == 1)
        #expect(report.missing.isEmpty)
        let aside = try #require(report.aside)
        let set = try FileManager.default.contentsOfDirectory(atPath: aside).sorted()
        #expect(set.contains("database") && set.count == 2)
        let good = try SQLiteDatabase(
            path: folder.file("data/database"), migrations: Self.migrations)
        #expect(try await count("SELECT COUNT(*) FROM object", good) == 5)
        for path in try objects("data") {
            let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
            let name = try #require(path.split(separator: "/").last)
            #expect(Digest(of: bytes).text == name.prefix(64))
        }
        let key = try Data(contentsOf: URL(fileURLWithPath: folder.file("data/receipt.key")))
        #expect(key == Data("key".utf8))
        #expect(
            !FileManager.default.fileExists(atPath: folder.file("data/restore.mark")))
    }

    @Test func `the collector is held while a backup runs, and not for ever`() async throws {
        let database = try await server(1)
        let made = try backup(database)
        try await made.prepare(allowsSameDisk: true)
        var seen: [Backup.Progress] = []
        _ = try await made.run { seen.append($0) }
        #expect(seen == [Backup.Progress(done: 1, count: 1, copiedByteCount: 1_000)])
        #expect(
            try await database.read { try CollectorHold.isInForce(at: Self.now, in: $0) } == false)
        // A backup that died leaves its hold, which ends by itself.
        let until = Self.now.adding(seconds: 3_600)
        try await database.write { transaction in
            _ = try transaction.execute(
                "INSERT INTO collectorHold (only, until) VALUES (1, ?)", [SQLValue(until)])
        }
        #expect(try await database.read { try CollectorHold.isInForce(at: Self.now, in: $0) })
        #expect(
            try await database.read { try CollectorHold.isInForce(at: until, in: $0) } == false)
    }
}
