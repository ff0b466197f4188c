import Library
import Records
import SyncEngine
import Testing

/// The process ends between any two events, and the next one ends where an undisturbed one would.
@Suite struct CrashTests {
    private func world() -> (FakeServer, FakeDevice) {
        let server = FakeServer()
        let other = FakeDevice(server, number: 9)
        other.write("from elsewhere", to: FakeDevice.source("IMG_1.JPG"))
        other.write("sidecar elsewhere", to: FakeDevice.source("IMG_1.JPG.xmp"))
        _ = try? other.sync()
        let device = FakeDevice(server)
        device.write("one", to: FakeDevice.source("IMG_1.JPG"))
        device.write("two", to: FakeDevice.source("b/IMG_2.JPG"))
        device.write("sidecar of two", to: FakeDevice.source("b/IMG_2.xmp"))
        device.write("three", to: FakeDevice.library("IMG_3.JPG"))
        return (server, device)
    }

    private func summary(_ server: FakeServer) -> [String] {
        server.records.values.filter { $0.key.type == .asset }.map { record in
            record.key.id.text
                + record.blobs.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.digest)" }
                .joined()
        }.sorted()
    }

    /// Which of two pictures of one name gets the number depends on which came first.
    private func texts(_ device: FakeDevice) -> [String] { device.libraryTexts.values.sorted() }

    @Test func `ending after any event loses and doubles nothing`() throws {
        let (server, device) = world()
        #expect(try device.sync() == .inSync)
        let expected = (summary(server), texts(device))
        #expect(expected.1.count == 6)
        let eventCount = device.handled
        for end in 0..<eventCount {
            let (server, device) = world()
            device.restart()
            try device.run(events: end)
            #expect(try device.sync() == .inSync, "ended after event \(end)")
            #expect(summary(server) == expected.0, "ended after event \(end)")
            #expect(texts(device) == expected.1, "ended after event \(end)")
            #expect(device.temporaries.isEmpty, "ended after event \(end)")
        }
    }

    @Test func `rows that went back to an earlier commit are no harm`() throws {
        let (server, device) = world()
        #expect(try device.sync() == .inSync)
        let expected = (summary(server), texts(device))
        let eventCount = device.handled
        for end in stride(from: 0, to: eventCount, by: 3) {
            let (server, device) = world()
            device.restart()
            try device.run(events: end)
            let snapshot = device.rows.kept()
            let syncCount = device.syncCount
            try device.run(events: 12)
            // What was made durable does not go back.
            guard device.syncCount == syncCount else { continue }
            device.rows.restore(snapshot)
            #expect(try device.sync() == .inSync, "rows of event \(end)")
            #expect(summary(server) == expected.0, "rows of event \(end)")
            #expect(texts(device) == expected.1, "rows of event \(end)")
        }
    }

    @Test func `a commit whose reply was lost is not done twice`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true)
        device.write("one", to: FakeDevice.source("IMG_1.JPG"))
        var lost = 0
        device.loseReply = { request in
            guard case .commit = request, lost == 0 else { return false }
            lost += 1
            return true
        }
        #expect(try device.sync() == .inSync)
        #expect(lost == 1 && server.head == 1)
        #expect(server.records.count == 2)
        #expect(server.refusedBases == 0)
    }

    @Test func `every reply may be lost once`() throws {
        let (server, device) = world()
        var seen: Set<String> = []
        device.loseReply = { seen.insert($0.name).inserted }
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 4)
        #expect(device.libraryTexts.count == 6)
    }
}
