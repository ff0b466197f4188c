import Foundation
import HTTPTypes
import Records
import Storage
import TestSupport
import Testing
import WebServer

@Suite struct CollectorHoldTests {
    @Test func `while a backup runs nothing is collected, and afterwards it is`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let digest = try await client.store(bytes(500), by: anna)
            func has() async throws -> Bool {
                try await client.send(.get, "/api/v1/blobs/\(digest)", by: anna).status == .ok
            }
            // Nothing ever referred to it, and its days are over.
            server.clock.advance(seconds: 3 * 86_400)
            let until = server.clock.read().adding(seconds: 60)
            try await server.database.write { transaction in
                _ = try transaction.execute(
                    "INSERT INTO collectorHold (\"only\", until) VALUES (1, ?)", [SQLValue(until)])
            }
            try await server.server.housekeeping.round()
            #expect(try await has())
            server.clock.advance(seconds: 60)
            try await server.server.housekeeping.round()
            #expect(try await !has())
        }
    }
}
