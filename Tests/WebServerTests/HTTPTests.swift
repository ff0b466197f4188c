import HTTPTypes
import Records
import TestSupport
import Testing
import WebServer
import Wire

@Suite struct HTTPTests {
    @Test func `identity, health and metrics need no sign-in`() async throws {
        let server = try await TestServer()
        try await server.run { client in
            let identity: IdentityReply = try await client.send(
                .get, "/api/v1/identity"
            ).decoded()
            #expect(identity.server.count == 32)
            #expect(identity.protocols.contains(WireProtocol.current))
            #expect(identity.time == server.clock.read())
            #expect(try await client.send(.get, "/health").status == .ok)
            let metrics = try await client.send(.get, "/metrics")
            #expect(metrics.header("Content-Type")?.hasPrefix("text/plain") == true)
            let text = String(decoding: metrics.bytes, as: UTF8.self)
            #expect(
                text.contains(
                    #"martlet_requests_total{route="/api/v1/identity",method="GET",status="200"} 1"#
                ))
            for name in [
                "martlet_request_seconds_bucket", "martlet_event_streams", "martlet_commits_total",
                "martlet_received_bytes_total",
            ] { #expect(text.contains(name)) }
        }
    }

    @Test func `every error is JSON with a code and a sentence`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let cases: [(HTTPRequest.Method, String, HTTPResponse.Status, String)] = [
                (.get, "/api/v1/nothing", .notFound, "notFound"),
                (.get, "/api/v1", .notFound, "notFound"),
                (.delete, "/api/v1/zones", .methodNotAllowed, "methodNotAllowed"),
                (.post, "/api/v1/identity", .methodNotAllowed, "methodNotAllowed"),
                (.get, "/api/v1/zones/xyz/changes", .badRequest, "invalidIdentifier"),
                (.get, "/api/v1/blobs/xyz", .badRequest, "invalidDigest"),
                (.post, "/api/v1/blobs/have", .badRequest, "invalidJSON"),
            ]
            for (method, path, status, code) in cases {
                let answer = try await client.send(method, path, by: anna)
                #expect(answer.status == status, "\(path)")
                let error: ErrorReply = try answer.decoded()
                #expect(error.code == code)
                #expect(error.message.hasSuffix("."))
                #expect(answer.header("Content-Type") == "application/json")
            }
        }
    }

    @Test(arguments: [
        (#"{"groups": 5}"#, ["groups"]), (#"{"groups": [{}]}"#, ["groups.0.id"]), ("[", []),
        ("", []), (#"{"groups": [{"id": "zz", "changes": []}]}"#, []),
    ])
    func `JSON that is not what it should be says where`(
        text: String, fields: [String]
    ) async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let answer = try await client.send(
                .post, anna.commitsPath, by: anna, body: Array(text.utf8))
            #expect(answer.status == .badRequest)
            #expect(try answer.decoded(as: ErrorReply.self).fields == fields)
        }
    }

    @Test func `a device of another age is told to update`() async throws {
        let server = try await TestServer()
        try await server.run { client in
            for (text, status) in [
                ("0", HTTPResponse.Status.upgradeRequired), ("1", .ok), ("x", .badRequest),
                ("\(WireProtocol.current + 1)", .upgradeRequired),
            ] {
                let answer = try await client.send(
                    .get, "/api/v1/identity", headers: ["Martlet-Protocol": text])
                #expect(answer.status == status)
                #expect(answer.header("Martlet-Protocol") == "\(WireProtocol.current)")
            }
            let old = try await client.send(
                .get, "/api/v1/identity", headers: ["Martlet-Protocol": "0"])
            #expect(old.code == "versionTooOld")
        }
    }

    @Test func `every answer keeps browsers careful`() async throws {
        let server = try await TestServer()
        try await server.run { client in
            for path in ["/api/v1/identity", "/nothing", "/health"] {
                let answer = try await client.send(.get, path)
                #expect(answer.header("X-Content-Type-Options") == "nosniff")
                #expect(
                    answer.header("Content-Security-Policy")?
                        .contains("frame-ancestors 'none'") == true)
                #expect(answer.header("Referrer-Policy") == "no-referrer")
                #expect(answer.header("Martlet-Request") != nil)
            }
        }
    }

    @Test func `everything but the door is behind the sign-in`() async throws {
        let server = try await TestServer()
        let zone = ZoneID(high: 1, low: 1)
        let digest = Digest(of: [])
        try await server.run { client in
            let routes: [(HTTPRequest.Method, String)] = [
                (.get, "zones"), (.put, "zones/\(zone)"), (.get, "zones/\(zone)/changes"),
                (.post, "zones/\(zone)/commits"), (.get, "devices"),
                (.put, "devices/\(zone)/state"), (.post, "devices/\(zone)/requests"),
                (.delete, "sessions/\(zone)"), (.post, "blobs/have"), (.get, "blobs/wanted"),
                (.post, "blobs/receipts"), (.post, "blobs/pack"), (.get, "blobs/\(digest)"),
                (.head, "blobs/\(digest)"), (.put, "blobs/\(digest)"), (.post, "uploads"),
                (.post, "uploads/\(zone)"), (.head, "uploads/\(zone)"),
                (.patch, "uploads/\(zone)"), (.delete, "uploads/\(zone)"), (.get, "events"),
            ]
            for (method, path) in routes {
                let answer = try await client.send(method, "/api/v1/" + path)
                #expect(answer.status == .unauthorized, "\(method) \(path)")
            }
        }
    }

    @Test func `a JSON body one past its limit is refused`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let answer = try await client.send(
                .post, "/api/v1/blobs/have", by: anna,
                body: [UInt8](repeating: 0x20, count: Limits.jsonBodyByteCountMax + 1))
            #expect(answer.status == .contentTooLarge)
            let most = try await client.send(
                .post, "/api/v1/blobs/have", by: anna,
                body: [UInt8](repeating: 0x20, count: Limits.jsonBodyByteCountMax))
            #expect(most.code == "invalidJSON")
            let sign = try await client.send(
                .put, "/api/v1/sessions/\(anna.device)",
                body: [UInt8](repeating: 0x20, count: Limits.signInByteCountMax + 1))
            #expect(sign.status == .contentTooLarge)
        }
    }
}
