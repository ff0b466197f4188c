import Storage
import TestSupport
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite struct SQLiteFileTests {
    let folder: TemporaryFolder
    var path: String { folder.file("db") }

    init() throws { folder = try TemporaryFolder() }

    private func open(_ extra: Migration...) throws -> SQLiteDatabase {
        try SQLiteDatabase(path: path, migrations: DatabaseKind.migrations + extra)
    }

    @Test func `the file is kept as the design says`() async throws {
        let database = try open()
        let (writer, reader) = (
            try await database.write(Self.settings), try await database.read(Self.settings)
        )
        #expect(writer.journal == "wal" && reader.journal == "wal")
        #expect(writer.numbers == ["synchronous": 2, "mmap_size": 0, "foreign_keys": 1])
        #expect(reader.numbers["mmap_size"] == 0)
    }

    @Sendable private static func settings(
        _ transaction: any Transaction
    ) throws -> (journal: String, numbers: [String: Int]) {
        var numbers: [String: Int] = [:]
        for name in ["synchronous", "mmap_size", "foreign_keys"] {
            numbers[name] = try transaction.firstRow("PRAGMA \(name)")?.int(0)
        }
        return (try transaction.firstRow("PRAGMA journal_mode")?.text(0) ?? "", numbers)
    }

    @Test func `what was answered is there after the process died`() async throws {
        let database = try open()
        try await database.write { try insert("anna", in: $0) }
        // A copy of the files as they lie on the disk while the database is open.
        for end in ["", "-wal"] {
            try FileManager.default.copyItem(
                atPath: path + end, toPath: folder.file("copy" + end))
        }
        let copy = try SQLiteDatabase(
            path: folder.file("copy"), migrations: DatabaseKind.migrations)
        #expect(try await names(in: copy) == ["anna"])
        try copy.close()
        try database.close()
    }

    @Test func `a later schema is taken step by step`() async throws {
        let first = try open()
        try await first.write { try insert("anna", in: $0) }
        try first.close()
        let step = Migration(name: "2 notes", sql: "ALTER TABLE thing ADD COLUMN note TEXT;")
        let second = try open(step)
        let note = try await second.read { try $0.firstRow("SELECT name, note FROM thing") }
        #expect(note?.values == ["anna", nil])
        try second.close()
        try open(step).close()
    }

    @Test func `a database of a newer version is refused and left as it is`() async throws {
        let newer = try open(Migration(name: "2 later", sql: "CREATE TABLE later (x);"))
        try newer.close()
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        let error = #expect(throws: StorageError.self) { _ = try open() }
        #expect(error?.code == .databaseFromNewerVersion)
        #expect(error?.message.contains("2 later") == true)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }

    @Test func `a step that fails leaves the database at the step before`() async throws {
        try open().close()
        let error = #expect(throws: StorageError.self) {
            _ = try open(Migration(name: "2 wrong", sql: "CREATE TABLE a (x); CREATE TABLE a (x);"))
        }
        #expect(error?.code == .failed)
        let database = try open()
        let tables = try await database.read {
            try $0.firstRow("SELECT COUNT(*) FROM sqlite_master WHERE name = 'a'")
        }
        #expect(tables?.int(0) == 0)
        try database.close()
    }

    @Test func `another program's database is refused`() async throws {
        let database = try open()
        try await database.write { transaction in
            _ = try transaction.rows("PRAGMA application_id = 7")
        }
        try database.close()
        let error = #expect(throws: StorageError.self) { _ = try open() }
        #expect(error?.code == .notOurDatabase)
    }

    @Test func `a file that is no database is refused`() throws {
        try Data(repeating: 65, count: 8_192).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: StorageError.self) { _ = try open() }
        #expect(error?.code == .notOurDatabase)
    }

    @Test func `a folder that is missing is said`() throws {
        let error = #expect(throws: StorageError.self) {
            _ = try SQLiteDatabase(path: folder.file("none/db"), migrations: [])
        }
        #expect(error?.code == .cannotOpen)
    }

    @Test func `two processes take turns`() async throws {
        let (server, tool) = (try open(), try open())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<50 {
                let database = number % 2 == 0 ? server : tool
                group.addTask { try await database.write { try insert("\(number)", in: $0) } }
            }
            try await group.waitForAll()
        }
        #expect(try await names(in: tool).count == 50)
    }
}
