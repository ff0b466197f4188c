import Library
import Records
import Status
import SyncEngine
import Testing

/// What a newer Martlet wrote is read-only here, and relayed as it is (P11).
@Suite struct ReadOnlyTests {
    private let server = FakeServer()
    private let device: FakeDevice
    private let picture = FakeDevice.library("2024/05/IMG_1.JPG")
    private let asset: RecordKey
    private let needed = WireProtocol.current + 1

    init() throws {
        device = FakeDevice(server, number: 1)
        device.write("picture", to: picture)
        #expect(try device.sync() == .inSync)
        asset = try #require(server.assets.first?.key)
        let needed = needed
        server.change(asset) { record in
            record.envelope.requires = needed
            record.fields?["horizon"] = .integer(7)
        }
        #expect(try device.sync() == .inSync)
    }

    private func note(_ patch: RecordPatch) throws {
        try device.rows.note(
            PendingChange(key: asset, action: .patch(patch), madeAt: Timestamp(milliseconds: 5)))
    }

    private var horizon: JSONValue? { server.records[asset]?.fields?["horizon"] }

    @Test func `a deleted file is fetched again`() throws {
        device.files[picture] = nil
        #expect(try device.sync() == .inSync)
        #expect(server.records[asset]?.isTrashed == false)
        #expect(device.libraryTexts.values.sorted() == ["picture"])
        let events = try device.story(asset.id)?.history.map(\.event)
        #expect(events?.contains(StoryCode.fetchedAgain) ?? false)
    }

    @Test func `of a pair both parts are fetched again`() throws {
        let video = FakeDevice.library("2024/05/IMG_1.MOV")
        let film = Array("film".utf8)
        let part = BlobReference(
            digest: Digest(of: film), byteCount: Int64(film.count), mediaType: "video/quicktime")
        server.blobs[part.digest] = film
        server.change(asset) { $0.blobs["pairedVideo"] = part }
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts.values.sorted() == ["film", "picture"])
        #expect(device.files[video] != nil)
        device.files[picture] = nil
        device.files[video] = nil
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts.values.sorted() == ["film", "picture"])
    }

    @Test func `an edit is a picture of its own`() throws {
        let before = try #require(server.records[asset])
        device.write("edited", to: picture, ageSeconds: 60)
        #expect(try device.sync() == .inSync)
        #expect(server.records[asset] == before)
        #expect(server.assets.count == 2)
        #expect(device.libraryTexts.values.sorted() == ["edited", "picture"])
    }

    @Test func `a new name stays on this device`() throws {
        let before = try #require(server.records[asset])
        let renamed = FakeDevice.library("2024/05/Beach.JPG")
        device.files[renamed] = device.files.removeValue(forKey: picture)
        #expect(try device.sync() == .inSync)
        #expect(server.records[asset] == before)
        #expect(device.libraryTexts == ["2024/05/Beach.JPG": "picture"])
    }

    @Test func `a sidecar for it is kept by itself`() throws {
        let before = try #require(server.records[asset])
        device.write("<x:xmpmeta/>", to: FakeDevice.library("2024/05/IMG_1.xmp"))
        #expect(try device.sync() == .inSync)
        #expect(server.records[asset] == before)
        #expect(server.assets.count == 2)
    }

    @Test func `what is decided about it waits for the upgrade, and says so`() throws {
        try note(RecordPatch(set: ["favorite": .bool(true)]))
        try device.sync()
        let reason = try device.status().reasons.first { $0.code == .newerItem }
        #expect(reason?.message == "IMG_1.JPG needs protocol \(needed): it can only be read here.")
        #expect(server.records[asset]?.fields?["favorite"] == nil)
        server.change(asset) { $0.envelope.requires = WireProtocol.current }
        #expect(try device.sync() == .inSync)
        #expect(try device.status().reasons.contains { $0.code == .newerItem } == false)
        #expect(server.records[asset]?.fields?["favorite"] == .bool(true))
        #expect(horizon == .integer(7))
    }

    @Test func `a restored server hears again what no word here is for`() throws {
        let goBack = server.snapshot()
        server.change(asset) { $0.fields?["horizon"] = .integer(8) }
        #expect(try device.sync() == .inSync)
        goBack()
        server.restore { _ in true }
        server.records[asset]?.envelope.sequence = 1
        #expect(horizon == .integer(7))
        #expect(try device.sync() == .inSync)
        #expect(horizon == .integer(8))
    }

    @Test func `a restored server that lacks it hears again who may change it`() throws {
        server.restore { _ in false }
        #expect(try device.sync() == .inSync)
        #expect(horizon == .integer(7))
        #expect(server.records[asset]?.envelope.requires == needed)
    }
}
