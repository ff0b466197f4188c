import Status
import Accounts
import HTTPTypes
import Records
import TestSupport
import Testing
import WebServer
import Wire

@Suite struct SessionsRouteTests {
    private let path = "/api/v1/sessions/\(DeviceID(high: 9, low: 9))"

    private func signIn(_ password: String, isBrowser: Bool = false) -> SessionRequest {
        SessionRequest(
            account: "anna", password: password, deviceName: "laptop", isBrowser: isBrowser)
    }

    @Test func `a device signs in, is listed, and signs out`() async throws {
        let server = try await TestServer()
        try await server.server.accounts.add(
            AccountName(parsing: "anna"), password: Secret("correct horse"))
        try await server.run { client in
            let answer = try await client.send(.put, path, json: signIn("correct horse"))
            #expect(answer.status == .ok)
            #expect(answer.header("Set-Cookie") == nil)
            let reply: SessionReply = try answer.decoded()
            #expect(reply.zones.map(\.kind).sorted() == ["account", "photos"])
            let person = Person(
                account: reply.account, device: reply.device, token: reply.token,
                photos: reply.zones[0].id)
            let devices: DevicesReply = try await client.send(
                .get, "/api/v1/devices", by: person
            ).decoded()
            #expect(devices.devices.map(\.name) == ["laptop"])
            #expect(try await client.send(.delete, path, by: person).status == .noContent)
            let after = try await client.send(.get, "/api/v1/zones", by: person)
            #expect(after.status == .unauthorized)
            #expect(after.code == "signInNeeded")
            #expect(after.header("WWW-Authenticate") == "Bearer")
        }
    }

    @Test func `a wrong password and an unknown account give one answer`() async throws {
        let server = try await TestServer()
        try await server.server.accounts.add(
            AccountName(parsing: "anna"), password: Secret("correct horse"))
        try await server.run { client in
            let wrong = try await client.send(.put, path, json: signIn("wrong horse"))
            let unknown = try await client.send(
                .put, path,
                json: SessionRequest(
                    account: "nobody", password: "correct horse", deviceName: "laptop"))
            #expect(wrong.status == .unauthorized)
            #expect(wrong.code == "signInFailed")
            #expect(wrong.bytes == unknown.bytes)
            #expect(wrong.status == unknown.status)
        }
    }

    @Test func `too many failures say when to try again`() async throws {
        let server = try await TestServer()
        try await server.run { client in
            for _ in 0..<Limits.signInFailuresPerWindowMax {
                #expect(
                    try await client.send(.put, path, json: signIn("wrong")).status
                        == .unauthorized)
            }
            let answer = try await client.send(.put, path, json: signIn("wrong"))
            #expect(answer.status == .tooManyRequests)
            #expect(answer.code == "tooManySignIns")
            #expect(answer.header("Retry-After") == "\(Limits.signInWindowSeconds)")
        }
    }

    @Test func `a browser's cookie is out of reach of scripts and of other sites`() async throws {
        let server = try await TestServer()
        try await server.server.accounts.add(
            AccountName(parsing: "anna"), password: Secret("correct horse"))
        try await server.run { client in
            let answer = try await client.send(
                .put, path, json: signIn("correct horse", isBrowser: true))
            #expect(try answer.decoded(as: SessionReply.self).token == "")
            let set = try #require(answer.header("Set-Cookie"))
            for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=2592000"] {
                #expect(set.contains(part))
            }
            #expect(!set.contains("Secure"))
            let cookie = String(set.prefix { $0 != ";" })
            let read = try await client.send(
                .get, "/api/v1/zones", headers: ["Cookie": cookie])
            #expect(read.status == .ok)
            for origin in [nil, "https://evil.example", "null"] {
                var headers = ["Cookie": cookie]
                headers["Origin"] = origin
                let write = try await client.send(.delete, path, headers: headers)
                #expect(write.status == .forbidden)
                #expect(write.code == "crossSite")
            }
            let ours = try await client.send(
                .delete, path, headers: ["Cookie": cookie, "Origin": "http://localhost"])
            #expect(ours.status == .noContent)
            #expect(ours.header("Set-Cookie")?.contains("Max-Age=0") == true)
        }
    }

    @Test func `a cookie is marked secure where the server is reached by TLS`() async throws {
        let server = try await TestServer(
            configuration: ServerConfiguration(
                dataFolder: "/nowhere", publicURL: "https://photos.example/"))
        try await server.server.accounts.add(
            AccountName(parsing: "anna"), password: Secret("correct horse"))
        try await server.run { client in
            let answer = try await client.send(
                .put, path, headers: ["Origin": "https://photos.example"],
                json: signIn("correct horse", isBrowser: true))
            #expect(answer.header("Set-Cookie")?.contains("; Secure") == true)
            let foreign = try await client.send(
                .put, path, headers: ["Origin": "https://evil.example"],
                json: signIn("correct horse", isBrowser: true))
            #expect(foreign.code == "crossSite")
        }
    }

    @Test func `a device's token in a cookie and a browser's session past its end give nothing`()
        async throws
    {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let device = try await client.send(
                .get, "/api/v1/zones", headers: ["Cookie": "martlet_session=\(anna.token)"])
            #expect(device.status == .unauthorized)
            let answer = try await client.send(
                .put, path, json: signIn("correct horse", isBrowser: true))
            let cookie = String(try #require(answer.header("Set-Cookie")).prefix { $0 != ";" })
            server.clock.advance(seconds: Int64(Limits.webSessionDays) * 86_400)
            let expired = try await client.send(
                .get, "/api/v1/zones", headers: ["Cookie": cookie])
            #expect(expired.code == "signInNeeded")
        }
    }

    @Test func `another account's device cannot be signed out or asked for anything`()
        async throws
    {
        let server = try await TestServer()
        let anna = try await server.person("anna", device: 1)
        let berta = try await server.person("berta", device: 2)
        try await server.run { client in
            let signOut = try await client.send(
                .delete, "/api/v1/sessions/\(anna.device)", by: berta)
            #expect(signOut.status == .notFound)
            #expect(signOut.code == "deviceNotFound")
            let request = try await client.send(
                .post, "/api/v1/devices/\(anna.device)/requests", by: berta,
                json: DeviceRequest(request: "pause"))
            #expect(request.status == .notFound)
            let state = try await client.send(
                .put, "/api/v1/devices/\(anna.device)/state", by: berta,
                json: StateRequest(version: "1", status: .init(state: .upToDate)))
            #expect(state.status == .forbidden)
            #expect(try await client.send(.get, "/api/v1/zones", by: anna).status == .ok)
        }
    }

    @Test(arguments: ["", "Bearer", "Bearer x", "Basic YTpi", "bearer " + "0123456789abcdef"])
    func `what is no token lets nobody in`(header: String) async throws {
        let server = try await TestServer()
        try await server.run { client in
            let answer = try await client.send(
                .get, "/api/v1/zones", headers: ["Authorization": header])
            #expect(answer.status == .unauthorized)
            #expect(answer.code == "signInNeeded")
        }
    }
}
