import Storage
import HTTPTypes
import Records
import Testing
import WebServer
import Wire

@Suite struct PackRouteTests {
    private func pack(_ blobs: [(Digest, [UInt8])], endsWell: Bool = true) -> [UInt8] {
        var pack = PackFormat.magic
        for (digest, bytes) in blobs {
            pack += PackFormat.frame(digest: digest, byteCount: bytes.count) + bytes
        }
        return endsWell ? pack + PackFormat.end(blobCount: blobs.count) : pack
    }

    private func blobs(_ count: Int) -> [(Digest, [UInt8])] {
        (0..<count).map { number in
            let content = bytes(1_000 + number, seed: UInt8(number % 250))
            return (Digest(of: content), content)
        }
    }

    @Test func `many small blobs cross in one body`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        let blobs = blobs(300)
        try await server.run { client in
            let answer = try await client.send(
                .post, "/api/v1/blobs/pack", by: anna, body: pack(blobs))
            let reply: PackReply = try answer.decoded()
            #expect(reply.results == blobs.map { BlobResult(digest: $0.0) })
            for (digest, content) in blobs.prefix(3) {
                let read = try await client.send(.get, "/api/v1/blobs/\(digest)", by: anna)
                #expect(read.bytes == content)
            }
            // The same pack again: nothing changes, nothing is stored twice.
            let again: PackReply = try await client.send(
                .post, "/api/v1/blobs/pack", by: anna, body: pack(blobs)
            ).decoded()
            #expect(again == reply)
            let objects = try await server.server.parts.store.list(after: nil, limit: 1_000)
            #expect(objects.count == blobs.count)
        }
    }

    @Test func `one blob that is not what it says does not touch the others`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        var blobs = blobs(5)
        blobs[2].1[0] ^= 1
        let sent = pack(blobs)
        let digests = blobs.map(\.0)
        try await server.run { client in
            let reply: PackReply = try await client.send(
                .post, "/api/v1/blobs/pack", by: anna, body: sent
            ).decoded()
            #expect(reply.results.map { $0.error?.code } == [nil, nil, "digestMismatch", nil, nil])
            let have: HaveReply = try await client.send(
                .post, "/api/v1/blobs/have", by: anna, json: DigestsRequest(digests: digests)
            ).decoded()
            #expect(have.missing == [digests[2]])
        }
    }

    @Test func `a truncated pack is an error and can be sent again`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        let blobs = blobs(5)
        let whole = pack(blobs)
        try await server.run { client in
            for count in [0, 3, 20, 700, whole.count - 40, whole.count - 1] {
                let answer = try await client.send(
                    .post, "/api/v1/blobs/pack", by: anna, body: Array(whole.prefix(count)))
                #expect(answer.status == .badRequest)
                #expect(answer.code == "truncatedPack")
            }
            let reply: PackReply = try await client.send(
                .post, "/api/v1/blobs/pack", by: anna, body: whole
            ).decoded()
            #expect(reply.results.allSatisfy { $0.error == nil })
        }
    }

    @Test func `what is no pack is refused`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        let large = [UInt8](repeating: 1, count: Limits.packedBlobByteCountMax + 1)
        let tooLarge = pack([(Digest(of: large), large)])
        try await server.run { client in
            let other = try await client.send(
                .post, "/api/v1/blobs/pack", by: anna, body: Array("GET / HTTP/1.1".utf8))
            #expect(other.status == .badRequest)
            #expect(other.code == "notAPack")
            let answer = try await client.send(
                .post, "/api/v1/blobs/pack", by: anna, body: tooLarge)
            #expect(answer.status == .contentTooLarge)
            #expect(answer.code == "blobTooLarge")
            let announced = try await client.send(
                .post, "/api/v1/blobs/pack", by: anna,
                headers: ["Content-Length": "\(Limits.packByteCountMax + 1)"])
            #expect(announced.status == .contentTooLarge)
            #expect(announced.code == "packTooLarge")
        }
    }

    @Test func `a pack of more than one slice is stored whole`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        let blobs = (0..<40).map { number in
            let content = [UInt8](repeating: UInt8(number), count: 1 << 20)
            return (Digest(of: content), content)
        }
        let sent = pack(blobs)
        #expect(sent.count > Limits.packSliceByteCount * 2)
        try await server.run { client in
            let reply: PackReply = try await client.send(
                .post, "/api/v1/blobs/pack", by: anna, body: sent
            ).decoded()
            #expect(reply.results == blobs.map { BlobResult(digest: $0.0) })
        }
    }

    @Test func `a pack that is over quota says so for each blob`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna", quotaByteCount: 100)
        let sent = pack(blobs(3))
        try await server.run { client in
            let reply: PackReply = try await client.send(
                .post, "/api/v1/blobs/pack", by: anna, body: sent
            ).decoded()
            #expect(reply.results.allSatisfy { $0.error?.code == "overQuota" })
            #expect(try await server.server.parts.store.list(after: nil, limit: 10).isEmpty)
        }
    }
}
