import Records
import Storage
import TestSupport
import Testing

/// What other servers and a lost connection do to statements that nobody waited for.
@Suite struct PostgresPipelineTests {
    let folder: TemporaryFolder
    let database: String

    init() throws {
        folder = try TemporaryFolder()
        let address = try TestDatabase.postgresAddress(folder.file("db"))
        database = String(try #require(address.split(separator: "/").last))
    }

    private func open() throws -> PostgresDatabase {
        try TestDatabase.openPostgres(folder.file("db"), migrations: DatabaseKind.migrations)
    }

    /// Returns when the session has ended.
    private static func end(_ pid: Int) throws {
        try PostgresServer.shared().run("SELECT pg_terminate_backend(\(pid), 10000)")
    }

    /// Where the connection is ended.
    enum Moment: CaseIterable, Sendable { case atOnce, beforeMore, beforeRead, beforeSavepointsEnd }

    /// Leaves statements under way over the end of their connection.
    private static func work(
        _ moment: Moment, in transaction: any Transaction, ending: () throws -> Void
    ) throws {
        func insert(_ name: String) throws {
            try transaction.executePipelined("INSERT INTO thing (name) VALUES (?)", [.text(name)])
        }
        try insert("anna")
        switch moment {
        case .atOnce:
            try ending()
        case .beforeMore:
            try ending()
            try insert("bert")
        case .beforeRead:
            try ending()
            _ = try transaction.rows("SELECT name FROM thing")
        case .beforeSavepointsEnd:
            try transaction.savepoint {
                try insert("bert")
                try ending()
            }
        }
    }

    @Test(arguments: Moment.allCases)
    func `a connection that ends with statements under way is said, and nothing stays`(
        moment: Moment
    ) async throws {
        let server = try open()
        let error = await #expect(throws: StorageError.self) {
            try await server.write { transaction in
                let pid = try transaction.firstRow("SELECT pg_backend_pid()")?.int(0) ?? 0
                try Self.work(moment, in: transaction) { try Self.end(pid) }
            }
        }
        #expect(error?.code == .unreachable)
        #expect(try await names(in: server).isEmpty)
    }

    @Test(arguments: Moment.allCases)
    func `what was under way on a connection that ended is run again, once`(
        moment: Moment
    ) async throws {
        let server = try open()
        let attempts = Shared(0)
        try await server.write { transaction in
            let attempt = attempts.withLock { count in
                count += 1
                return count
            }
            let pid = try transaction.firstRow("SELECT pg_backend_pid()")?.int(0) ?? 0
            try Self.work(moment, in: transaction) {
                if attempt == 1 { try Self.end(pid) }
            }
        }
        #expect(attempts.withLock { $0 } == 2)
        #expect(try await names(in: server).first == "anna")
    }

    /// Nothing has been asked of it since: the first that is sent finds out.
    @Test func `an idle connection that ended is made anew`() async throws {
        let server = try open()
        try await server.write { try insert("anna", in: $0) }
        try PostgresServer.shared().run(
            """
            SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
            WHERE datname = '\(database)' AND pid <> pg_backend_pid()
            """)
        try await server.write { transaction in
            try transaction.executePipelined("INSERT INTO thing (name) VALUES (?)", ["bert"])
        }
        #expect(try await names(in: server) == ["anna", "bert"])
    }

    @Test(arguments: [false, true])
    func `a row that another server makes meanwhile is seen when it is begun again`(
        inSavepoint: Bool
    ) async throws {
        let (server, other) = (try open(), try open())
        // The statement is known by then, so that it goes out with its transaction's end alone.
        try await other.write { try insert("anna", in: $0) }
        let (attempts, database) = (Shared(0), database)
        let found = try await server.write { transaction in
            let isKnown = try transaction.firstRow("SELECT 1 FROM thing WHERE name = 'bert'") != nil
            if attempts.withLock({ count in
                count += 1
                return count
            }) == 1 {
                try PostgresServer.shared().run(
                    "INSERT INTO thing (name, id) VALUES ('bert', 7)", in: database)
            }
            guard !isKnown else { return true }
            let write = {
                try transaction.executePipelined("INSERT INTO thing (name) VALUES (?)", ["bert"])
            }
            if inSavepoint { try transaction.savepoint(write) } else { try write() }
            return false
        }
        #expect(found)
        #expect(attempts.withLock { $0 } == 2)
    }

    @Test func `what is prepared behind a failure is prepared when it is wanted again`()
        async throws
    {
        let server = try open()
        let update = "UPDATE thing SET weight = ? WHERE name = ?"
        for number in 0..<3 {
            await #expect(throws: StorageError.self) {
                try await server.write { transaction in
                    try transaction.executePipelined("INSERT INTO part (thing) VALUES (?)", [77])
                    try transaction.executePipelined(
                        update + " AND \(number) = \(number)", [.real(1), "anna"])
                    try transaction.executePipelined("SELECT nonsense\(number)", [])
                }
            }
            let changed = try await server.write { transaction in
                try transaction.executePipelined(
                    "INSERT INTO thing (name) VALUES (?)", [.text("\(number)")])
                return try transaction.execute(
                    update + " AND \(number) = \(number)", [.real(1), .text("\(number)")])
            }
            #expect(changed == 1)
        }
    }

    @Test func `more statements than stay prepared are all run`() async throws {
        let server = try open()
        try await server.write { transaction in
            try insert("anna", in: transaction)
            for number in 0..<1_200 {
                try transaction.executePipelined(
                    "UPDATE thing SET id = ? WHERE id IS NULL OR id = \(number)",
                    [SQLValue(number + 1)])
            }
        }
        let row = try await server.read { try $0.firstRow("SELECT id FROM thing") }
        #expect(row?.int(0) == 1_200)
    }
}
