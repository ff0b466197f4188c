import Storage
import Foundation
import HTTPTypes
import Records
import TestSupport
import Testing
import WebServer
import Wire

@Suite struct BlobsRouteTests {
    @Test func `a blob comes back byte for byte`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            for count in [0, 1, 65_537, (3 << 20) + 5] {
                let content = bytes(count)
                let digest = try await client.store(content, by: anna)
                let answer = try await client.send(.get, "/api/v1/blobs/\(digest)", by: anna)
                #expect(answer.status == .ok)
                #expect(answer.bytes == content)
                #expect(answer.header("ETag") == "\"\(digest)\"")
            }
        }
    }

    @Test(arguments: [0, 1, 2_000_000])
    func `a blob that the server lost is lost by itself, and the connection goes on`(
        left: Int
    ) async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let digest = try await client.store(bytes(3_000_000), by: anna)
            let other = try await client.store(bytes(1_000), by: anna)
            let store = server.server.parts.store
            let page = try await store.list(after: nil, limit: 10)
            let key = try #require(page.first { $0.byteCount == 3_000_000 }?.key)
            // A store without files is tried with nothing left alone.
            if let path = store.localPath(of: key), left > 0 {
                #expect(truncate(path, left) == 0)
            } else {
                try await store.remove([key])
            }
            // What is left is less than the first step only in the two first cases.
            if left < Limits.streamStepByteCount {
                let answer = try await client.send(.get, "/api/v1/blobs/\(digest)", by: anna)
                #expect(answer.status == .notFound)
                #expect(answer.code == "blobLost")
            }
            let range = try await client.send(
                .get, "/api/v1/blobs/\(digest)", by: anna, headers: ["Range": "bytes=2500000-"])
            #expect(range.status == .notFound)
            let good = try await client.send(.get, "/api/v1/blobs/\(other)", by: anna)
            #expect(good.status == .ok && good.bytes == bytes(1_000))
        }
    }

    @Test func `storing again is storing once`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let digest = try await client.store(bytes(1_000), by: anna)
            try await client.store(bytes(1_000), by: anna)
            let objects = try await server.server.parts.store.list(after: nil, limit: 10)
            #expect(objects.count == 1)
            #expect(
                try await client.send(.get, "/api/v1/blobs/\(digest)", by: anna).bytes
                    == bytes(1_000))
        }
    }

    @Test func `bytes that are not what their digest says leave nothing`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let digest = Digest(of: bytes(1_000))
            let answer = try await client.send(
                .put, "/api/v1/blobs/\(digest)", by: anna, body: bytes(1_000, seed: 2))
            #expect(answer.status == .unprocessableContent)
            #expect(answer.code == "digestMismatch")
            #expect(
                try await client.send(.get, "/api/v1/blobs/\(digest)", by: anna).code
                    == "blobNotFound")
            #expect(try await server.server.parts.store.list(after: nil, limit: 10).isEmpty)
        }
    }

    @Test func `knowing another's digest gives nothing`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna", device: 1)
        let berta = try await server.person("berta", device: 2)
        try await server.run { client in
            let digest = try await client.store(bytes(1_000), by: anna)
            for method in [HTTPRequest.Method.get, .head] {
                let answer = try await client.send(method, "/api/v1/blobs/\(digest)", by: berta)
                #expect(answer.status == .notFound)
            }
            let have: HaveReply = try await client.send(
                .post, "/api/v1/blobs/have", by: berta, json: DigestsRequest(digests: [digest])
            ).decoded()
            #expect(have.missing == [digest])
            let commit = try await client.commit([.asset(digest, byteCount: 1_000)], by: berta)
            #expect(commit.results[0].status == .blobsMissing)
            let receipts: ReceiptsReply = try await client.send(
                .post, "/api/v1/blobs/receipts", by: berta,
                json: DigestsRequest(digests: [digest])
            ).decoded()
            #expect(receipts.receipts.isEmpty)
            #expect(receipts.missing == [digest])
            // With the bytes themselves it is berta's too, and stored once.
            try await client.store(bytes(1_000), by: berta)
            #expect(
                try await client.send(.get, "/api/v1/blobs/\(digest)", by: berta).status == .ok)
            #expect(try await server.server.parts.store.list(after: nil, limit: 10).count == 1)
        }
    }

    @Test func `have names what is missing, in order`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let held = try await client.store(bytes(10), by: anna)
            let missing = (2..<6).map { Digest(of: bytes(10, seed: $0)) }
            let reply: HaveReply = try await client.send(
                .post, "/api/v1/blobs/have", by: anna,
                json: DigestsRequest(
                    digests: [missing[0], held, missing[1], missing[2], missing[3]])
            ).decoded()
            #expect(reply.missing == missing)
        }
    }

    @Test(arguments: ["/api/v1/blobs/have", "/api/v1/blobs/receipts"])
    func `one digest more than a request may have is refused`(path: String) async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let digests = (0...Limits.digestsPerRequestMax).map {
                Digest(of: Array("\($0)".utf8))
            }
            let answer = try await client.send(
                .post, path, by: anna, json: DigestsRequest(digests: digests))
            #expect(answer.status == .contentTooLarge)
            #expect(answer.code == "tooManyDigests")
            let most = try await client.send(
                .post, path, by: anna, json: DigestsRequest(digests: Array(digests.dropLast())))
            #expect(most.status == .ok)
        }
    }

    @Test(arguments: [
        ("bytes=0-0", 206, 0..<1), ("bytes=10-19", 206, 10..<20), ("bytes=990-", 206, 990..<1_000),
        ("bytes=-5", 206, 995..<1_000), ("bytes=0-99999999999999999999", 206, 0..<1_000),
        ("bytes=-2000", 206, 0..<1_000), ("bytes=5-4", 200, 0..<1_000),
        ("bytes=0-1,4-5", 200, 0..<1_000), ("lines=1-2", 200, 0..<1_000),
        ("bytes=a-b", 200, 0..<1_000), ("bytes=", 200, 0..<1_000),
    ])
    func `a range gives its part`(header: String, status: Int, range: Range<Int>) async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let content = bytes(1_000)
            let digest = try await client.store(content, by: anna)
            let answer = try await client.send(
                .get, "/api/v1/blobs/\(digest)", by: anna, headers: ["Range": header])
            #expect(answer.status.code == status)
            #expect(answer.bytes == Array(content[range]))
            if status == 206 {
                #expect(
                    answer.header("Content-Range")
                        == "bytes \(range.lowerBound)-\(range.upperBound - 1)/1000")
            }
        }
    }

    @Test func `conditions and heads follow the digest`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let digest = try await client.store(bytes(1_000), by: anna)
            let path = "/api/v1/blobs/\(digest)"
            for header in ["\"\(digest)\"", "W/\"\(digest)\"", "\"x\", \"\(digest)\"", "*"] {
                let answer = try await client.send(
                    .get, path, by: anna, headers: ["If-None-Match": header])
                #expect(answer.status == .notModified)
                #expect(answer.bytes.isEmpty)
            }
            let same = try await client.send(
                .get, path, by: anna,
                headers: ["Range": "bytes=1-2", "If-Range": "\"\(digest)\""])
            #expect(same.status == .partialContent)
            let other = try await client.send(
                .get, path, by: anna, headers: ["Range": "bytes=1-2", "If-Range": "\"other\""])
            #expect(other.status == .ok)
            #expect(other.bytes.count == 1_000)
            let head = try await client.send(.head, path, by: anna)
            #expect(head.status == .ok)
            #expect(head.bytes.isEmpty)
            #expect(head.header("Content-Length") == "1000")
            let behind = try await client.send(
                .get, path, by: anna, headers: ["Range": "bytes=1000-"])
            #expect(behind.status == .rangeNotSatisfiable)
            #expect(behind.header("Content-Range") == "bytes */1000")
        }
    }

    @Test func `bytes of users never run as a page`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let digest = try await client.store(Array("<script>alert(1)</script>".utf8), by: anna)
            let answer = try await client.send(.get, "/api/v1/blobs/\(digest)", by: anna)
            #expect(answer.header("Content-Security-Policy")?.hasPrefix("sandbox") == true)
            #expect(answer.header("Content-Disposition") == "attachment")
            #expect(answer.header("X-Content-Type-Options") == "nosniff")
        }
    }

    @Test func `a receipt is signed, says when, and belongs to its account`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let digest = try await client.store(bytes(1_000), by: anna)
            let missing = Digest(of: bytes(5))
            let reply: ReceiptsReply = try await client.send(
                .post, "/api/v1/blobs/receipts", by: anna,
                json: DigestsRequest(digests: [digest, missing])
            ).decoded()
            #expect(reply.missing == [missing])
            #expect(reply.later.isEmpty)
            let receipt = try #require(reply.receipts.first)
            #expect(receipt.digest == digest)
            #expect(receipt.byteCount == 1_000)
            #expect(receipt.verifiedAt == server.clock.read())
            #expect(!receipt.receipt.isEmpty)
        }
    }

    @Test func `bytes that changed on the disk get no receipt and are wanted back`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let digest = try await client.store(bytes(1_000), by: anna)
            _ = try await client.commit([.asset(digest, byteCount: 1_000)], by: anna)
            try await server.damageOnlyObject()
            let reply: ReceiptsReply = try await client.send(
                .post, "/api/v1/blobs/receipts", by: anna, json: DigestsRequest(digests: [digest])
            ).decoded()
            #expect(reply.receipts.isEmpty)
            let wanted: WantedReply = try await client.send(
                .get, "/api/v1/blobs/wanted", by: anna
            ).decoded()
            #expect(wanted == WantedReply(digests: [digest], more: false))
            try await client.store(bytes(1_000), by: anna)
            let after: WantedReply = try await client.send(
                .get, "/api/v1/blobs/wanted", by: anna
            ).decoded()
            #expect(after.digests.isEmpty)
            #expect(
                try await client.send(.get, "/api/v1/blobs/\(digest)", by: anna).bytes
                    == bytes(1_000))
        }
    }

    @Test func `a quota is said before the bytes are taken`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna", quotaByteCount: 1_500)
        try await server.run { client in
            let digest = try await client.store(bytes(1_000), by: anna)
            _ = try await client.commit([.asset(digest, byteCount: 1_000)], by: anna)
            let more = bytes(1_000, seed: 2)
            let answer = try await client.send(
                .put, "/api/v1/blobs/\(Digest(of: more))", by: anna, body: more)
            #expect(answer.status == .contentTooLarge)
            #expect(answer.code == "overQuota")
        }
    }
}
