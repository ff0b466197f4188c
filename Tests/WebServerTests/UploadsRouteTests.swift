import Storage
import enum Crypto.Insecure
import struct Crypto.SHA256
import Foundation
import HTTPTypes
import Records
import TestSupport
import Testing
import WebServer
import Wire

@Suite struct UploadsRouteTests {
    private let path = "/api/v1/uploads/\(UploadID(high: 4, low: 4))"
    private let part = "application/offset+octet-stream"

    private func announce(
        _ client: Client, _ person: Person, _ byteCount: Int, digest: Digest? = nil
    ) async throws -> Client.Answer {
        var headers = ["Tus-Resumable": "1.0.0", "Upload-Length": "\(byteCount)"]
        headers["Martlet-Digest"] = digest?.text
        return try await client.send(.post, path, by: person, headers: headers)
    }

    private func send(
        _ client: Client, _ person: Person, _ bytes: some Collection<UInt8>, at offset: Int,
        _ more: [String: String] = [:]
    ) async throws -> Client.Answer {
        var headers = [
            "Tus-Resumable": "1.0.0", "Upload-Offset": "\(offset)", "Content-Type": part,
        ]
        headers.merge(more) { $1 }
        return try await client.send(
            .patch, path, by: person, headers: headers, body: Array(bytes))
    }

