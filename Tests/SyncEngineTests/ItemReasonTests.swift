import Library
import Records
import Status
import SyncEngine
import Testing

/// Each reason of a single item, with the values of its evidence.
@Suite struct ItemReasonTests {
    private let place = FakeDevice.library("2020/a.jpg")

    /// A device in sync with one picture, and its record.
    private func inSync() throws -> (device: FakeDevice, server: FakeServer, item: RecordID) {
        let server = FakeServer()
        let device = FakeDevice(server, once: false)
        device.write("picture", to: place)
        device.restart()
        try device.run(milliseconds: 5_000)
        let item = try #require(server.assets.first?.key.id)
        return (device, server, item)
    }

    private func change(
        _ server: FakeServer, _ type: RecordType, _ item: RecordID,
        _ body: (inout Record) -> Void
    ) throws {
        let key = RecordKey(type: type, id: item)
        var record = server.records[key] ?? server.empty(key)
        body(&record)
        server.head += 1
        record.envelope.sequence = server.head
        record.envelope.changedAt = Timestamp(milliseconds: 1_800_000_000_000)
        server.records[key] = record
    }

    private func reasons(_ device: FakeDevice, _ server: FakeServer) throws -> [Reason] {
        device.tell(.zoneChanged(head: server.head))
        try device.run(milliseconds: 2_000)
        return try #require(try device.story(place)).status.reasons
    }

    @Test func `a picture is analysed until the server has made its thumbnail`() throws {
        let (device, server, item) = try inSync()
        let shown = try reasons(device, server)
        #expect(shown.map(\.code) == [.analysing])
        #expect(
            shown.first?.message
                == "Its thumbnail and facts are being made; the original can be opened.")
        let digest = try #require(server.assets.first?.blob(.original)?.digest.text)
        try change(server, .rendering, item) { $0.fields = ["of": .string(digest)] }
        #expect(try reasons(device, server).isEmpty)
        try change(server, .rendering, item) { $0.fields = ["of": .string("00")] }
        #expect(try reasons(device, server).map(\.code) == [.analysing])
    }

    @Test func `a damaged file is kept, and said to be damaged`() throws {
        let (device, server, item) = try inSync()
        try change(server, .facts, item) { $0.fields?["damaged"] = .bool(true) }
        let shown = try reasons(device, server)
        #expect(
            shown.map(\.message) == [
                "a.jpg is damaged: it is kept and synced all the same, without a preview."
            ])
        #expect(shown.first?.since == Timestamp(milliseconds: 1_800_000_000_000))
        #expect(try device.status().state == .upToDate)
    }

    @Test func `a hidden item says where it is`() throws {
        let (device, server, item) = try inSync()
        try change(server, .asset, item) { $0.fields?["hidden"] = .bool(true) }
        let shown = try reasons(device, server).first { $0.code == .hiddenItem }
        #expect(shown?.fix == "Look under Hidden.")
        try change(server, .asset, item) { $0.fields?["hidden"] = nil }
        #expect(try reasons(device, server).allSatisfy { $0.code != .hiddenItem })
    }

    @Test func `a record that needs a newer protocol names it`() throws {
        let (device, server, item) = try inSync()
        let needed = WireProtocol.current + 4
        try change(server, .asset, item) { $0.envelope.requires = needed }
        let shown = try reasons(device, server).first
        #expect(shown?.code == .newerItem)
        #expect(
            shown?.message == "a.jpg needs protocol \(needed): it can only be read here.")
    }

    @Test func `parts that only a newer Martlet knows are said to be so`() throws {
        let (device, server, item) = try inSync()
        try change(server, .asset, item) { record in
            record.blobs["depthMap"] = record.blobs["original"]
        }
        let shown = try reasons(device, server).first { $0.code == .fromNewerVersion }
        #expect(
            shown?.message
                == "a.jpg was written by a newer Martlet: it is shown as far as understood.")
    }

    @Test func `an item in Recently Deleted says since when, and until when`() throws {
        let (device, server, item) = try inSync()
        try change(server, .asset, item) {
            $0.envelope.trashedAt = Timestamp(milliseconds: 1_700_000_000_000)
        }
        device.tell(.zoneChanged(head: server.head))
        try device.run(milliseconds: 100)
        let status = try #require(try device.story(item)).status
        #expect(status.state == .recentlyDeleted)
        #expect(
            status.reasons.first?.message
                == "It was deleted on 2023-11-14, and can be restored until 2023-12-14.")
        #expect(try device.story(item)?.history.map(\.event).contains("trashed") ?? false)
    }

    @Test func `bytes that were deleted before say when`() throws {
        let server = FakeServer()
        let first = FakeDevice(server, optimizes: true)
        first.write("picture", to: FakeDevice.source("a.jpg"))
        try first.sync()
        let item = try #require(server.assets.first?.key.id)
        try change(server, .asset, item) {
            $0.envelope.trashedAt = Timestamp(milliseconds: 1_700_000_000_000)
        }
        let second = FakeDevice(server, number: 2, optimizes: true)
        second.write("picture", to: FakeDevice.source("b.jpg"))
        try second.sync()
        let status = try #require(try second.story(FakeDevice.source("b.jpg"))).status
        #expect(status.state == .notIncluded)
        #expect(
            status.reasons.map(\.message) == ["The same picture was deleted on 2023-11-14."])
    }

    @Test func `the same bytes at two places name one another`() throws {
        let server = FakeServer()
        let device = FakeDevice(server)
        device.write("picture", to: place)
        device.write("picture", to: FakeDevice.library("copy.jpg"))
        try device.sync()
        let shown = try #require(try device.story(place)).status.reasons
            .first { $0.code == .duplicateOf }
        #expect(
            shown?.message
                == "It has the same bytes as /library/copy.jpg: one item with two places.")
    }

    @Test func `a downed server says so, and when it is tried next`() throws {
        for (code, reason, message) in [
            ("serverDown", ReasonCode.serverDown, "The server is down: serverDown."),
            ("serverMaintenance", .serverMaintenance, "The server is under maintenance."),
            ("rateLimited", .rateLimited, "The server asks this device to slow down."),
        ] {
            let device = FakeDevice(FakeServer(), once: false)
            device.refuse = { _ in .retryLater(code: code, seconds: 30) }
            device.write("picture", to: place)
            device.restart()
            try device.run(milliseconds: 1_000)
            let shown = try #require(try device.status().reasons.first { $0.code == reason })
            #expect(shown.message == message)
            #expect(shown.clearsWhen.hasSuffix("next try in 29 s"))
            device.refuse = { _ in nil }
            try device.run(milliseconds: 60_000)
            #expect(try device.status().reasons.isEmpty)
        }
    }

    @Test func `a restored server is said to be so until its list is compared`() throws {
        let (device, server, _) = try inSync()
        server.restore { _ in true }
        device.refuse = { request in
            if case .changes(nil) = request { .timedOut } else { nil }
        }
        device.tell(.zoneChanged(head: server.head))
        device.tell(.command(.compareAll))
        try device.run(milliseconds: 2_000)
        #expect(try device.status().reasons.map(\.code).contains(.serverRestored))
        device.refuse = { _ in nil }
        try device.run(milliseconds: 60_000)
        #expect(try device.status().reasons.isEmpty)
    }
}
