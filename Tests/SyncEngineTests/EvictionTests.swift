import Library
import Records
import Status
import SyncEngine
import Testing

@Suite struct EvictionTests {
    private let server = FakeServer()
    private let place = FakeDevice.library("A.JPG")
    private let digest = Digest(of: Array("one".utf8))

    /// A device with one picture in its library that is across.
    private func device(once: Bool = true, optimizes: Bool = false) throws -> FakeDevice {
        let device = FakeDevice(server, optimizes: optimizes, once: once)
        device.write("one", to: place)
        device.restart()
        try device.run(milliseconds: 20_000)
        return device
    }

    private func asset() throws -> RecordID { try #require(server.assets.first).key.id }

    private func evict(_ device: FakeDevice) throws {
        device.rows.choose(.inCloud, for: try asset())
        device.tell(.command(.choicesChanged))
    }

    @Test func `an original leaves by intent, rename, a last look, and only then`() throws {
        let device = try device(once: false)
        let before = device.log.count
        try evict(device)
        try device.run(milliseconds: 10_000)
        #expect(device.libraryTexts.isEmpty && device.aside.isEmpty)
        let steps = device.log[before...].map { String($0.prefix { $0 != "(" }) }
        #expect(
            steps.filter { !$0.hasPrefix("watch") }
                == ["syncRows", "moveAside", "giveUp", "syncFolder"])
        #expect(device.rows.intents().isEmpty)
        #expect(device.rows.receipt(for: digest)?.receipt.signed == "signed")
        #expect(server.assets.count == 1)
        let status = try device.status()
        #expect(status.state == .upToDate)
        #expect(status.counts.onlyInCloud == 1)
        #expect(try device.story(asset())?.status.state == .onlyInCloud)
        #expect(try device.story(asset())?.history.contains { $0.event == "leftDevice" } == true)
    }

    @Test func `an original that is on the server alone is told until there is a backup`() throws {
        let device = try device(once: false, optimizes: true)
        server.notice.backup = BackupNotice(madeAt: nil, originalsOn: [])
        func report(_ name: String) {
            device.pass(milliseconds: 2 * Limits.reportSpacingMilliseconds)
            device.put(name, at: FakeDevice.library(name))
        }
        try device.expectReason(
            .lastCopy,
            saying: "1 item left this device since the server's last backup (there is none)."
        ) {
            try evict(device)
            try device.run(milliseconds: 10_000)
            #expect(device.libraryTexts.isEmpty)
            report("B.JPG")
        } goneAfter: {
            server.notice.backup = BackupNotice(
                madeAt: Timestamp(milliseconds: .max), originalsOn: [])
            report("C.JPG")
        }
        // Nor while another device has them all.
        server.notice.backup = BackupNotice(madeAt: nil, originalsOn: ["laptop"])
        report("D.JPG")
        try device.run(milliseconds: 5_000)
        #expect(try !device.status().reasons.contains { $0.code == .lastCopy })
    }

