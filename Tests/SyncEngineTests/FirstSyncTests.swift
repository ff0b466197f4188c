import Library
import Records
import Status
import SyncEngine
import Testing

@Suite struct FirstSyncTests {
    @Test func `pictures of a source cross to the server, and are copied into the library`() throws
    {
        let server = FakeServer()
        let device = FakeDevice(server)
        device.write("one", to: FakeDevice.source("a/IMG_1.JPG"))
        device.write("two", to: FakeDevice.source("a/b/IMG_2.JPG"))
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 2)
        #expect(device.libraryTexts == ["2023/11/IMG_1.JPG": "one", "2023/11/IMG_2.JPG": "two"])
        #expect(device.texts(in: RootID(rawValue: 1)).count == 2)
        let counts = try device.status().counts
        #expect(counts.items == 2 && counts.inSync == 2)
        #expect(device.temporaries.isEmpty)
    }

    @Test func `what is dropped into the library stays where it is`() throws {
        let server = FakeServer()
        let device = FakeDevice(server)
        device.write("one", to: FakeDevice.library("Holiday/IMG_1.JPG"))
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 1)
        #expect(device.libraryTexts == ["Holiday/IMG_1.JPG": "one"])
    }

    /// The server may have answered everything long before a busy disk has.
    @Test(arguments: [false, true])
    func `a sync does not end before its library was compared`(optimizes: Bool) throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: optimizes)
        device.write("one", to: FakeDevice.library("IMG_1.JPG"))
        device.takesLong = { if case .disk(_, .syncLibrary) = $0 { true } else { false } }
        #expect(try device.sync() == nil)
        #expect(server.assets.isEmpty)
        device.letGo()
        try device.run()
        #expect(device.outcome == .inSync)
        #expect(server.assets.count == 1)
    }

    @Test func `a sync with nothing to do makes two requests`() throws {
        let server = FakeServer()
        let device = FakeDevice(server)
        for number in 1...5 { device.write("\(number)", to: FakeDevice.library("\(number).JPG")) }
        try device.sync()
        #expect(try device.sync() == .inSync)
        #expect(device.requests == ["changes", "reportState"])
    }

    @Test func `an empty library is in sync`() throws {
        let device = FakeDevice(FakeServer())
        #expect(try device.sync() == .inSync)
        #expect(device.requests == ["changes", "reportState"])
        #expect(try device.status().state == .upToDate)
    }

    @Test func `a second device gets everything, byte for byte and with its time`() throws {
        let server = FakeServer()
        let first = FakeDevice(server, number: 1)
        first.write("one", to: FakeDevice.source("IMG_1.JPG"))
        first.write("two", to: FakeDevice.source("IMG_2.JPG"))
        try first.sync()
        let second = FakeDevice(server, number: 2)
        #expect(try second.sync() == .inSync)
        #expect(second.libraryTexts == first.libraryTexts)
        let place = FakeDevice.library("2023/11/IMG_1.JPG")
        #expect(
            second.files[place]?.modifiedAt
                == first.files[FakeDevice.source("IMG_1.JPG")]?.modifiedAt)
        #expect(try second.sync() == .inSync)
        #expect(second.requests == ["changes", "reportState"])
    }

    @Test func `the same bytes at two places are one upload and one asset`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true)
        device.write("same", to: FakeDevice.source("IMG_1.JPG"))
        device.write("same", to: FakeDevice.source("copy/IMG_9.JPG"))
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 1)
        #expect(device.requests.filter { $0 == "put" || $0 == "pack" }.count == 1)
    }

    @Test func `the same picture on two devices is one asset`() throws {
        let server = FakeServer()
        let first = FakeDevice(server, number: 1)
        let second = FakeDevice(server, number: 2)
        first.write("same", to: FakeDevice.library("A.JPG"))
        second.write("same", to: FakeDevice.library("B.JPG"))
        // The second has read the feed before the first commits.
        second.restart()
        second.refuse = { if case .commit = $0 { .interrupted } else { nil } }
        try second.run(milliseconds: 500)
        try first.sync()
        second.refuse = { _ in nil }
        try second.run()
        #expect(second.outcome == .inSync)
        #expect(server.assets.count == 1)
        #expect(second.libraryTexts == ["B.JPG": "same"])
    }

    @Test func `with Optimize Storage nothing is copied or downloaded`() throws {
        let server = FakeServer()
        let first = FakeDevice(server, number: 1)
        first.write("one", to: FakeDevice.source("IMG_1.JPG"))
        try first.sync()
        let second = FakeDevice(server, number: 2, optimizes: true)
        second.write("two", to: FakeDevice.source("IMG_2.JPG"))
        #expect(try second.sync() == .inSync)
        #expect(second.libraryTexts.isEmpty)
        let counts = try second.status().counts
        #expect(counts.items == 2 && counts.inSync == 1 && counts.onlyInCloud == 1)
    }

    @Test func `switching Optimize Storage off brings the originals`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true)
        device.write("one", to: FakeDevice.source("IMG_1.JPG"))
        try device.sync()
        device.rows.settings.optimizesStorage = false
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts == ["2023/11/IMG_1.JPG": "one"])
        #expect(!device.requests.contains("download"))
    }

    @Test func `a large file crosses in parts and goes on where it stopped`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true)
        let place = FakeDevice.source("clip.MOV")
        device.write("x", to: place)
        device.files[place]?.bytes = Array(
            repeating: 7, count: 2 * Limits.uploadPartByteCountMax + 5)
        var parts = 0
        device.refuse = { request in
            guard case .uploadPart = request else { return nil }
            parts += 1
            return parts == 2 ? .interrupted : nil
        }
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 1)
        #expect(parts == 4)
        #expect(server.uploads.count == 1)
        #expect(try device.rows.upload(of: #require(server.blobs.keys.first)) == nil)
    }
}
