import Accounts
import HTTPTypes
import Records
import Status
import TestSupport
import Testing
import WebServer
import Wire

@Suite struct DevicesRouteTests {
    @Test func `a device reports and hears what it must know`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna", device: 1)
        let laptop = try await server.signIn("anna", device: 2)
        try await server.run { client in
            var status = LibraryStatus(state: .uploading)
            status.counts.items = 7
            status.counts.uploading = 7
            let report = StateRequest(version: "0.1.0", status: status)
            let path = "/api/v1/devices/\(anna.device)/state"
            let head = try await client.commit([.album(1)], by: laptop).token.sequence
            let asked = try await client.send(
                .post, "/api/v1/devices/\(anna.device)/requests", by: laptop,
                json: DeviceRequest(request: "retry"))
            #expect(asked.status == .noContent)
            let reply: StateReply = try await client.send(
                .put, path, by: anna, json: report
            ).decoded()
            #expect(reply.requests == ["retry"])
            #expect(reply.blobsWanted == 0)
            #expect(reply.zones.first { $0.id == anna.photos }?.head == head)
            let devices: DevicesReply = try await client.send(
                .get, "/api/v1/devices", by: laptop
            ).decoded()
            let listed = try #require(devices.devices.first { $0.id == anna.device })
            #expect(listed.status == status)
            #expect(listed.statusAt == server.clock.read())
            #expect(devices.devices.first { $0.id == laptop.device }?.status == nil)
        }
    }

    @Test func `what belongs to a service that is switched off is refused, and nothing else`()
        async throws
    {
        let server = try await TestServer()
        let anna = try await server.person("anna", device: 1)
        let berta = try await server.person("berta", device: 2)
        let accounts = server.server.accounts
        try await server.run { client in
            let state = "/api/v1/devices/\(anna.device)/state"
            let report = StateRequest(version: "0.1.0", status: LibraryStatus(state: .upToDate))
            let before: StateReply = try await client.send(
                .put, state, by: anna, json: report
            ).decoded()
            #expect(before.servicesDenied == nil)
            try await accounts.setService(
                "photos", isAllowed: false, for: AccountName(parsing: "anna"))
            let told: StateReply = try await client.send(
                .put, state, by: anna, json: report
            ).decoded()
            #expect(told.servicesDenied?.keys.sorted() == ["photos"])
            // Connected devices are told that there is news.
            #expect(told.noticeVersion != before.noticeVersion)
            let zone = "/api/v1/zones/\(anna.photos)"
            let changes = try await client.send(.get, "\(zone)/changes", by: anna)
            #expect(changes.status == .forbidden)
            #expect(changes.code == API.appNotAllowedCode)
            let commit = try await client.send(
                .post, "\(zone)/commits", by: anna, json: CommitRequest(groups: [.album(1)]))
            #expect(commit.status == .forbidden)
            #expect(try await client.send(.get, "/api/v1/zones", by: anna).status == .ok)
            _ = try await client.commit([.album(1)], by: berta)
            try await accounts.setService(
                "photos", isAllowed: true, for: AccountName(parsing: "anna"))
            #expect(try await client.changes(of: anna).records.isEmpty)
            _ = try await client.commit([.album(1)], by: anna)
        }
    }

    @Test func `a device with a service off hears which others have it off too`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna", device: 1)
        let laptop = try await server.signIn("anna", device: 2)
        try await server.run { client in
            func report(_ person: Person, off: Bool) async throws -> [String: [String]]? {
                let reasons = off ? [Reason(.serviceOff, since: server.clock.read())] : []
                let reply: StateReply = try await client.send(
                    .put, "/api/v1/devices/\(person.device)/state", by: person,
                    json: StateRequest(
                        version: "1", status: LibraryStatus(state: .paused, reasons: reasons))
                ).decoded()
                return reply.servicesOff
            }
            #expect(try await report(anna, off: true) == ["photos": []])
            #expect(try await report(laptop, off: false) == nil)
            let names = try #require(try await report(laptop, off: true)?["photos"])
            #expect(names.count == 1)
            #expect(try await report(anna, off: true)?["photos"]?.count == 1)
            #expect(try await report(anna, off: false) == nil)
            #expect(try await report(laptop, off: true) == ["photos": []])
        }
    }

    @Test func `a device that fell silent is said to be so, with its name and since when`()
        async throws
    {
        let server = try await TestServer()
        let anna = try await server.person("anna", device: 1)
        let laptop = try await server.signIn("anna", device: 2)
        try await server.run { client in
            let reported = server.clock.read()
            let reply: StateReply = try await client.send(
                .put, "/api/v1/devices/\(anna.device)/state", by: anna,
                json: StateRequest(version: "1", status: LibraryStatus(state: .upToDate))
            ).decoded()
            #expect(reply.account?.usedByteCount == 0)
            #expect(reply.server?.version == MartletVersion.text)
            #expect(reply.server?.clockSuspectSince == nil)
            func shown() async throws -> LibraryStatus? {
                let devices: DevicesReply = try await client.send(
                    .get, "/api/v1/devices", by: laptop
                ).decoded()
                return devices.devices.first { $0.id == anna.device }?.status
            }
            server.clock.advance(seconds: Limits.silenceSeconds - 1)
            #expect(try await shown()?.state == .upToDate)
            try await expectReason(
                .notHeardFrom, saying: "since \(EvidenceText.time(reported)).", shown
            ) {
                server.clock.advance(seconds: 1)
            } goneAfter: {
                let status = try #require(try await shown())
                #expect(status.state == .attention)
                #expect(status.reasons.first?.since == reported)
                let again = try await client.send(
                    .put, "/api/v1/devices/\(anna.device)/state", by: anna,
                    json: StateRequest(version: "1", status: LibraryStatus(state: .upToDate)))
                #expect(again.status == .ok)
            }
        }
    }

    /// What the server says of a device that can't say it itself.
    private func expectReason(
        _ code: ReasonCode, saying words: String, _ shown: () async throws -> LibraryStatus?,
        when cause: () async throws -> Void, goneAfter end: () async throws -> Void
    ) async throws {
        #expect(try await shown()?.reasons.contains { $0.code == code } == false)
        try await cause()
        let reason = try await shown()?.reasons.first { $0.code == code }
        #expect(reason?.message.hasSuffix(words) == true)
        try await end()
        #expect(try await shown()?.reasons.contains { $0.code == code } == false)
    }

    @Test func `another account's devices are not seen`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna", device: 1)
        let berta = try await server.person("berta", device: 2)
        try await server.run { client in
            let devices: DevicesReply = try await client.send(
                .get, "/api/v1/devices", by: berta
            ).decoded()
            #expect(devices.devices.map(\.id) == [berta.device])
            let foreign = try await client.send(
                .put, "/api/v1/devices/\(anna.device)/state", by: berta,
                json: StateRequest(version: "1", status: LibraryStatus(state: .upToDate)))
            #expect(foreign.code == "notAllowed")
        }
    }

    @Test func `a request to a device has a length`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        try await server.run { client in
            let path = "/api/v1/devices/\(anna.device)/requests"
            for count in [0, Limits.deviceRequestByteCountMax + 1] {
                let answer = try await client.send(
                    .post, path, by: anna,
                    json: DeviceRequest(request: String(repeating: "x", count: count)))
                #expect(answer.status == .badRequest)
            }
        }
    }
}
