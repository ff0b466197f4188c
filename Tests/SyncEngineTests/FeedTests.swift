import Library
import Records
import Status
import SyncEngine
import Testing

@Suite struct FeedTests {
    /// Nothing would come to tell of it again.
    @Test func `what was committed while the feed was read, and is in the trash in it, is settled`()
        throws
    {
        let server = FakeServer()
        let other = FakeDevice(server, number: 9, optimizes: true)
        let device = FakeDevice(server)
        device.write("one", to: FakeDevice.library("A.JPG"))
        var readings = 0
        device.takesLong = { effect in
            guard case .send(_, .changes) = effect else { return false }
            readings += 1
            return readings > 1
        }
        device.refuse = { request in
            guard case .commit = request, server.assets.isEmpty else { return nil }
            for name in ["B.JPG", "C.JPG"] {
                other.write("bytes of \(name)", to: FakeDevice.source(name))
                _ = try? other.sync()
            }
            device.tell(.zoneChanged(head: server.head))
            return nil
        }
        device.restart()
        try device.run()
        #expect(device.outcome == nil && readings == 2)
        let own = try #require(server.assets.first { $0.blob(.original)?.byteCount == 3 })
        server.change(own.key) { $0.envelope.trashedAt = Timestamp(milliseconds: 5) }
        device.letGo()
        try device.run()
        #expect(device.outcome == .inSync)
    }

    @Test func `a long feed is read page by page and shown when it is whole`() throws {
        let server = FakeServer()
        let first = FakeDevice(server, number: 1, optimizes: true)
        for number in 0..<30 {
            first.write("\(number)", to: FakeDevice.source("\(number).JPG"))
            try first.sync()
        }
        server.pageLimit = 7
        let second = FakeDevice(server, number: 2)
        #expect(try second.sync() == .inSync)
        #expect(second.libraryTexts.count == 30)
        #expect(second.requests.filter { $0 == "changes" }.count > 5)
        #expect(second.requests.firstIndex(of: "download") ?? 0 > 5)
    }

    @Test func `what a restored server lacks is sent again under the same ids`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true)
        for number in 0..<3 { device.write("\(number)", to: FakeDevice.source("\(number).JPG")) }
        try device.sync()
        let before = Set(server.assets.map(\.key))
        let kept = try #require(server.assets.first?.key.id)
        server.restore { $0.key.id == kept }
        server.blobs = [:]
        #expect(try device.sync() == .inSync)
        #expect(Set(server.assets.map(\.key)) == before)
        #expect(server.assets.allSatisfy { $0.key.id == kept || server.blobs[$0.digest] != nil })
        #expect(try device.status().counts.inSync == 3)
        #expect(try device.sync() == .inSync)
        #expect(device.requests == ["changes", "reportState"])
    }

    @Test func `a new epoch deletes nothing that a tombstone did not`() throws {
        let server = FakeServer()
        let device = FakeDevice(server)
        device.write("one", to: FakeDevice.library("A.JPG"))
        try device.sync()
        server.restore { _ in false }
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts == ["A.JPG": "one"])
        #expect(server.assets.count == 1)
    }

    @Test func `tombstones stay known over a new epoch`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true)
        device.write("one", to: FakeDevice.source("A.JPG"))
        try device.sync()
        let key = try #require(server.assets.first?.key)
        server.change(key) {
            $0.fields = nil
            $0.blobs = [:]
        }
        try device.sync()
        server.restore { _ in true }
        #expect(try device.sync() == .inSync)
        #expect(server.assets.isEmpty)
    }

    @Test func `a server that was rolled back in silence is found out at the next commit`() throws {
        let server = FakeServer()
        let first = FakeDevice(server, number: 1, optimizes: true)
        let second = FakeDevice(server, number: 2, optimizes: true)
        try first.sync()
        try second.sync()
        let rollBack = server.snapshot()
        first.write("one", to: FakeDevice.source("A.JPG"))
        try first.sync()
        rollBack()
        // The same sequence again, by somebody else.
        second.write("two", to: FakeDevice.source("B.JPG"))
        try second.sync()
        #expect(server.head == 1)
        first.write("three", to: FakeDevice.source("C.JPG"))
        #expect(try first.sync() == .inSync)
        #expect(server.assets.count == 3)
    }

    @Test func `rolled back between a commit and the feed, the server gets it again`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true, once: false)
        device.restart()
        try device.run(milliseconds: 5_000)
        let rollBack = server.snapshot()
        device.write("one", to: FakeDevice.source("A.JPG"))
        var didRollBack = false
        // A feed is under way when the commit's reply comes.
        device.refuse = { request in
            if case .commit = request { device.tell(.command(.compareAll)) }
            return nil
        }
        device.loseReply = { request in
            guard case .commit = request, !didRollBack else { return false }
            didRollBack = true
            device.tell(.zoneChanged(head: 5))
            return false
        }
        device.tell(.placeChanged(FakeDevice.source("A.JPG")))
        try device.run(events: 8)
        rollBack()
        try device.run(milliseconds: 10_000)
        #expect(server.assets.count == 1)
        #expect(try device.status().state == .upToDate)
    }

    @Test func `a commit that only met another's change reads the feed`() throws {
        let server = FakeServer()
        let first = FakeDevice(server, number: 1, optimizes: true)
        let second = FakeDevice(server, number: 2, optimizes: true)
        first.write("same", to: FakeDevice.source("A.JPG"))
        first.write("more", to: FakeDevice.source("B.JPG"))
        second.write("same", to: FakeDevice.source("C.JPG"))
        // Just before the second's commit, the first's.
        var isFirst = true
        second.refuse = { request in
            if case .commit = request, isFirst {
                isFirst = false
                _ = try? first.sync()
            }
            return nil
        }
        #expect(try second.sync() == .inSync)
        #expect(server.assets.count == 2)
        #expect(second.rows.allRemotes.filter(\.record.isLiveAsset).count == 2)
    }

    @Test func `a sidecar that the restored server lost is sent again`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true)
        device.write("picture", to: FakeDevice.source("A.JPG"))
        try device.sync()
        let rollBack = server.snapshot()
        device.write("sidecar", to: FakeDevice.source("A.JPG.xmp"))
        try device.sync()
        rollBack()
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 1 && server.assets[0].blob(.sidecar) != nil)
    }

    @Test func `the device's own commits need no reading`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true)
        for number in 0..<500 {
            device.write("\(number)", to: FakeDevice.source("\(number).JPG"))
        }
        try device.sync()
        #expect(device.requests.filter { $0 == "changes" }.count == 1)
        #expect(device.rows.feed().token == server.token)
    }
}

extension Record {
    fileprivate var digest: Digest {
        blob(.original)?.digest ?? Digest(of: [UInt8]())
    }
}
