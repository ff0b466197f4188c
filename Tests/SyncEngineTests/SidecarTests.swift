import Library
import Records
import Status
import SyncEngine
import Testing

@Suite struct SidecarTests {
    private func asset(_ server: FakeServer, _ name: String) -> Record? {
        server.assets.first { $0.fields?["name"]?.string == name }
    }

    private func digest(_ text: String) -> Digest { Digest(of: Array(text.utf8)) }

    @Test(arguments: ["IMG_1.JPG.xmp", "IMG_1.xmp", "IMG_1.XMP"])
    func `a sidecar beside its picture is part of that asset`(name: String) throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true)
        device.write("picture", to: FakeDevice.source("IMG_1.JPG"))
        device.write("sidecar", to: FakeDevice.source(name))
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 1)
        #expect(asset(server, "IMG_1.JPG")?.blob(.sidecar)?.digest == digest("sidecar"))
        #expect(server.head == 1)
    }

    @Test func `a sidecar that comes later joins the asset`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true)
        device.write("picture", to: FakeDevice.source("IMG_1.JPG"))
        try device.sync()
        device.write("sidecar", to: FakeDevice.source("IMG_1.JPG.xmp"))
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 1)
        #expect(asset(server, "IMG_1.JPG")?.blob(.sidecar)?.digest == digest("sidecar"))
    }

    @Test func `a sidecar without a picture is an asset of its own`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true)
        device.write("sidecar", to: FakeDevice.source("IMG_1.xmp"))
        device.write("other", to: FakeDevice.source("IMG_10.JPG"))
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 2)
        #expect(asset(server, "IMG_1.xmp")?.blob(.original)?.digest == digest("sidecar"))
    }

    @Test func `of a RAW and a JPEG, NAME.xmp belongs to the RAW`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true)
        device.write("jpeg", to: FakeDevice.source("IMG_1.JPG"))
        device.write("raw", to: FakeDevice.source("IMG_1.NEF"))
        device.write("sidecar", to: FakeDevice.source("IMG_1.xmp"))
        #expect(try device.sync() == .inSync)
        #expect(asset(server, "IMG_1.NEF")?.blob(.sidecar) != nil)
        #expect(asset(server, "IMG_1.JPG")?.blob(.sidecar) == nil)
    }

    @Test func `a sidecar waits for a picture that can't be sent`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true)
        device.write("picture", to: FakeDevice.source("IMG_1.JPG"))
        device.write("sidecar", to: FakeDevice.source("IMG_1.JPG.xmp"))
        device.readResult = { $0.path.text == "IMG_1.JPG" ? .failed(.notPermitted) : nil }
        #expect(try device.sync() == .incomplete)
        #expect(server.assets.isEmpty)
        #expect(
            Set(try device.status().reasons.map(\.code)) == [.unreadableFile, .waitsForOriginal])
        device.readResult = { _ in nil }
        #expect(try device.sync() == .inSync)
        #expect(asset(server, "IMG_1.JPG")?.blob(.sidecar) != nil)
    }

    @Test func `a sidecar that changes while it waits leaves nothing that waits behind`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true, once: false)
        let place = FakeDevice.source("IMG_1.JPG.xmp")
        device.write("picture", to: FakeDevice.source("IMG_1.JPG"))
        device.write("sidecar", to: place)
        device.readResult = { $0.path.text == "IMG_1.JPG" ? .failed(.notPermitted) : nil }
        device.restart()
        try device.run(milliseconds: 2_000)
        device.write("another", to: place)
        device.tell(.placeChanged(place))
        try device.run(milliseconds: 2_000)
        #expect(try device.status().reasons.map(\.code).contains(.waitsForOriginal))
        device.readResult = { _ in nil }
        device.tell(.command(.compareAll))
        try device.run(milliseconds: 10_000)
        #expect(try device.status().state == .upToDate)
        #expect(try device.status().reasons.isEmpty)
        #expect(asset(server, "IMG_1.JPG")?.blob(.sidecar)?.digest == digest("another"))
    }

    @Test func `a sidecar of something that is no picture goes alone`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true)
        device.write("text", to: FakeDevice.source("IMG_1.txt"))
        device.write("sidecar", to: FakeDevice.source("IMG_1.txt.xmp"))
        #expect(try device.sync() == .inSync)
        #expect(asset(server, "IMG_1.txt.xmp") != nil)
    }

    @Test func `a sidecar arrives beside its picture, under the picture's name there`() throws {
        let server = FakeServer()
        let first = FakeDevice(server, number: 1, optimizes: true)
        first.write("picture", to: FakeDevice.source("IMG_1.JPG"))
        first.write("sidecar", to: FakeDevice.source("IMG_1.JPG.xmp"))
        first.write("namesake", to: FakeDevice.source("b/img_1.jpg"))
        try first.sync()
        let second = FakeDevice(server, number: 2)
        #expect(try second.sync() == .inSync)
        let texts = second.libraryTexts
        #expect(texts.count == 3)
        let place = try #require(texts.first { $0.value == "picture" }?.key)
        #expect(texts[place + ".xmp"] == "sidecar")
    }

    @Test func `the sidecar of a picture that was deleted stays out with it`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true)
        device.write("picture", to: FakeDevice.source("IMG_1.JPG"))
        try device.sync()
        let key = try #require(server.assets.first?.key)
        server.change(key) { $0.envelope.trashedAt = Timestamp(milliseconds: 5) }
        device.write("sidecar", to: FakeDevice.source("IMG_1.JPG.xmp"))
        #expect(try device.sync() == .inSync)
        #expect(server.assets.isEmpty)
        server.change(key) { $0.envelope.trashedAt = nil }
        #expect(try device.sync() == .inSync)
        #expect(server.assets.first?.blob(.sidecar)?.digest == digest("sidecar"))
    }

    @Test func `a rewritten sidecar replaces the earlier one`() throws {
        let server = FakeServer()
        let device = FakeDevice(server)
        device.write("picture", to: FakeDevice.library("IMG_1.JPG"))
        device.write("sidecar 1", to: FakeDevice.library("IMG_1.JPG.xmp"))
        try device.sync()
        device.write("sidecar 2", to: FakeDevice.library("IMG_1.JPG.xmp"))
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 1)
        #expect(server.assets[0].blob(.sidecar)?.digest == digest("sidecar 2"))
        #expect(device.libraryTexts.count == 2)
    }
}
