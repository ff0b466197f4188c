import Library
import Records
import Status
import SyncEngine
import Testing

/// What another device, or the web, did to assets whose files lie in this library.
@Suite struct RemovalTests {
    private let server = FakeServer()
    private let device: FakeDevice

    init() throws {
        device = FakeDevice(server, number: 1)
        device.write("picture", to: FakeDevice.library("mine/IMG_1.JPG"))
        #expect(try device.sync() == .inSync)
    }

    private func key() throws -> RecordKey { try #require(server.assets.first?.key) }

    private func trash() throws -> RecordKey {
        let key = try key()
        server.change(key) { $0.envelope.trashedAt = Timestamp(milliseconds: 9) }
        return key
    }

    private func replace(_ key: RecordKey, with text: String) {
        let bytes = Array(text.utf8)
        let digest = Digest(of: bytes)
        server.blobs[digest] = bytes
        server.change(key) {
            $0.blobs["original"] = BlobReference(
                digest: digest, byteCount: Int64(bytes.count), mediaType: "image/jpeg")
        }
    }

    @Test func `a picture deleted elsewhere moves to the local trash`() throws {
        let key = try trash()
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts.isEmpty)
        #expect(
            device.aside.values.map { String(decoding: $0.bytes, as: UTF8.self) } == ["picture"])
        let file = try #require(device.rows.allTrashedFiles.first)
        #expect(file.place == FakeDevice.library("mine/IMG_1.JPG"))
        #expect(file.cause == .deleted && file.agreed.asset == key.id)
        #expect(device.rows.intents().isEmpty)
        #expect(try device.status().counts.items == 0)
        // Nothing is done twice.
        #expect(try device.sync() == .inSync)
        #expect(device.requests == ["changes", "reportState"])
    }

    @Test func `what is restored comes back to its place without a download`() throws {
        let key = try trash()
        try device.sync()
        server.change(key) { $0.envelope.trashedAt = nil }
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts == ["mine/IMG_1.JPG": "picture"])
        #expect(!device.requests.contains("download"))
        #expect(device.aside.isEmpty && device.rows.allTrashedFiles.isEmpty)
    }

    @Test func `what somebody took out of the local trash is downloaded again`() throws {
        let key = try trash()
        try device.sync()
        device.aside.removeAll()
        server.change(key) { $0.envelope.trashedAt = nil }
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts == ["mine/IMG_1.JPG": "picture"])
        #expect(device.rows.allTrashedFiles.isEmpty)
    }

    @Test func `what is purged leaves the local trash`() throws {
        let key = try trash()
        try device.sync()
        server.change(key) {
            $0.fields = nil
            $0.blobs = [:]
        }
        #expect(try device.sync() == .inSync)
        #expect(device.aside.isEmpty && device.rows.allTrashedFiles.isEmpty)
    }

    @Test func `an asset that was joined into another takes no file away`() throws {
        server.change(try key()) {
            $0.fields = nil
            $0.joinedInto = RecordID(high: 5, low: 5)
        }
        try device.sync()
        #expect(device.libraryTexts == ["mine/IMG_1.JPG": "picture"])
        #expect(device.aside.isEmpty)
    }

    @Test func `a file that was changed here meanwhile stays, as a picture of its own`() throws {
        _ = try trash()
        device.write("edited", to: FakeDevice.library("mine/IMG_1.JPG"))
        try device.sync()
        #expect(device.libraryTexts == ["mine/IMG_1.JPG": "edited"])
        #expect(device.aside.isEmpty)
        #expect(server.assets.count == 1)
    }

    @Test func `a file that changes at the last moment is not moved`() throws {
        _ = try trash()
        device.failDisk = { [device] operation in
            guard case .moveAside(let place, _, _) = operation else { return nil }
            if device.texts(in: .library)[place.path.text] == "picture" {
                device.write("edited", to: place)
            }
            return nil
        }
        try device.sync()
        #expect(device.libraryTexts == ["mine/IMG_1.JPG": "edited"])
        #expect(device.aside.isEmpty && device.rows.intents().isEmpty)
        #expect(server.assets.count == 1)
    }

    @Test func `a copy that was put there after the deletion stays`() throws {
        _ = try trash()
        try device.sync()
        device.write("picture", to: FakeDevice.library("again.jpg"))
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts == ["again.jpg": "picture"])
    }

    @Test func `a new revision takes the old one's place, which goes to the trash`() throws {
        replace(try key(), with: "better picture")
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts == ["mine/IMG_1.JPG": "better picture"])
        let file = try #require(device.rows.allTrashedFiles.first)
        #expect(file.cause == .replaced)
        #expect(device.aside[file.name]?.bytes == Array("picture".utf8))
        #expect(try device.sync() == .inSync)
        #expect(device.requests == ["changes", "reportState"])
    }

    @Test func `with Optimize Storage an old revision goes and nothing is fetched`() throws {
        device.rows.settings.optimizesStorage = true
        replace(try key(), with: "better picture")
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts.isEmpty)
        #expect(device.rows.allTrashedFiles.map(\.cause) == [.replaced])
        #expect(!device.requests.contains("download"))
    }

    @Test func `the old revision stays while the new one can't be had`() throws {
        replace(try key(), with: "better picture")
        device.refuse = { if case .download = $0 { .notFound } else { nil } }
        try device.sync()
        #expect(device.libraryTexts == ["mine/IMG_1.JPG": "picture"])
        #expect(device.aside.isEmpty)
    }

    @Test func `another copy of an earlier revision stays`() throws {
        device.write("picture", to: FakeDevice.library("copy.jpg"))
        try device.sync()
        replace(try key(), with: "better picture")
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts.values.sorted() == ["better picture", "picture"])
        #expect(try device.sync() == .inSync)
    }

    @Test func `nothing is moved while the mark is another's`() throws {
        _ = try trash()
        device.mark = LibraryMark(
            library: device.rows.settings.library, device: DeviceID(high: 9, low: 9),
            generation: 1)
        try device.sync()
        #expect(device.libraryTexts.count == 1)
        device.mark = nil
        try device.sync()
        #expect(device.libraryTexts.count == 1)
    }

    /// The process ends after each of its events in turn; what comes out is the same.
    @Test(arguments: [false, true]) func `a crash at any moment changes nothing`(
        replaces: Bool
    ) throws {
        for events in 1..<60 {
            let server = FakeServer()
            let device = FakeDevice(server, number: 1)
            let place = FakeDevice.library("mine/IMG_1.JPG")
            device.write("picture", to: place)
            device.write("sidecar", to: FakeDevice.library("mine/IMG_1.JPG.xmp"))
            try device.sync()
            let key = try #require(server.assets.first?.key)
            if replaces {
                let bytes = Array("better".utf8)
                server.blobs[Digest(of: bytes)] = bytes
                server.change(key) {
                    $0.blobs["original"] = BlobReference(
                        digest: Digest(of: bytes), byteCount: 6, mediaType: "image/jpeg")
                }
            } else {
                server.change(key) { $0.envelope.trashedAt = Timestamp(milliseconds: 9) }
            }
            device.restart()
            try device.run(events: events)
            #expect(try device.sync() == .inSync, "after \(events) events")
            let expected =
                replaces
                ? ["mine/IMG_1.JPG": "better", "mine/IMG_1.JPG.xmp": "sidecar"] : [:]
            #expect(device.libraryTexts == expected, "after \(events) events")
            #expect(device.aside.count == (replaces ? 1 : 2), "after \(events) events")
            #expect(device.rows.allTrashedFiles.count == (replaces ? 1 : 2))
            #expect(device.rows.intents().isEmpty && device.temporaries.isEmpty)
        }
    }
}
