import Accounts
import Kernel
import Operations
import Records
import Storage
import TestSupport
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What servers of one database and one bucket keep there, each with a folder of its own.
@Suite(.serialized) struct BucketKeepsakesTests {
    private let world: MoveWorld
    private let database: any Database
    private static let key = [UInt8](repeating: 7, count: 32)

    init() throws {
        world = try MoveWorld()
        database = try TestDatabase.open(
            world.folder.file("database"),
            migrations: Kernel.migrations + AccountsSchema.migrations
                + OperationsSchema.migrations + OperationsSchema.laterMigrations)
    }

    private func bucket(_ name: String = "shared") throws -> S3ObjectStore {
        try #require(try world.store(name, .grown) as? S3ObjectStore)
    }

    private func files(_ folder: String) throws -> FileKeepsakes {
        let path = world.folder.file(folder)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return FileKeepsakes(receiptKey: path + "/receipt.key", revoked: path + "/revoked")
    }

    /// As a server with this folder has them.
    private func keepsakes(
        _ folder: String, in store: S3ObjectStore? = nil
    ) throws -> BucketKeepsakes {
        BucketKeepsakes(
            database: database, store: try store ?? bucket(), folder: try files(folder),
            folderName: "/" + folder)
    }

    private func expectWrongPlace(
        _ word: String, _ body: () async throws -> Void
    ) async {
        let error = await #expect(throws: StorageError.self) { try await body() }
        #expect(error?.code == .wrongPlace && error?.message.contains(word) == true)
    }

    @Test func `of two servers that come at once both have the key that was kept first`()
        async throws
    {
        async let first = try keepsakes("a").keep(receiptKey: Array(repeating: 1, count: 32))
        async let second = try keepsakes("b").keep(receiptKey: Array(repeating: 2, count: 32))
        let (one, other) = try await (first, second)
        #expect(one == other)
        #expect(try await keepsakes("c").receiptKey() == one)
        #expect(try await bucket().noteNames(in: "key/").count == 1)
    }

    @Test func `neither the database nor the bucket gives the key away`() async throws {
        _ = try await keepsakes("a").keep(receiptKey: Self.key)
        let sealed = try await database.read {
            try $0.first("SELECT sealed FROM receiptKey").map { $0.blob(0) }
        }
        #expect(sealed?.count == 12 + 32 + 16)
        #expect(sealed?.firstRange(of: Self.key) == nil)
        for name in try await bucket().noteNames(in: "key/") {
            let note = try #require(try await bucket().note(name))
            let text = String(decoding: note, as: UTF8.self)
            #expect(!text.contains(Hexadecimal.encode(Self.key)))
        }
    }

    @Test func `a folder's key is taken over, and another server's folder is refused`()
        async throws
    {
        _ = try await files("old").keep(receiptKey: Self.key)
        try await files("old").add(revoked: ["one", "two"])
        let old = try keepsakes("old")
        #expect(try await old.keep(receiptKey: Array(repeating: 9, count: 32)) == Self.key)
        try await old.settle()
        try await old.settle()
        #expect(try await keepsakes("new").receiptKey() == Self.key)
        #expect(try await keepsakes("new").revoked().sorted() == ["one", "two"])
        #expect(try await files("old").receiptKey() == Self.key)
        _ = try await files("foreign").keep(receiptKey: Array(repeating: 8, count: 32))
        await expectWrongPlace("/foreign") { _ = try await keepsakes("foreign").receiptKey() }
    }

    @Test func `another bucket is refused, and so is one whose note was changed`() async throws {
        _ = try await keepsakes("a").keep(receiptKey: Self.key)
        let other = try bucket("elsewhere")
        await expectWrongPlace("--blobs") {
            _ = try await keepsakes("a", in: other).receiptKey()
        }
        let name = try #require(try await bucket().noteNames(in: "key/").first)
        let zeros = String(repeating: "0", count: 64) + "\n"
        try await bucket().putNote(Array(zeros.utf8), as: name)
        await expectWrongPlace(name) { _ = try await keepsakes("a").receiptKey() }
    }

