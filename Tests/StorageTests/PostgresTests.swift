import Records
import Storage
import Synchronization
import TestSupport
import Testing

/// What only PostgreSQL has: several servers at one database, and a server of its own.
@Suite struct PostgresTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func open(_ extra: Migration...) throws -> PostgresDatabase {
        try TestDatabase.openPostgres(
            folder.file("db"), migrations: DatabaseKind.migrations + extra)
    }

    private func refusal(of address: String) -> StorageError? {
        do throws(StorageError) {
            _ = try PostgresDatabase(
                PostgresAddress(parsing: address), migrations: DatabaseKind.migrations)
            return nil
        } catch {
            return error
        }
    }

    // MARK: - Opening

    @Test func `a later schema is taken step by step, and a newer one refused`() async throws {
        let first = try open()
        try await first.write { try insert("anna", in: $0) }
        let step = Migration(
            name: "2 notes", sql: "ALTER TABLE thing ADD COLUMN note TEXT; -- only a REAL remark")
        let second = try open(step)
        let row = try await second.read { try $0.firstRow("SELECT name, note FROM thing") }
        #expect(row?.values == ["anna", nil])
        let error = #expect(throws: StorageError.self) { _ = try open() }
        #expect(error?.code == .databaseFromNewerVersion)
        #expect(error?.message.contains("2 notes") == true)
        // The older server that runs goes on.
        #expect(try await names(in: first) == ["anna"])
    }

    @Test func `a step that fails leaves the database at the step before`() async throws {
        _ = try open()
        let error = #expect(throws: StorageError.self) {
            _ = try open(
                Migration(name: "2 wrong", sql: "CREATE TABLE a (x TEXT); CREATE TABLE a (x TEXT);")
            )
        }
        #expect(error?.code == .failed)
        let tables = try await open().read {
            try $0.firstRow("SELECT COUNT(*) FROM pg_class WHERE relname = 'a'")
        }
        #expect(tables?.int(0) == 0)
    }

    @Test func `servers that start together bring the schema up once`() async throws {
        let address = try TestDatabase.postgresAddress(folder.file("db"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    _ = try PostgresDatabase(
                        PostgresAddress(parsing: address), migrations: DatabaseKind.migrations)
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func `another program's database is refused`() throws {
        let address = try TestDatabase.postgresAddress(folder.file("db"))
        let name = try #require(address.split(separator: "/").last)
        try PostgresServer.shared().run("CREATE TABLE migration (x TEXT)", in: String(name))
        #expect(refusal(of: address)?.code == .notOurDatabase)
    }

    @Test func `what is wrong with the address is said without the password`() throws {
        let server = try PostgresServer.shared()
        let wrong = refusal(of: server.address("postgres", password: "secretword"))
        #expect(wrong?.code == .cannotOpen)
        #expect(wrong?.message.contains("password") == true)
        let missing = refusal(of: server.address("nowhere"))
        #expect(missing?.code == .cannotOpen)
        #expect(missing?.message.contains("no such database") == true)
        let nobody = refusal(of: "postgres://martlet:secretword@127.0.0.1:1/x")
        #expect(nobody?.code == .unreachable)
        let malformed = refusal(of: "postgres://martlet:secretword@[::1/x")
        #expect(malformed?.code == .cannotOpen)
        for error in [wrong, missing, nobody, malformed] {
            #expect(error?.message.contains("secretword") == false)
        }
        let address = try PostgresAddress(parsing: server.address("x", password: "secretword"))
        #expect("\(address)" == "postgres://martlet@127.0.0.1:\(server.port)/x")
    }

    // MARK: - Two servers

    /// Also when nobody waits for the write in which the conflict shows.
    @Test(arguments: [false, true])
    func `writes of two servers to one row follow each other`(isPipelined: Bool) async throws {
        let servers = [try open(), try open()]
        try await servers[0].write { transaction in
            _ = try transaction.execute("INSERT INTO thing (name, id) VALUES ('count', 0)")
        }
        let count = 60
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                group.addTask {
                    try await servers[number % 2].write { transaction in
                        let row = try transaction.firstRow("SELECT id FROM thing")
                        let next = [SQLValue((row?.int(0) ?? 0) + 1)]
                        if isPipelined {
                            try transaction.executePipelined("UPDATE thing SET id = ?", next)
                        } else {
                            try transaction.execute("UPDATE thing SET id = ?", next)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let row = try await servers[1].read { try $0.firstRow("SELECT id FROM thing") }
        #expect(row?.int(0) == count)
    }

    /// Each looks at what the other writes: either order is good, neither at once is not.
    @Test func `what one server read is still so when it writes`() async throws {
        let servers = [try open(), try open()]
        let begun = Shared(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (server, name) in zip(servers, ["anna", "bert"]) {
                group.addTask {
                    try await server.write { transaction in
                        let others = try transaction.rows("SELECT name FROM thing")
                        // Until both have looked; later attempts need not wait.
                        begun.withLock { $0 += 1 }
                        for _ in 0..<1_000 where begun.withLock({ $0 }) < 2 {
                            _ = try transaction.rows("SELECT pg_sleep(0.005)")
                        }
                        if others.isEmpty { try insert(name, in: transaction) }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await names(in: servers[0]).count == 1)
        #expect(begun.withLock { $0 } >= 3)
    }

    @Test func `a write that others always get in the way of is given up with a reason`()
        async throws
    {
        let (server, other) = (try open(), try open())
        try await other.write { transaction in
            _ = try transaction.execute("INSERT INTO thing (name, id) VALUES ('count', 0)")
        }
        let address = try TestDatabase.postgresAddress(folder.file("db"))
        let name = String(try #require(address.split(separator: "/").last))
        let attempts = Shared(0)
        let error = await #expect(throws: StorageError.self) {
            try await server.write { transaction in
                _ = try transaction.rows("SELECT id FROM thing")
                attempts.withLock { $0 += 1 }
                try PostgresServer.shared().run("UPDATE thing SET id = id + 1", in: name)
                try transaction.execute("UPDATE thing SET id = -1")
            }
        }
        #expect(error?.code == .transactionLost)
        #expect(attempts.withLock { $0 } == 10)
        let row = try await server.read { try $0.firstRow("SELECT id FROM thing") }
        #expect(row?.int(0) == 10)
    }

    // MARK: - Trouble

    @Test func `a text with a NUL is refused before it is sent`() async throws {
        let database = try open()
        let error = await #expect(throws: StorageError.self) {
            try await database.write { try insert("a\u{0}b", in: $0) }
        }
        #expect(error?.code == .constraint)
    }

    @Test func `a statement after one that failed fails too, and the next write does not`()
        async throws
    {
        let database = try open()
        await #expect(throws: StorageError.self) {
            try await database.write { transaction in
                try insert("anna", in: transaction)
                _ = try? transaction.execute("SELECT nonsense")
                try insert("bert", in: transaction)
            }
        }
        try await database.write { try insert("carl", in: $0) }
        #expect(try await names(in: database) == ["carl"])
    }

    @Test func `the connections heal after the server was killed, and nothing is lost or doubled`()
        async throws
    {
        let server = try PostgresServer()
        try server.run("CREATE DATABASE home")
        let database = try PostgresDatabase(
            PostgresAddress(parsing: server.address("home")),
            migrations: DatabaseKind.migrations)
        let answered = Shared<Set<String>>([])
        let refused = Shared<[StorageError.Code]>([])
        let isDone = Shared(false)
        // Devices that repeat what was not answered, each under its id (P8).
        try await withThrowingTaskGroup(of: Void.self) { group in
            for device in 0..<4 {
                group.addTask {
                    var number = 0
                    while !isDone.withLock({ $0 }) {
                        let name = "\(device)-\(number)"
                        do {
                            try await database.write { transaction in
                                let known = try transaction.firstRow(
                                    "SELECT 1 FROM thing WHERE name = ?", [.text(name)])
                                if known == nil { try insert(name, in: transaction) }
                            }
                            _ = answered.withLock { $0.insert(name) }
                            number += 1
                        } catch let error as StorageError {
                            refused.withLock { $0.append(error.code) }
                            try await Task.sleep(for: .milliseconds(20))
                        }
                    }
                }
            }
            for _ in 0..<3 {
                try await Task.sleep(for: .milliseconds(300))
                try server.kill()
                let error = await #expect(throws: StorageError.self) {
                    _ = try await names(in: database)
                }
                #expect(error?.code == .unreachable)
                let before = answered.withLock { $0.count }
                try server.start()
                for _ in 0..<500 where answered.withLock({ $0.count }) < before + 20 {
                    try await Task.sleep(for: .milliseconds(10))
                }
                #expect(answered.withLock { $0.count } >= before + 20)
            }
            isDone.withLock { $0 = true }
            try await group.waitForAll()
        }
        #expect(Set(refused.withLock { $0 }) == [.unreachable])
        let found = try await names(in: database)
        #expect(Set(found).isSuperset(of: answered.withLock { $0 }))
        #expect(found.count == Set(found).count)
    }
}

/// What several tasks look at and change.
final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    func withLock<R: Sendable>(_ body: (inout Value) -> R) -> R {
        value.withLock { body(&$0) }
    }
}
