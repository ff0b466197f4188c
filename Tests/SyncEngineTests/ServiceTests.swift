import Library
import Records
import Status
import SyncEngine
import Testing

/// The photos service off and on again, and originals that leave with it.
@Suite struct ServiceTests {
    private let server = FakeServer()
    private let synced = FakeDevice.library("A.JPG")

    /// A device with one picture that is across, and another device's picture.
    private func device(once: Bool = false) throws -> FakeDevice {
        let other = FakeDevice(server, number: 9)
        other.write("elsewhere", to: FakeDevice.source("B.JPG"))
        try other.sync()
        let device = FakeDevice(server, once: once)
        device.write("one", to: synced)
        device.restart()
        try device.run(milliseconds: 20_000)
        #expect(device.libraryTexts.values.sorted() == ["elsewhere", "one"])
        return device
    }

    private func turn(_ device: FakeDevice, _ state: ServiceState) {
        device.rows.save(photosService: state)
        device.tell(.command(.serviceChanged))
    }

    private func off(_ device: FakeDevice, removing: Bool = false) -> ServiceState {
        .off(since: device.now.wall, removes: removing)
    }

    private func deleted() -> Bool {
        server.records.values.contains { $0.key.type == .asset && !$0.isLiveAsset }
    }

    @Test func `while it is off nothing is sent or fetched, and the reason says so`() throws {
        let device = try device()
        turn(device, off(device))
        try device.run(milliseconds: 1_000)
        device.write("two", to: FakeDevice.library("C.JPG"))
        device.tell(.placeChanged(FakeDevice.library("C.JPG")))
        let other = FakeDevice(server, number: 8)
        other.write("later", to: FakeDevice.source("D.JPG"))
        try other.sync()
        device.tell(.zoneChanged(head: server.head))
        let blobCount = server.blobs.count
        let before = device.requests.count
        server.notice.devicesWithServiceOff = ["phone"]
        try device.run(milliseconds: 1_000_000)
        #expect(server.blobs.count == blobCount)
        #expect(device.requests[before...].allSatisfy { $0 == "reportState" })
        let status = try device.status()
        #expect(status.state == .paused)
        let reason = try #require(status.reasons.first { $0.code == .serviceOff })
        #expect(reason.message == "Photos is switched off on this device and phone.")
        #expect(reason.fix == "Run martlet services on photos.")

        turn(device, .returning)
        try device.run(milliseconds: 20_000)
        #expect(server.blobs.count == blobCount + 1)
        #expect(device.libraryTexts.count == 4)
        #expect(try device.status().state == .upToDate)
        #expect(device.rows.photosService() == .on)
    }

    @Test func `what another device deletes stays here until it is on again`() throws {
        let device = try device()
        turn(device, off(device))
        try device.run(milliseconds: 1_000)
        let asset = try #require(server.assets.first { $0.blob(.original)?.byteCount == 3 })
        server.change(asset.key) { $0.envelope.trashedAt = Timestamp(milliseconds: 5) }
        device.tell(.zoneChanged(head: server.head))
        try device.run(milliseconds: 100_000)
        #expect(device.libraryTexts["A.JPG"] == "one")
        turn(device, .returning)
        try device.run(milliseconds: 20_000)
        #expect(device.libraryTexts["A.JPG"] == nil)
    }

