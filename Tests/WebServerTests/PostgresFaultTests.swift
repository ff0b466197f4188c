import HTTPTypes
import Records
import Storage
import TestSupport
import Testing
import WebServer

/// The database's server is another program: it can be gone while this one runs.
@Suite struct PostgresFaultTests {
    @Test func `while PostgreSQL is away devices are told when to ask again, and then served`()
        async throws
    {
        let postgres = try PostgresServer()
        try postgres.run("CREATE DATABASE home")
        let server = try await TestServer(
            database: PostgresDatabase(
                PostgresAddress(parsing: postgres.address("home")),
                migrations: MartletServer.migrations))
        let anna = try await server.person("anna")
        try await server.run { client in
            _ = try await client.commit([.album(1) as ChangeGroup], by: anna)
            try postgres.kill()
            for path in [anna.changesPath, "/api/v1/zones"] {
                let refused = try await client.send(.get, path, by: anna)
                #expect(refused.status == .serviceUnavailable)
                #expect(refused.header("Retry-After") == "2")
                #expect(String(decoding: refused.bytes, as: UTF8.self).contains("unreachable"))
            }
            try postgres.start()
            _ = try await client.commit([.album(2) as ChangeGroup], by: anna)
            let page = try await client.send(.get, anna.changesPath, by: anna)
            #expect(page.status == .ok)
        }
    }
}
