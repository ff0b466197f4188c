import Storage
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOEmbedded
import Records
import Synchronization
import Testing
import WebServer

@Suite struct BrokenRequestTests {
    private struct ConnectionLost: Error {}

    /// Sends the beginning of a body, then the connection breaks.
    private func sendBroken(
        _ method: HTTPRequest.Method, _ path: String, _ headers: HTTPFields,
        by person: Person, body: [UInt8], to server: TestServer
    ) async throws -> Response {
        var headers = headers
        headers[.authorization] = "Bearer \(person.token)"
        let (stream, source) = RequestBody.makeStream()
        let request = Request(
            head: HTTPRequest(
                method: method, scheme: "http", authority: "localhost", path: path,
                headerFields: headers),
            body: stream)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        logger[metadataKey: "hb.request.id"] = "1"
        let context = ServerContext(
            source: ApplicationRequestContextSource(
                channel: NIOAsyncTestingChannel(), logger: logger))
        let responder = server.server.buildRouter().buildResponder()
        async let response = responder.respond(to: request, context: context)
        for start in stride(from: 0, to: body.count, by: 64 << 10) {
            let part = body[start..<min(body.count, start + (64 << 10))]
            await source.yield(ByteBuffer(bytes: part))
        }
        source.finish(ConnectionLost())
        return try await response
    }

    @Test(.timeLimit(.minutes(1)))
    func `an upload goes on where the connection broke`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        let content = bytes(3 << 20)
        let digest = Digest(of: content)
        let path = "/api/v1/uploads/\(UploadID(high: 2, low: 2))"
        let offsetName = try #require(HTTPField.Name("Upload-Offset"))
        try await server.run { client in
            _ = try await client.send(
                .post, path, by: anna, headers: ["Upload-Length": "\(content.count)"])
        }
        let broken = try await sendBroken(
            .patch, path,
            [.contentType: "application/offset+octet-stream", offsetName: "0"], by: anna,
            body: Array(content.prefix(2_500_000)), to: server)
        #expect(broken.status == .requestTimeout)
        try await server.run { client in
            let head = try await client.send(.head, path, by: anna)
            let offset = try #require(head.header("Upload-Offset").flatMap { Int($0) })
            #expect(offset >= 2 << 20)
            #expect(offset <= 2_500_000)
            let last = try await client.send(
                .patch, path, by: anna,
                headers: [
                    "Content-Type": "application/offset+octet-stream",
                    "Upload-Offset": "\(offset)", "Martlet-Digest": digest.text,
                ], body: Array(content[offset...]))
            #expect(last.status == .noContent)
            #expect(
                try await client.send(.get, "/api/v1/blobs/\(digest)", by: anna).bytes == content)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a blob whose connection broke leaves nothing`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        let content = bytes(3 << 20)
        let broken = try await sendBroken(
            .put, "/api/v1/blobs/\(Digest(of: content))", [:], by: anna,
            body: Array(content.prefix(2_500_000)), to: server)
        #expect(broken.status == .requestTimeout)
        #expect(try await server.server.parts.store.list(after: nil, limit: 10).isEmpty)
    }

    /// As a proxy does that repeats a request whose body it has used up.
    @Test(.timeLimit(.minutes(1)))
    func `a body that is cut off is no failure of the server`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        let broken = try await sendBroken(
            .post, "/api/v1/blobs/have", [:], by: anna, body: Array("{\"digests\": [".utf8),
            to: server)
        #expect(broken.status == .requestTimeout)
    }

    @Test func `no log line has a token or a password in it`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        let lines = LogLines()
        var logger = Logger(label: "test", factory: { _ in CapturingHandler(lines: lines) })
        logger.logLevel = .trace
        logger[metadataKey: "hb.request.id"] = "1"
        let responder = server.server.buildRouter().buildResponder()
        for (path, token) in [
            ("/api/v1/zones", anna.token), ("/api/v1/zones", String(anna.token.reversed())),
            ("/api/v1/blobs/xyz", anna.token),
        ] {
            let request = Request(
                head: HTTPRequest(
                    method: .get, scheme: "http", authority: "localhost", path: path,
                    headerFields: [.authorization: "Bearer \(token)"]),
                body: RequestBody(buffer: ByteBuffer()))
            _ = try await responder.respond(
                to: request,
                context: ServerContext(
                    source: ApplicationRequestContextSource(
                        channel: NIOAsyncTestingChannel(), logger: logger)))
        }
        let text = lines.text
        #expect(text.contains("GET /api/v1/zones 200"))
        #expect(text.contains("hb.request.id"))
        #expect(text.contains(anna.device.text))
        #expect(!text.contains(anna.token))
        #expect(!text.contains(String(anna.token.reversed())))
    }
}

private final class LogLines: Sendable {
    private let lines = Mutex("")
    var text: String { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0 += line + "\n" } }
}

private struct CapturingHandler: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.add("\(event.message) \(metadata) \(event.metadata ?? [:])")
    }
}
