import Library
import Records
import Status
import SyncEngine
import Testing

/// What an asset was made of once counts as across for as long as the server keeps it, and no longer.
@Suite struct EarlierContentsTests {
    private static let day: Int64 = 86_400_000

    let server = FakeServer()
    let device: FakeDevice
    let other: FakeDevice
    let picture = FakeDevice.library("2024/05/IMG_1.JPG")
    let copy = FakeDevice.source("COPY.JPG")

    /// A picture that was edited twice, and what it was in between in another device's source.
    init() throws {
        device = FakeDevice(server, number: 1)
        other = FakeDevice(server, number: 2)
        device.write("first", to: picture)
        try device.sync()
        device.write("second", to: picture, ageSeconds: 60)
        try device.sync()
        try other.sync()
        other.write("second", to: copy)
        try other.sync()
        device.write("third", to: picture, ageSeconds: 30)
        try device.sync()
        try other.sync()
    }

    private var originals: [String] {
        server.assets.compactMap { $0.blob(.original) }
            .map { String(decoding: server.blobs[$0.digest] ?? [], as: UTF8.self) }.sorted()
    }

    private func pass(days: Int64) {
        // And an hour, for what passed between.
        for device in [device, other] {
            device.now.wall = later(device.now.wall, days).adding(milliseconds: 3_600_000)
        }
        server.wall += days * Self.day
    }

    private func later(_ time: Timestamp, _ days: Int64) -> Timestamp {
        time.adding(milliseconds: days * Self.day)
    }

    @Test func `what an edit replaced is not sent while the server keeps it`() throws {
        pass(days: Int64(Limits.retainedDays) - 2)
        #expect(try other.sync() == .inSync)
        #expect(originals == ["third"])
    }

    @Test func `a file with it is a picture of its own before the server lets it go`() throws {
        pass(days: Int64(Limits.retainedDays) - 1)
        #expect(try other.sync() == .inSync)
        #expect(originals == ["second", "third"])
        #expect(other.texts(in: RootID(rawValue: 1)) == ["COPY.JPG": "second"])
        #expect(try other.sync() == .inSync)
        #expect(try device.sync() == .inSync)
        #expect(originals == ["second", "third"])
        #expect(device.libraryTexts.values.sorted() == ["second", "third"])
    }

    @Test func `a server that let it go already gets it again`() throws {
        pass(days: 60)
        server.blobs[Digest(of: Array("second".utf8))] = nil
        #expect(try other.sync() == .inSync)
        #expect(originals == ["second", "third"])
    }

    @Test func `the first original is never sent again`() throws {
        other.write("first", to: FakeDevice.source("ORIGINAL.JPG"))
        #expect(try other.sync() == .inSync)
        pass(days: 400)
        other.files[copy] = nil
        #expect(try other.sync() == .inSync)
        #expect(originals == ["third"])
    }

    @Test func `what was deleted is never sent again`() throws {
        let key = try #require(server.assets.first?.key)
        server.change(key) {
            $0.fields = nil
            $0.blobs = [:]
        }
        #expect(try other.sync() == .inSync)
        pass(days: 400)
        #expect(try other.sync() == .inSync)
        #expect(server.assets.isEmpty)
    }

    @Test func `a clock that is a year ahead is no reason`() throws {
        other.now.wall = later(other.now.wall, 365)
        other.conditions.clockOffsetSeconds = 365 * 86_400
        _ = try other.sync()
        #expect(originals == ["third"])
        #expect(try other.status().reasons.contains { $0.code == .clockWrong })
    }

    @Test func `a file that waits to become what the asset is now stays what it is`() throws {
        device.write("fourth", to: picture, ageSeconds: 10)
        try device.sync()
        other.failDisk = {
            if case .moveAside = $0 { return .inputOutput(errno: 5) }
            return nil
        }
        _ = try other.sync()
        pass(days: 60)
        other.files[copy] = nil
        _ = try other.sync()
        #expect(originals == ["fourth"])
        other.failDisk = { _ in nil }
        #expect(try other.sync() == .inSync)
        #expect(other.libraryTexts.values.sorted() == ["fourth"])
        #expect(originals == ["fourth"])
    }
}