    @Test func `a new key is not made where devices know one`() async throws {
        try await keepsakes("a").requireKeyOrNoDevices()
        let (kernel, account) = (world.kernel, AccountID(high: 1, low: 1))
        try await database.write { transaction in
            try kernel.prepare(at: MoveWorld.now, in: transaction)
            try kernel.createAccount(
                account, name: "anna", quotaByteCount: nil, at: MoveWorld.now, in: transaction)
            try transaction.execute(
                """
                INSERT INTO credential (account, name, nameKey, password, changedAt)
                VALUES (?, 'anna', 'anna', '', 0)
                """, [SQLValue(account)])
            try transaction.execute(
                """
                INSERT INTO device (account, id, name, isBrowser, signedInAt, heardAt)
                VALUES (?, ?, 'laptop', 0, 0, 0)
                """, [SQLValue(account), SQLValue(account)])
        }
        await expectWrongPlace("receipt.key") {
            try await keepsakes("a").requireKeyOrNoDevices()
        }
        // The folder that the server had.
        _ = try await files("a").keep(receiptKey: Self.key)
        try await keepsakes("a").requireKeyOrNoDevices()
        #expect(try await keepsakes("a").keep(receiptKey: []) == Self.key)
        try await keepsakes("b").requireKeyOrNoDevices()
    }

    @Test func `what one server revokes every other finds, and nobody else can add to it`()
        async throws
    {
        try await keepsakes("a").add(revoked: ["from a", "also from a"])
        try await keepsakes("b").add(revoked: ["from b"])
        let names = try await bucket().noteNames(in: "revoked/")
        #expect(names.count == 2)
        for name in names {
            let note = try #require(try await bucket().note(name))
            #expect(!String(decoding: note, as: UTF8.self).contains("from"))
        }
        // A made-up line, one note's bytes cut off, and one sealed for something else.
        try await bucket().putNote(Array("from nobody\n".utf8), as: "revoked/00")
        let whole = try #require(try await bucket().note(names[0]))
        try await bucket().putNote(Array(whole.dropLast()), as: "revoked/01")
        let sealed = try await database.read {
            try $0.first("SELECT sealed FROM receiptKey").map { $0.blob(0) }
        }
        try await bucket().putNote(sealed ?? [], as: "revoked/02")
        #expect(
            try await keepsakes("c").revoked().sorted() == ["also from a", "from a", "from b"])
    }

    @Test func `a start joins notes once there is one more than the limit`() async throws {
        let kept = try keepsakes("a")
        for number in 0..<Limits.revokedNotesMax { try await kept.add(revoked: ["\(number)"]) }
        try await kept.settle()
        #expect(try await bucket().noteNames(in: "revoked/").count == Limits.revokedNotesMax)
        try await kept.add(revoked: ["0"])
        try await kept.settle()
        #expect(try await bucket().noteNames(in: "revoked/").count == 1)
        let expected = (0..<Limits.revokedNotesMax).map { "\($0)" }.sorted()
        #expect(try await keepsakes("b").revoked().sorted() == expected)
    }

    @Test func `lines of more bytes than one note takes become two`() async throws {
        let kept = try keepsakes("a")
        let half = Limits.revokedNoteByteCountMax / 2
        let lines = ["a", "b"].map { String(repeating: $0, count: half) }
        try await files("a").add(revoked: lines)
        try await kept.settle()
        #expect(try await bucket().noteNames(in: "revoked/").count == 2)
        #expect(try await kept.revoked().sorted() == lines)
    }

    @Test func `while the bucket does not answer a revocation waits in the folder`() async throws {
        let kept = try keepsakes("a")
        try await kept.add(revoked: ["first"])
        let server = try S3TestServer.shared()
        try await server.set([
            S3Fault(.error, ["PUT", "revoked/"], count: .max, status: 503, code: "SlowDown")
        ])
        try await kept.add(revoked: ["second"])
        try await server.set([])
        #expect(try await files("a").revoked() == ["second"])
        #expect(try await keepsakes("b").revoked() == ["first"])
        try await keepsakes("a").settle()
        #expect(try await keepsakes("b").revoked().sorted() == ["first", "second"])
    }

    @Test func `keepsakes go from one kind of place to the other, and back`() async throws {
        _ = try await files("old").keep(receiptKey: Self.key)
        try await files("old").add(revoked: ["one"])
        let shared = try keepsakes("new")
        try await shared.take(from: try files("old"))
        try await shared.add(revoked: ["two"])
        // Run again, as after an interruption.
        try await shared.take(from: try files("old"))
        try await files("small").take(from: shared)
        #expect(try await files("small").receiptKey() == Self.key)
        #expect(try await files("small").revoked().sorted() == ["one", "two"])
    }
}
