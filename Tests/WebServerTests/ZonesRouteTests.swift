import Storage
import HTTPTypes
import Records
import Synchronization
import TestSupport
import Testing
import WebServer
import Wire

@Suite struct ZonesRouteTests {
    @Test func `what one device commits another reads from the feed`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna", device: 1)
        let phone = try await server.signIn("anna", device: 2)
        try await server.run { client in
            let listed = try await client.changes(of: phone)
            #expect(listed.records.isEmpty)
            #expect(!listed.more)
            let reply = try await client.commit([.album(1), .album(2)], by: anna)
            #expect(reply.results.map(\.status) == [.saved, .saved])
            let page = try await client.changes(of: phone, after: listed.token)
            #expect(page.records.map(\.key) == [.album(1), .album(2)])
            #expect(page.token == reply.token)
            #expect(page.records[0].envelope.changedBy == anna.device)
            let again = try await client.changes(of: phone, after: page.token)
            #expect(again.records.isEmpty)
            #expect(again.token == page.token)
        }
    }

    @Test func `the same commit again has no second effect`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let first = try await client.commit([.album(1)], by: anna)
            let second = try await client.commit([.album(1)], by: anna)
            #expect(first.results == second.results)
            #expect(first.token == second.token)
        }
    }

    @Test func `a commit on an old base hears the server's record`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let first = try await client.commit([.album(1)], by: anna)
            let base = Base(epoch: first.token.epoch, sequence: first.token.sequence)
            _ = try await client.commit([.album(1, name: "Autumn", base: base)], by: anna)
            var stale = ChangeGroup.album(1, name: "Winter", base: base)
            stale = ChangeGroup(id: GroupID(high: 77, low: 77), changes: stale.changes)
            let reply = try await client.commit([stale], by: anna)
            #expect(reply.results[0].status == .recordChanged)
            #expect(reply.results[0].records[0].fields?["name"] == .string("Autumn"))
        }
    }

    @Test func `one bad group among good ones changes nothing for them`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let missing = Digest(of: bytes(10))
            let reply = try await client.commit(
                [.album(1), .asset(missing, byteCount: 10), .album(2)], by: anna)
            #expect(reply.results.map(\.status) == [.saved, .blobsMissing, .saved])
            #expect(reply.results[1].digests == [missing])
            #expect(try await client.changes(of: anna).records.count == 2)
        }
    }

    @Test func `commits that arrive together are all saved, each with its own number`()
        async throws
    {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let sequences = try await withThrowingTaskGroup(of: Int64.self) { group in
                for number in 0..<24 {
                    group.addTask {
                        try await client.commit([.album(UInt64(number))], by: anna).token.sequence
                    }
                }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(sequences.count == 24)
            #expect(try await client.changes(of: anna).records.count == 24)
        }
    }

    @Test func `another account's zone is no zone`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna", device: 1)
        let berta = try await server.person("berta", device: 2)
        try await server.run { client in
            let token = try await client.commit([.album(1)], by: anna).token
            for path in [anna.changesPath, anna.changesPath + "?after=\(token.text)"] {
                let answer = try await client.send(.get, path, by: berta)
                #expect(answer.status == .notFound)
                #expect(answer.code == "zoneNotFound")
            }
            let commit = try await client.send(
                .post, anna.commitsPath, by: berta, json: CommitRequest(groups: [.album(9)]))
            #expect(commit.code == "zoneNotFound")
            let zones: ZonesReply = try await client.send(
                .get, "/api/v1/zones", by: berta
            ).decoded()
            #expect(zones.zones.allSatisfy { $0.owner == berta.account })
            let taken = try await client.send(
                .put, "/api/v1/zones/\(anna.photos)", by: berta, json: ZoneRequest(kind: "drive"))
            #expect(taken.status.code >= 400)
            #expect(try await client.changes(of: anna).records.count == 1)
        }
    }

    @Test func `a zone is made once by its id`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let path = "/api/v1/zones/\(ZoneID(high: 1, low: 2))"
            let first = try await client.send(
                .put, path, by: anna, json: ZoneRequest(kind: "app:notes"))
            let second = try await client.send(
                .put, path, by: anna, json: ZoneRequest(kind: "app:notes"))
            #expect(first.status == .ok)
            #expect(first.bytes == second.bytes)
            let zones: ZonesReply = try await client.send(
                .get, "/api/v1/zones", by: anna
            ).decoded()
            #expect(zones.zones.count == 3)
        }
    }

    @Test func `pages end where commits end and lead to the same state`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            for first in stride(from: UInt64(0), to: 30, by: 3) {
                _ = try await client.commit(
                    (first..<first + 3).map { ChangeGroup.album($0) }, by: anna)
            }
            var keys: Set<RecordKey> = []
            var token: ChangeToken?
            var pages = 0
            repeat {
                let page = try await client.changes(of: anna, after: token, limit: 7)
                keys.formUnion(page.records.map(\.key))
                token = page.token
                pages += 1
                if !page.more { break }
            } while pages < 30
            #expect(keys.count == 30)
            #expect(pages > 3)
        }
    }

    @Test func `a feed is compressed for who takes it`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            _ = try await client.commit((0..<100).map { ChangeGroup.album($0) }, by: anna)
            let plain = try await client.send(.get, anna.changesPath, by: anna)
            let packed = try await client.send(
                .get, anna.changesPath, by: anna, headers: ["Accept-Encoding": "br, gzip"])
            #expect(plain.header("Content-Encoding") == nil)
            #expect(packed.header("Content-Encoding") == "gzip")
            #expect(packed.bytes.prefix(2) == [0x1F, 0x8B])
            #expect(packed.bytes.count < plain.bytes.count / 3)
            #expect(packed.header("Vary") == "Accept-Encoding")
            let refused = try await client.send(
                .get, anna.changesPath, by: anna, headers: ["Accept-Encoding": "gzip;q=0"])
            #expect(refused.bytes == plain.bytes)
        }
    }

    /// Of a folder's file; PostgreSQL is restored by its own means.
    @Test(.enabled(if: !TestDatabase.isPostgres))
    func `a rolled back data folder answers a new epoch`() async throws {
        let folder = try TemporaryFolder()
        let before = try await TestServer(folder: folder)
        let anna = try await before.person("anna")
        try (before.database as? SQLiteDatabase)?.close()
        for name in ["database.sqlite"] { try folder.copy(name, to: name + ".old") }

        let live = try await TestServer(folder: folder)
        let collected = Collected()
        try await live.run { client in
            collected.token = try await client.commit([.album(1), .album(2)], by: anna).token
        }
        try (live.database as? SQLiteDatabase)?.close()
        try folder.replace("database.sqlite", by: "database.sqlite.old")

        let restored = try await TestServer(folder: folder)
        let token = try #require(collected.token)
        try await restored.run { client in
            let commit = try await client.send(
                .post, anna.commitsPath, by: anna,
                json: CommitRequest(groups: [.album(3)], after: token))
            #expect(commit.status == .gone)
            #expect(commit.code == "changeTokenExpired")
            let answer = try await client.send(
                .get, anna.changesPath + "?after=\(token.text)", by: anna)
            #expect(answer.status == .gone)
            #expect(answer.code == "changeTokenExpired")
            let listed = try await client.changes(of: anna)
            #expect(listed.token.epoch > token.epoch)
            #expect(listed.records.isEmpty)
        }
    }

    @Test(arguments: [
        ("limit=0", "invalidRequest"), ("limit=x", "invalidRequest"),
        ("limit=\(Limits.recordsPerPageMax + 1)", "invalidRequest"),
        ("after=nonsense", "invalidChangeToken"), ("after=1-2", "invalidChangeToken"),
    ])
    func `what the feed cannot read is named`(query: String, code: String) async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let answer = try await client.send(.get, anna.changesPath + "?" + query, by: anna)
            #expect(answer.status == .badRequest)
            #expect(answer.code == code)
        }
    }

    @Test func `a commit past its limits is refused whole`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let groups = (0...UInt64(Limits.groupsPerCommitMax)).map { ChangeGroup.album($0) }
            let many = try await client.send(
                .post, anna.commitsPath, by: anna, json: CommitRequest(groups: groups))
            #expect(many.status == .contentTooLarge)
            let large = try await client.send(
                .post, anna.commitsPath, by: anna,
                body: [UInt8](repeating: 0x20, count: Limits.commitByteCountMax + 1))
            #expect(large.status == .contentTooLarge)
            #expect(large.code == "bodyTooLarge")
            #expect(try await client.changes(of: anna).records.isEmpty)
        }
    }
}

/// Carries a value out of a `@Sendable` closure.
final class Collected: Sendable {
    private let value = Mutex<ChangeToken?>(nil)
    var token: ChangeToken? {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }
}