    @Test func `nothing leaves without a receipt, and the item says so`() throws {
        let device = try device(once: false)
        server.unread = [digest]
        try evict(device)
        try device.run(milliseconds: 10_000)
        #expect(device.libraryTexts == ["A.JPG": "one"])
        let story = try #require(try device.story(asset()))
        #expect(story.status.reasons.map(\.code).contains(.receiptPending))
        // The server has read it by now.
        server.unread = []
        try device.run(milliseconds: 120_000)
        #expect(device.libraryTexts.isEmpty)
        #expect(
            try device.story(asset())?.status.reasons.map(\.code).contains(.onlyInCloud) == true)
    }

    @Test func `a receipt with a fault is none, and the item says which`() throws {
        let device = try device(once: false)
        server.receiptFault = "its signature is somebody else's"
        try evict(device)
        try device.run(milliseconds: 10_000)
        #expect(device.libraryTexts == ["A.JPG": "one"])
        #expect(device.rows.receipt(for: digest) == nil)
        let reasons = try #require(try device.story(asset())).status.reasons
        #expect(
            reasons.first { $0.code == .receiptPending }?.message
                == "It stays on this device: its signature is somebody else's.")
        server.receiptFault = nil
        try device.run(milliseconds: 120_000)
        #expect(device.libraryTexts.isEmpty)
    }

    @Test func `a receipt of an earlier epoch is none`() throws {
        let device = try device(once: false)
        device.refuse = { request in
            if case .receipts = request {
                server.epoch = Epoch(rawValue: 9)
                device.refuse = { if case .changes = $0 { .interrupted } else { nil } }
            }
            return nil
        }
        try evict(device)
        try device.run(milliseconds: 1_000)
        #expect(device.libraryTexts == ["A.JPG": "one"])
    }

    @Test func `a file that a program writes to goes back to its place`() throws {
        let device = try device(once: false)
        device.openForWriting = [try #require(device.files[place]).inode]
        try evict(device)
        try device.run(milliseconds: 10_000)
        #expect(device.libraryTexts == ["A.JPG": "one"])
        #expect(device.aside.isEmpty)
        #expect(device.rows.intents().isEmpty)
        device.openForWriting = []
        try device.run(milliseconds: 120_000)
        #expect(device.libraryTexts.isEmpty)
    }

    @Test func `a file whose place was taken meanwhile goes back beside it`() throws {
        let device = try device(once: false)
        device.openForWriting = [try #require(device.files[place]).inode]
        device.failDisk = { operation in
            if case .giveUp = operation { device.write("another", to: place) }
            return nil
        }
        try evict(device)
        try device.run(milliseconds: 10_000)
        #expect(device.libraryTexts == ["A.JPG": "another", "A (2).JPG": "one"])
        #expect(device.aside.isEmpty)
    }

    @Test func `a file that changed since stays, and is sent`() throws {
        let device = try device(once: false)
        device.failDisk = { operation in
            guard case .syncRows = operation else { return nil }
            device.write("two", to: place)
            return nil
        }
        try evict(device)
        try device.run(milliseconds: 10_000)
        #expect(device.libraryTexts.values.contains("two"))
        #expect(server.blobs[Digest(of: Array("two".utf8))] != nil)
    }

    /// Wherever the process ends, the bytes are in the library, aside, or safe in the cloud; and the
    /// next start leaves nothing aside.
    @Test func `a crash after any event loses nothing and leaves nothing aside`() throws {
        for count in 1...40 {
            let server = FakeServer()
            let device = FakeDevice(server, once: false)
            device.write("one", to: place)
            device.restart()
            try device.run(milliseconds: 20_000)
            let asset = try #require(server.assets.first).key.id
            device.rows.choose(.inCloud, for: asset)
            device.tell(.command(.choicesChanged))
            try device.run(events: count, milliseconds: 3_000)
            // What the user wants by now.
            device.rows.choose(nil, for: asset)
            device.restart()
            try device.run(milliseconds: 60_000)
            #expect(Array(device.libraryTexts.values) == ["one"], "after \(count) events")
            #expect(device.aside.isEmpty, "after \(count) events")
            #expect(device.rows.intents().isEmpty, "after \(count) events")
            #expect(server.assets.count == 1, "after \(count) events")
        }
    }

    @Test func `with Optimize Storage the least used leave until there is space`() throws {
        let device = FakeDevice(server, optimizes: true, once: false)
        for name in ["A", "B", "C"] {
            device.write("bytes of \(name)", to: FakeDevice.library("\(name).JPG"))
        }
        device.restart()
        try device.run(milliseconds: 20_000)
        #expect(device.libraryTexts.count == 3)
        let opened = try #require(
            device.rows.assets(with: Digest(of: Array("bytes of A".utf8))).first)
        device.rows.noteUse(
            of: opened.record.key.id, at: device.now.wall.adding(milliseconds: 5_000))
        // Two of them make the space.
        device.rows.save(freeSpaceTarget: 1_000)
        device.conditions.freeByteCount = 985
        device.tell(.conditions(device.conditions))
        device.tell(.command(.retryNow))
        try device.run(events: 12, milliseconds: 1_000)
        device.conditions.freeByteCount = 1_005
        try device.run(milliseconds: 10_000)
        #expect(Array(device.libraryTexts.values) == ["bytes of A"])
        #expect(try device.status().state == .upToDate)
    }

    @Test func `what does not fit waits with the numbers, and smaller ones pass it`() throws {
        let other = FakeDevice(server, number: 9, optimizes: true)
        other.write("small", to: FakeDevice.source("S.JPG"))
        other.write(String(repeating: "large", count: 100), to: FakeDevice.source("L.JPG"))
        try other.sync()
        let device = FakeDevice(server, once: false)
        device.conditions.freeByteCount = Limits.deviceReserveByteCount + 100
        device.restart()
        try device.run(milliseconds: 10_000)
        #expect(Array(device.libraryTexts.values) == ["small"])
        let status = try device.status()
        #expect(status.reasons.map(\.code) == [.deviceFull])
        #expect(status.reasons.first?.message.contains("268.4 MB") == true)
        device.conditions.freeByteCount = Limits.deviceReserveByteCount + 1_000
        try device.run(milliseconds: 5_000)
        #expect(device.libraryTexts.count == 2)
        #expect(try device.status().reasons.isEmpty)
    }
}
