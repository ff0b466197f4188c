import Records
import Storage
import TestSupport
import Testing

/// Behind PgBouncer: a pooler that shares sessions is found out before it does harm.
@Suite struct PoolerTests {
    let folder: TemporaryFolder
    let server: PostgresServer
    let direct: String
    let database: String

    init() throws {
        folder = try TemporaryFolder()
        server = try PostgresServer.shared()
        direct = try TestDatabase.postgresAddress(folder.file("db"))
        database = String(try #require(direct.split(separator: "/").last))
    }

    private func refusal(_ open: () throws -> Void) -> StorageError? {
        do {
            try open()
            return nil
        } catch {
            return error as? StorageError
        }
    }

    @Test(arguments: [PgBouncer.Mode.transaction, .statement], [false, true])
    func `a pooler that shares sessions is refused at each start, and nothing is left with it`(
        mode: PgBouncer.Mode, inTurn: Bool
    ) throws {
        let pooler = try PgBouncer(of: server, mode: mode, inTurn: inTurn)
        for sessionCount in [0, 1, 4] {
            pooler.openSessions(sessionCount, of: database)
            let address = try PostgresAddress(parsing: pooler.address(database))
            let opening = refusal {
                _ = try PostgresDatabase(address, migrations: DatabaseKind.migrations)
            }
            let listening = refusal {
                _ = try PostgresListener(address, folderNumber: 1, isShared: true)
            }
            for error in [opening, listening] {
                #expect(error?.code == .cannotOpen, "\(sessionCount) idle: \(error?.message ?? "")")
                #expect(error?.message.contains("pool_mode=transaction") == true)
            }
        }
        #expect(
            try server.run(
                "SELECT COUNT(*) FROM pg_class WHERE relname = 'migration'", in: database) == ["0"])
        #expect(
            try server.run(
                """
                SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory'
                    AND database = (SELECT oid FROM pg_database WHERE datname = '\(database)')
                """) == ["0"])
    }

    @Test func `a pooler that keeps sessions is as good as none`() async throws {
        let pooler = try PgBouncer(of: server, mode: .session)
        let address = try PostgresAddress(parsing: pooler.address(database))
        let listener = try PostgresListener(address, folderNumber: 1, isShared: false)
        let first = try PostgresDatabase(address, migrations: DatabaseKind.migrations)
        try await first.write { try insert("anna", in: $0) }
        #expect(try await names(in: first) == ["anna"])
        let count = Limits.pipelinedStatementsMax + 1
        try await first.write { transaction in
            for number in 0..<count {
                try transaction.executePipelined(
                    "INSERT INTO thing (name, id) VALUES (?, ?)",
                    [.text("\(number)"), SQLValue(number)])
            }
        }
        let failure = await #expect(throws: StorageError.self) {
            try await first.write { transaction in
                try transaction.executePipelined(
                    "INSERT INTO part (thing) VALUES (?)", [.integer(-1)])
            }
        }
        #expect(failure?.code == .constraint)
        #expect(try await names(in: first).count == count + 1)
        let other = refusal {
            _ = try PostgresListener(
                PostgresAddress(parsing: direct), folderNumber: 1, isShared: false)
        }
        #expect(other?.code == .busy)
        listener.stop()
    }
}