    @Test func `an upload in parts becomes a blob that was read back`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        let content = bytes(2_500_000)
        let digest = Digest(of: content)
        try await server.run { client in
            let created = try await announce(client, anna, content.count)
            #expect(created.status == .created)
            #expect(created.header("Location") == path)
            #expect(created.header("Upload-Expires") == "Tue, 22 Sep 2026 14:13:20 GMT")
            let first = try await send(client, anna, content[..<1_000_000], at: 0)
            #expect(first.status == .noContent)
            #expect(first.header("Upload-Offset") == "1000000")
            let head = try await client.send(.head, path, by: anna)
            #expect(head.header("Upload-Offset") == "1000000")
            #expect(head.header("Upload-Length") == "2500000")
            #expect(head.header("Cache-Control") == "no-store")
            let last = try await send(
                client, anna, content[1_000_000...], at: 1_000_000,
                ["Martlet-Digest": digest.text])
            #expect(last.status == .noContent)
            #expect(last.header("Upload-Offset") == "2500000")
            let read = try await client.send(.get, "/api/v1/blobs/\(digest)", by: anna)
            #expect(read.bytes == content)
        }
    }

    @Test func `announcing again tells how far it came`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        let content = bytes(3_000)
        let digest = Digest(of: content)
        try await server.run { client in
            _ = try await announce(client, anna, 3_000, digest: digest)
            _ = try await send(client, anna, content[..<1_000], at: 0)
            let again = try await announce(client, anna, 3_000, digest: digest)
            #expect(again.status == .ok)
            #expect(again.header("Upload-Offset") == "1000")
            let other = try await announce(client, anna, 4_000, digest: digest)
            #expect(other.status == .conflict)
            _ = try await send(client, anna, content[1_000...], at: 1_000)
            // The reply was lost: all three ways of asking say that it is complete.
            let repeated = try await send(
                client, anna, content[1_000...], at: 1_000, ["Martlet-Digest": digest.text])
            #expect(repeated.status == .noContent)
            #expect(repeated.header("Upload-Offset") == "3000")
            let announced = try await announce(client, anna, 3_000, digest: digest)
            #expect(announced.status == .ok)
            #expect(announced.header("Upload-Offset") == "3000")
        }
    }

    @Test func `a part at the wrong place changes nothing`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            _ = try await announce(client, anna, 3_000)
            _ = try await send(client, anna, bytes(1_000), at: 0)
            for offset in [0, 999, 1_001, 3_000] {
                let answer = try await send(client, anna, bytes(10), at: offset)
                #expect(answer.status == .conflict)
                #expect(answer.code == "offsetMismatch")
            }
            let head = try await client.send(.head, path, by: anna)
            #expect(head.header("Upload-Offset") == "1000")
        }
    }

    @Test func `a part whose checksum is wrong leaves nothing`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        let content = bytes(3_000)
        try await server.run { client in
            _ = try await announce(client, anna, 3_000)
            let sha1 = Data(Insecure.SHA1.hash(data: content[..<1_000])).base64EncodedString()
            let sha256 = Data(SHA256.hash(data: content[1_000...])).base64EncodedString()
            let wrong = try await send(
                client, anna, content[1_000..<2_000], at: 0, ["Upload-Checksum": "sha1 \(sha1)"])
            #expect(wrong.status.code == 460)
            #expect(wrong.code == "checksumMismatch")
            let head = try await client.send(.head, path, by: anna)
            #expect(head.header("Upload-Offset") == "0")
            let right = try await send(
                client, anna, content[..<1_000], at: 0, ["Upload-Checksum": "sha1 \(sha1)"])
            #expect(right.status == .noContent)
            let unknown = try await send(
                client, anna, content[1_000...], at: 1_000, ["Upload-Checksum": "md5 \(sha1)"])
            #expect(unknown.code == "unknownChecksum")
            let last = try await send(
                client, anna, content[1_000...], at: 1_000,
                ["Upload-Checksum": "sha256 \(sha256)"])
            #expect(last.status == .noContent)
            let read = try await client.send(
                .get, "/api/v1/blobs/\(Digest(of: content))", by: anna)
            #expect(read.bytes == content)
        }
    }

    @Test func `a whole that is not what its digest says is thrown away`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            _ = try await announce(client, anna, 1_000)
            let answer = try await send(
                client, anna, bytes(1_000), at: 0,
                ["Martlet-Digest": Digest(of: bytes(1_000, seed: 2)).text])
            #expect(answer.status == .unprocessableContent)
            #expect(answer.code == "digestMismatch")
            #expect(try await client.send(.head, path, by: anna).status == .notFound)
            #expect(try await server.server.parts.store.list(after: nil, limit: 10).isEmpty)
        }
    }

    @Test func `another account's upload is no upload`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna", device: 1)
        let berta = try await server.person("berta", device: 2)
        try await server.run { client in
            _ = try await announce(client, anna, 3_000)
            _ = try await send(client, anna, bytes(1_000), at: 0)
            #expect(try await client.send(.head, path, by: berta).status == .notFound)
            #expect(try await send(client, berta, bytes(10), at: 1_000).code == "uploadNotFound")
            #expect(try await client.send(.delete, path, by: berta).code == "uploadNotFound")
            // The same id of berta's is another upload.
            let own = try await announce(client, berta, 500)
            #expect(own.status == .created)
            #expect(own.header("Upload-Offset") == "0")
            let head = try await client.send(.head, path, by: anna)
            #expect(head.header("Upload-Offset") == "1000")
        }
    }

    @Test func `an upload given up or too old is gone with its bytes`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            _ = try await announce(client, anna, 3_000)
            _ = try await send(client, anna, bytes(1_000), at: 0)
            #expect(try await client.send(.delete, path, by: anna).status == .noContent)
            #expect(try await client.send(.head, path, by: anna).status == .notFound)
            _ = try await announce(client, anna, 3_000)
            _ = try await send(client, anna, bytes(1_000), at: 0)
            server.clock.advance(seconds: Int64(Limits.uploadLifetimeHours) * 3_600)
            try await server.server.housekeeping.round()
            #expect(try await client.send(.head, path, by: anna).status == .notFound)
            #expect(try await server.server.parts.store.stagedUploads().isEmpty)
        }
    }

    @Test func `what is no upload is refused`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            for length in ["", "0", "-1", "x", "\(Limits.blobByteCountMax + 1)"] {
                let answer = try await client.send(
                    .post, path, by: anna, headers: ["Upload-Length": length])
                #expect(answer.status == .badRequest)
            }
            let version = try await client.send(
                .post, path, by: anna,
                headers: ["Upload-Length": "5", "Tus-Resumable": "0.2.2"])
            #expect(version.status == .preconditionFailed)
            _ = try await announce(client, anna, 100)
            let longer = try await send(client, anna, bytes(101), at: 0)
            #expect(longer.status == .contentTooLarge)
            #expect(longer.code == "partTooLarge")
            let type = try await send(
                client, anna, bytes(10), at: 0, ["Content-Type": "text/plain"])
            #expect(type.status == .unsupportedMediaType)
            let options = try await client.send(.options, "/api/v1/uploads", by: anna)
            #expect(options.header("Tus-Version") == "1.0.0")
            #expect(options.header("Tus-Extension")?.contains("checksum") == true)
        }
    }

    @Test func `an id may come in the metadata, as other tus clients can send it`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let id = UploadID(high: 6, low: 6)
            let value = Data(id.text.utf8).base64EncodedString()
            let named = try await client.send(
                .post, "/api/v1/uploads", by: anna,
                headers: ["Upload-Length": "5", "Upload-Metadata": "name YQ==,id \(value)"])
            #expect(named.header("Location") == "/api/v1/uploads/\(id)")
            let unnamed = try await client.send(
                .post, "/api/v1/uploads", by: anna, headers: ["Upload-Length": "5"])
            #expect(unnamed.status == .created)
            #expect(unnamed.header("Location")?.count == "/api/v1/uploads/".count + 32)
        }
    }
}
