import Library
import Records
import SyncEngine
import Testing

/// The base view: what a file was when this device and the server last agreed.
@Suite struct AgreementTests {
    @Test func `both the sending and the receiving device know what they agreed on`() throws {
        let server = FakeServer()
        let (one, two) = (FakeDevice(server, number: 1), FakeDevice(server, number: 2))
        one.write("picture", to: FakeDevice.library("IMG_1.JPG"))
        one.write("other", to: FakeDevice.source("IMG_2.JPG"))
        try one.sync()
        try two.sync()
        let sent = try #require(one.agreed("IMG_1.JPG"))
        #expect(sent.role == .original)
        #expect(sent.name == "IMG_1.JPG")
        #expect(sent.digest == Digest(of: Array("picture".utf8)))
        #expect(one.rows.localFiles(agreedFor: sent.asset).map(\.place.path.text) == ["IMG_1.JPG"])
        let received = two.rows.localFiles(agreedFor: sent.asset)
        #expect(received.map(\.agreed) == [sent])
        #expect(sent.fileName == Array("IMG_1.JPG".utf8))
        // A source's file is sent, never missed.
        #expect(one.rows.localFile(at: FakeDevice.source("IMG_2.JPG"))?.agreed == nil)
    }

    @Test func `what was agreed on stays while new bytes are read`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, once: false)
        device.write("picture", to: FakeDevice.library("IMG_1.JPG"))
        try device.sync()
        let agreed = device.agreed("IMG_1.JPG")
        device.readResult = { _ in .failed(.notPermitted) }
        device.write("edited", to: FakeDevice.library("IMG_1.JPG"))
        device.tell(.placeChanged(FakeDevice.library("IMG_1.JPG")))
        try device.run(milliseconds: 5_000)
        #expect(agreed != nil)
        #expect(device.agreed("IMG_1.JPG") == agreed)
    }

    @Test func `a picture that another device was first with is agreed on as well`() throws {
        let server = FakeServer()
        let (one, two) = (FakeDevice(server, number: 1), FakeDevice(server, number: 2))
        one.write("picture", to: FakeDevice.library("IMG_1.JPG"))
        two.write("picture", to: FakeDevice.library("mine/copy.jpg"))
        try one.sync()
        try two.sync()
        #expect(two.agreed("mine/copy.jpg")?.asset == one.agreed("IMG_1.JPG")?.asset)
    }
}

extension FakeDevice {
    /// What the library's file at `path` was agreed on as.
    func agreed(_ path: String) -> Agreement? { rows.localFile(at: Self.library(path))?.agreed }
}
