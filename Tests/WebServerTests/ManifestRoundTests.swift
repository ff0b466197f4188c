import Foundation
import Storage
import TestSupport
import Testing
import WebServer

@Suite struct ManifestRoundTests {
    @Test func `the first housekeeping of a day writes the manifest`() async throws {
        let server = try await TestServer()
        let path = DataFolder(path: server.folder.path).manifest
        func text() throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
        try await server.server.housekeeping.round()
        #expect(try text().hasPrefix(#"{"accounts":0,"#))
        _ = try await server.person("anna")
        try await server.server.housekeeping.round()
        #expect(try text().hasPrefix(#"{"accounts":0,"#))
        server.clock.advance(seconds: 86_400)
        try await server.server.housekeeping.round()
        #expect(try text().hasPrefix(#"{"accounts":1,"#))
    }

    @Test func `a manifest that cannot be written keeps nothing else from its turn`() async throws {
        let server = try await TestServer()
        let path = DataFolder(path: server.folder.path).manifest
        // A folder has its name.
        try FileManager.default.createDirectory(
            atPath: path + "/full", withIntermediateDirectories: true)
        await #expect(throws: (any Error).self) {
            try await server.server.housekeeping.round()
        }
        let day = try await server.database.read {
            try $0.rows("SELECT tickedAt FROM server", []).first?.isNull(0)
        }
        #expect(day == false)
        // What was written on the way is not left.
        let names = try FileManager.default.contentsOfDirectory(atPath: server.folder.path)
        #expect(!names.contains { $0.hasSuffix(".new") })
    }
}
