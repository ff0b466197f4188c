import Library
import Records
import Status
import SyncEngine
import Testing

@Suite struct ChoiceTests {
    private func server(_ names: [String]) throws -> FakeServer {
        let server = FakeServer()
        let device = FakeDevice(server, number: 9, optimizes: true)
        for name in names { device.write("bytes of \(name)", to: FakeDevice.source(name)) }
        try device.sync()
        return server
    }

    private func id(_ name: String, _ server: FakeServer) throws -> RecordID {
        let digest = Digest(of: Array("bytes of \(name)".utf8))
        return try #require(server.assets.first { $0.blob(.original)?.digest == digest }).key.id
    }

    @Test func `with Optimize Storage only what was chosen is fetched`() throws {
        let server = try server(["A.JPG", "B.JPG", "C.JPG"])
        let device = FakeDevice(server, optimizes: true)
        device.rows.choose(.keepHere, for: try id("B.JPG", server))
        #expect(try device.sync() == .inSync)
        #expect(Array(device.libraryTexts.values) == ["bytes of B.JPG"])
        let counts = try device.status().counts
        #expect(counts.onlyInCloud == 2)
        #expect(counts.inSync == 1)
    }

    @Test func `what was asked for once is like any other when it is here`() throws {
        let server = try server(["A.JPG", "B.JPG"])
        let device = FakeDevice(server, optimizes: true)
        let asset = try id("B.JPG", server)
        device.rows.choose(.fetch, for: asset)
        #expect(try device.sync() == .inSync)
        #expect(Array(device.libraryTexts.values) == ["bytes of B.JPG"])
        #expect(device.rows.choice(for: asset) == nil)
    }

    @Test func `what was chosen for the cloud is not fetched`() throws {
        let server = try server(["A.JPG", "B.JPG"])
        let device = FakeDevice(server)
        let asset = try id("B.JPG", server)
        device.rows.choose(.inCloud, for: asset)
        #expect(try device.sync() == .inSync)
        #expect(Array(device.libraryTexts.values) == ["bytes of A.JPG"])
        let status = try device.status()
        #expect(status.counts.onlyInCloud == 1)
        #expect(status.bytes.toDownload == 0)
        #expect(try device.story(asset)?.status.state == .onlyInCloud)
    }

    @Test func `a choice made while the agent runs is followed at once`() throws {
        let server = try server(["A.JPG"])
        let device = FakeDevice(server, optimizes: true, once: false)
        device.restart()
        try device.run(milliseconds: 10_000)
        #expect(device.libraryTexts.isEmpty)
        device.rows.choose(.keepHere, for: try id("A.JPG", server))
        device.tell(.command(.choicesChanged))
        try device.run(milliseconds: 10_000)
        #expect(Array(device.libraryTexts.values) == ["bytes of A.JPG"])
    }
}
