import Foundation
import Kernel
import NIOCore
import Operations
import Records
import Storage
import TestSupport
import Testing

/// Whether a backup restores: each damage that it may have is found, and named.
@Suite struct BackupProofTests {
    private static let now = Timestamp(milliseconds: 1_790_000_000_000)
    private static let migrations =
        Kernel.migrations + OperationsSchema.migrations + OperationsSchema.laterMigrations
    private let folder: TemporaryFolder
    private let numbers = TestNumbers()

    init() throws { folder = try TemporaryFolder() }

    /// A backup of a server with six objects; the server's database.
    private func backUp() async throws -> SQLiteDatabase {
        let path = folder.file("data")
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
        let database = try SQLiteDatabase(path: path + "/database", migrations: Self.migrations)
        let store = try DirectoryObjectStore(path: path + "/blobs", randomNumber: numbers.next)
        var held: [HeldObject] = []
        for number in 0..<6 {
            let writer = try await store.makeWriter()
            try await writer.append(
                ByteBuffer(bytes: [UInt8](repeating: UInt8(number), count: 5_000)))
            held.append(HeldObject(object: try await writer.finish(), verifiedAt: nil))
        }
        let kernel = Kernel(randomNumber: numbers.next)
        let account = AccountID(high: 1, low: 1)
        try await database.write { [held] transaction in
            try kernel.prepare(at: Self.now, in: transaction)
            try kernel.createAccount(
                account, name: "anna", quotaByteCount: nil, at: Self.now, in: transaction)
            _ = try kernel.addHoldings(held, for: account, at: Self.now, in: transaction)
        }
        let backup = Backup(
            of: Backup.Source(
                database: database, store: store,
                keepsakes: FileKeepsakes(
                    receiptKey: path + "/receipt.key", revoked: path + "/revoked"),
                folder: path),
            to: BackupPlacesForTests.folder(folder.file("backup")), version: "1",
            migrations: Self.migrations,
            now: { Self.now })
        try await backup.prepare(allowsSameDisk: true)
        _ = try await backup.run { _ in }
        return database
    }

    private func prove(readsAll: Bool = true) async throws -> BackupProof.Report {
        try await BackupProof(
            of: BackupPlacesForTests.folder(folder.file("backup")), scratch: folder.file("scratch"),
            migrations: Self.migrations, randomNumber: numbers.next
        ).run(readsAll: readsAll) { _ in }
    }

    private func file(_ prefix: String) throws -> String {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("backup"))
        return folder.file("backup/") + (try #require(names.first { $0.hasPrefix(prefix) }))
    }

    private func objects() throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder.file("backup/objects"))
            .filter { $0.count > 60 }.sorted().map { folder.file("backup/objects/" + $0) }
    }

    private func change(_ path: String, at place: Int) throws {
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        bytes[place] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    @Test func `a good backup restores, and nothing is left behind or changed`() async throws {
        let database = try await backUp()
        let before = try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
        let report = try await prove()
        #expect(report.problems.isEmpty)
        #expect(report.objectCount == 6 && report.readCount == 6)
        #expect(report.readByteCount == 30_000 && report.madeAt == Self.now)
        let after = try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
        #expect(before == after)
        try await database.write { try LastProof.save(report, at: Self.now, in: $0) }
        let proof = try await database.read { try LastProof.read(in: $0) }
        #expect(proof?.cause == nil && proof?.goodAt == Self.now)
    }

    @Test func `a backup with more than one damage names them all, and when it was good`()
        async throws
    {
        let database = try await backUp()
        let good = try await prove()
        try await database.write { try LastProof.save(good, at: Self.now, in: $0) }
        let paths = try objects()
        try FileManager.default.removeItem(atPath: paths[0])
        try Data([1, 2]).write(to: URL(fileURLWithPath: paths[1]))
        try change(paths[2], at: 99)
        let report = try await prove()
        #expect(
            report.problems == [
                "2 items of 6 are gone or cut off", "1 item of 4 that were read are damaged",
            ])
        let later = Self.now.adding(seconds: 60)
        try await database.write { try LastProof.save(report, at: later, in: $0) }
        let proof = try await database.read { try LastProof.read(in: $0) }
        #expect(proof?.cause == report.problems.joined(separator: "; "))
        #expect(proof?.provenAt == later && proof?.goodAt == Self.now)
    }

    @Test func `a database or a list that is not the manifest's is found`() async throws {
        _ = try await backUp()
        try change(try file("database-"), at: 5_000)
        try change(try file("list-"), at: 3)
        let report = try await prove()
        #expect(report.problems.count == 2)
        #expect(report.problems.allSatisfy { $0.hasSuffix("is not what the backup says") })
    }

    @Test func `a list that lacks an object is found, though its digest is right`() async throws {
        _ = try await backUp()
        let list = try file("list-")
        let lines = try String(contentsOfFile: list, encoding: .utf8).split(separator: "\n")
        let shorter = Array((lines.dropLast().joined(separator: "\n") + "\n").utf8)
        try Data(shorter).write(to: URL(fileURLWithPath: list))
        let path = folder.file("backup/manifest.json")
        var text = try String(contentsOfFile: path, encoding: .utf8)
        let old = try #require(
            try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let oldList = try #require(old["list"] as? [String: Any])
        let oldDigest = try #require(oldList["digest"] as? String)
        let oldCount = try #require(oldList["byteCount"] as? Int)
        text = text.replacingOccurrences(of: oldDigest, with: Digest(of: shorter).text)
            .replacingOccurrences(
                of: "\"byteCount\" : \(oldCount)", with: "\"byteCount\" : \(shorter.count)"
            )
            .replacingOccurrences(of: "\"objectCount\" : 6", with: "\"objectCount\" : 5")
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        let report = try await prove()
        #expect(report.problems == ["the list lacks 1 objects that the database names"])
    }

    @Test func `a folder without a backup is an error, not a proof`() async throws {
        await #expect(throws: BackupError.self) { _ = try await prove() }
    }
}