    @Test(arguments: [true, false])
    func `what goes while it is off is no deletion and comes back`(runs: Bool) throws {
        let device = try device()
        turn(device, off(device))
        try device.run(milliseconds: 1_000)
        device.files[synced] = nil
        if runs {
            device.tell(.placeChanged(synced))
            try device.run(milliseconds: 100_000)
            turn(device, .returning)
        } else {
            device.rows.save(photosService: .returning)
            device.restart()
        }
        try device.run(milliseconds: 200_000)
        #expect(!deleted())
        #expect(device.libraryTexts.values.sorted() == ["elsewhere", "one"])
        // From now on it is one again.
        let place = try #require(
            device.files.keys.first { device.libraryTexts[$0.path.text] == "one" })
        device.files[place] = nil
        device.tell(.placeChanged(place))
        try device.run(milliseconds: 100_000)
        #expect(deleted())
    }

    @Test func `what goes before the agent hears that it was switched off is no deletion`() throws {
        let device = try device()
        device.files[synced] = nil
        device.tell(.placeChanged(synced))
        turn(device, off(device))
        try device.run(milliseconds: 20_000)
        turn(device, .returning)
        try device.run(milliseconds: 200_000)
        #expect(!deleted())
        #expect(device.libraryTexts.values.sorted() == ["elsewhere", "one"])
    }

    /// Somebody may have moved it, and taken it away from there while it was off.
    @Test(arguments: [true, false])
    func `what was missed and not yet looked for again when it was switched off is no deletion`(
        restarts: Bool
    ) throws {
        let device = try device()
        device.files[synced] = nil
        device.tell(.placeChanged(synced))
        try device.run(milliseconds: 1_000)
        #expect(device.rows.missingFile(at: synced) != nil)
        turn(device, off(device))
        try device.run(milliseconds: 100_000)
        if restarts {
            device.rows.save(photosService: .returning)
            device.restart()
        } else {
            turn(device, .returning)
        }
        try device.run(milliseconds: 200_000)
        #expect(!deleted())
        #expect(device.libraryTexts.values.sorted() == ["elsewhere", "one"])
    }

    @Test func `what went is no deletion when a resume is heard before that it is on`() throws {
        let device = try device()
        turn(device, off(device))
        try device.run(milliseconds: 1_000)
        device.files[synced] = nil
        device.tell(.command(.pauseChanged))
        turn(device, .returning)
        try device.run(milliseconds: 1_000)
        device.tell(.placeChanged(synced))
        try device.run(milliseconds: 100_000)
        #expect(!deleted())
        #expect(device.libraryTexts.values.sorted() == ["elsewhere", "one"])
    }

    /// Also where that is the library itself: when it can be read again, what lies below comes first.
    @Test(arguments: ["Trip", ""])
    func `what went from a folder that cannot be read yet is no deletion`(unread: String) throws {
        let device = try device()
        let place = FakeDevice.library("Trip/B.JPG")
        device.write("trip", to: place)
        device.tell(.command(.compareAll))
        try device.run(milliseconds: 20_000)
        turn(device, off(device))
        try device.run(milliseconds: 1_000)
        device.files[place] = nil
        device.failFolder = { folder in
            folder.root.isLibrary && folder.path.text == unread ? .inputOutput(errno: 5) : nil
        }
        turn(device, .returning)
        try device.run(milliseconds: 20_000)
        device.failFolder = { _ in nil }
        try device.run(milliseconds: 400_000)
        #expect(!deleted())
        #expect(device.libraryTexts.values.sorted() == ["elsewhere", "one", "trip"])
        #expect(device.rows.photosService() == .on)
    }

    @Test func `with remove what is proven leaves, what is not stays, and nothing is deleted`()
        throws
    {
        let device = try device()
        server.unread = [Digest(of: Array("elsewhere".utf8))]
        device.write("new", to: FakeDevice.library("N.JPG"))
        turn(device, off(device, removing: true))
        try device.run(milliseconds: 20_000)
        #expect(device.libraryTexts.values.sorted() == ["elsewhere", "new"])
        guard case .off(_, removes: false) = device.rows.photosService() else {
            Issue.record("The removal has not ended.")
            return
        }
        #expect(device.rows.intents().isEmpty && device.aside.isEmpty)
        #expect(server.assets.count == 2 && !deleted())
        #expect(server.blobs[Digest(of: Array("new".utf8))] == nil)
        // It was one act: what the server proves later stays.
        server.unread = []
        try device.run(milliseconds: 400_000)
        #expect(device.libraryTexts.count == 2)
        turn(device, .returning)
        try device.run(milliseconds: 20_000)
        #expect(device.libraryTexts.values.sorted() == ["elsewhere", "new", "one"])
        #expect(server.assets.count == 3 && !deleted())
    }

    @Test func `before a sign-out originals leave, and a lost way to the server keeps them`() throws
    {
        let device = try device(once: true)
        device.write("new", to: FakeDevice.library("N.JPG"))
        device.removesOriginals = true
        device.refuse = { if case .receipts = $0 { .unreachable("refused") } else { nil } }
        #expect(try device.sync() == .serverUnreachable)
        #expect(device.libraryTexts.count == 3)
        device.refuse = { _ in nil }
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts == ["N.JPG": "new"])
        #expect(device.rows.photosService() == .on)
        #expect(server.blobs[Digest(of: Array("new".utf8))] == nil)
        // The user stays after all.
        device.removesOriginals = false
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts.values.sorted() == ["elsewhere", "new", "one"])
        #expect(!deleted())
    }

    @Test func `a library that is away lets nothing go`() throws {
        let device = try device(once: true)
        device.mark = nil
        device.removesOriginals = true
        #expect(try device.sync() == .incomplete)
        #expect(device.libraryTexts.count == 2)
    }

    @Test func `ending after any event of a removal loses nothing and deletes nothing`() throws {
        let whole = try device(once: true)
        let first = whole.handled
        whole.removesOriginals = true
        #expect(try whole.sync() == .inSync)
        let count = whole.handled - first
        #expect(count > 10)
        for end in 0..<count {
            let server = FakeServer()
            let device = FakeDevice(server)
            device.write("one", to: synced)
            device.write("two", to: FakeDevice.library("b/C.JPG"))
            #expect(try device.sync() == .inSync)
            device.removesOriginals = true
            device.restart()
            try device.run(events: end)
            device.removesOriginals = false
            #expect(try device.sync() == .inSync, "ended after event \(end)")
            #expect(
                device.libraryTexts.values.sorted() == ["one", "two"], "ended after event \(end)")
            #expect(server.assets.count == 2, "ended after event \(end)")
        }
    }
}
