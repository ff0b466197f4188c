import Foundation
import HTTPTypes
import Operations
import Records
import Status
import Storage
import TestSupport
import Testing
import WebServer
import Wire

@Suite struct SystemStatusRouteTests {
    private func begin(
        _ seconds: Int64, message: String? = nil, on server: TestServer
    ) async throws {
        let now = server.clock.read()
        let maintenance = Maintenance(
            since: now, until: now.adding(seconds: seconds), message: message)
        try await server.database.write { try maintenance.begin(in: $0) }
        await server.server.monitor.look()
    }

    @Test func `the status of the services needs no sign-in and names nobody`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        await server.server.monitor.look()
        try await server.run { client in
            // A password takes its time on purpose: that is no measure of the service.
            let wrong = SessionRequest(account: "anna", password: "wrong one", deviceName: "x")
            let refused = try await client.send(
                .put, "/api/v1/sessions/\(anna.device)", json: wrong)
            #expect(refused.status == .unauthorized)
            #expect(server.server.monitor.status().services[0].percentile == nil)
            for _ in 0..<3 {
                _ = try await client.send(.get, "/api/v1/devices", by: anna)
            }
            let answer = try await client.send(.get, "/api/v1/system-status")
            #expect(answer.status == .ok)
            #expect(answer.header("Cache-Control") == "no-store")
            let status: SystemStatusReply = try answer.decoded()
            #expect(status.time == server.clock.read())
            #expect(status.maintenance == nil)
            #expect(status.services.map(\.service) == ["accounts", "photos"])
            #expect(status.services.map(\.state) == [.available, .available])
            #expect(status.services[0].percentileMilliseconds != nil)
            #expect(status.services[1].percentileMilliseconds == nil)
            let text = String(decoding: answer.bytes, as: UTF8.self)
            #expect(!text.contains("anna") && !text.contains(anna.account.text))

            let page = try await client.send(.get, "/status")
            #expect(page.status == .ok)
            #expect(page.header("Content-Type") == "text/html; charset=utf-8")
            let html = String(decoding: page.bytes, as: UTF8.self)
            #expect(html.contains("All services are available"))
            #expect(html.components(separatedBy: "<li").count - 3 == 181, "with three links")
            #expect(!html.contains("<script") && !html.contains("style=\""))
            #expect(!html.contains("anna"))
            #expect(try await client.send(.post, "/status").status == .methodNotAllowed)
        }
    }

    @Test func `a service that is slow is told to devices with its numbers, and no longer`()
        async throws
    {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        let monitor = server.server.monitor
        await monitor.look()
        try await server.run { client in
            func services() async throws -> [TroubledService]? {
                let reply: StateReply = try await client.send(
                    .put, "/api/v1/devices/\(anna.device)/state", by: anna,
                    json: StateRequest(
                        version: "0.1.0", status: LibraryStatus(state: .upToDate))
                ).decoded()
                return reply.server?.services
            }
            #expect(try await services() == nil)
            for _ in 0..<20 { monitor.answered(.photos, milliseconds: 3_000, failed: false) }
            let told = try #require(try await services()?.first)
            #expect(told.title == "Photos" && told.state == .degraded)
            #expect(told.since == server.clock.read())
            #expect(told.percentileMilliseconds == 3_071)
            // A hundred quick ones later it is well.
            for _ in 0..<400 { monitor.answered(.photos, milliseconds: 3, failed: false) }
            #expect(try await services() == nil)
        }
    }

    @Test func `under maintenance nothing is taken in, and what reads goes on`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let kept = try await client.store(bytes(500), by: anna)
            try await begin(600, message: "<b>A new disk</b>", on: server)
            let refused = [
                try await client.send(
                    .put, "/api/v1/blobs/\(Digest(of: bytes(9)))", by: anna, body: bytes(9)),
                try await client.send(
                    .put, "/api/v1/devices/\(anna.device)/state", by: anna,
                    json: StateRequest(
                        version: "0.1.0", status: LibraryStatus(state: .upToDate))),
                try await client.send(
                    .post, anna.commitsPath, by: anna, json: CommitRequest(groups: [.album(1)])),
                try await client.send(.put, "/api/v1/sessions/\(anna.device)", body: [1]),
            ]
            for answer in refused {
                #expect(answer.status == .serviceUnavailable)
                #expect(answer.header("Retry-After") == "600")
                let error: ErrorReply = try answer.decoded()
                #expect(error.code == "serverMaintenance")
                #expect(
                    error.maintenance
                        == MaintenanceDescription(
                            since: server.clock.read(),
                            until: server.clock.read().adding(seconds: 600),
                            message: "<b>A new disk</b>"))
            }
            #expect(
                try await client.send(.get, "/api/v1/blobs/\(kept)", by: anna).bytes
                    == bytes(500))
            #expect(try await client.changes(of: anna).records.isEmpty)
            let identity: IdentityReply = try await client.send(.get, "/api/v1/identity")
                .decoded()
            #expect(identity.maintenance?.message == "<b>A new disk</b>")
            let status: SystemStatusReply = try await client.send(
                .get, "/api/v1/system-status"
            ).decoded()
            #expect(status.services.map(\.state) == [.maintenance, .maintenance])
            let page = String(
                decoding: try await client.send(.get, "/status").bytes, as: UTF8.self)
            #expect(page.contains("&lt;b&gt;A new disk&lt;/b&gt;"))
            #expect(page.contains("The server is under maintenance"))

            // It ends by itself.
            server.clock.advance(seconds: 600)
            try await client.store(bytes(9), by: anna)
            let after: IdentityReply = try await client.send(.get, "/api/v1/identity").decoded()
            #expect(after.maintenance == nil)
        }
    }

    @Test func `how the server is backed up is told, and not where or why not`() async throws {
        let server = try await TestServer()
        let schedule = BackupSchedule(
            folder: "/mnt/secret-disk", minute: 180, rule: .standard, allowsSameDisk: false)
        let now = server.clock.read()
        try await server.run { client in
            func backups() async throws -> BackupsDescription? {
                await server.server.monitor.look()
                let status: SystemStatusReply = try await client.send(
                    .get, "/api/v1/system-status"
                ).decoded()
                return status.backups
            }
            #expect(try await backups() == nil)
            try await server.database.write { try schedule.save(in: $0) }
            #expect(
                try await backups()
                    == BackupsDescription(
                        madeAt: nil, provenAt: nil, isDoubtful: false, failingSince: nil))
            // Its folder is not there.
            #expect(try await server.server.nightlyBackups.round())
            #expect(try await backups()?.failingSince == now)
            let page = String(
                decoding: try await client.send(.get, "/status").bytes, as: UTF8.self)
            #expect(page.contains("There is none yet."))
            #expect(page.contains("The nightly ones have failed since"))
            #expect(!page.contains("secret-disk"))
        }
    }
}
