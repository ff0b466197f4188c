import Library
import Records
import SyncEngine
import Testing

/// Live Photos, and RAW beside JPEG: two files, one asset (DESIGN 4).
@Suite struct JoiningTests {
    private let server = FakeServer()

    /// A device whose reader finds these facts in files whose names end so.
    private func device(_ number: UInt64) -> FakeDevice {
        let device = FakeDevice(server, number: number)
        device.readResult = { place in
            guard let file = device.files[place] else { return nil }
            let name = place.path.text.lowercased()
            var facts: Fields = ["kind": .string(name.hasSuffix(".mov") ? "video" : "image")]
            if name.contains("live") { facts["contentIdentifier"] = .string("ABC") }
            if name.contains("shot") {
                facts["cameraModel"] = .string("X100")
                facts["takenAt"] = .object(["text": .string("2024-05-01T12:00:00")])
            }
            return .media(
                FileContent(
                    stamp: file.stamp, digest: Digest(of: file.bytes), mediaType: "image/jpeg",
                    facts: facts))
        }
        return device
    }

    private var stills: [Record] { server.assets }

    private func write(_ text: String, _ name: String, on device: FakeDevice) {
        device.write(text, to: FakeDevice.library(name))
    }

    private func settle(_ devices: FakeDevice...) throws {
        for _ in 0..<2 {
            for device in devices {
                let outcome = try device.sync()
                #expect(outcome == .inSync)
            }
        }
    }

    @Test func `a still and its video become one Live Photo, and keep their files`() throws {
        let one = device(1)
        write("still", "live.heic", on: one)
        write("film", "live.mov", on: one)
        try settle(one)
        #expect(stills.count == 1)
        let asset = try #require(stills.first)
        #expect(asset.blob(.original)?.digest == Digest(of: Array("still".utf8)))
        #expect(asset.blob(.pairedVideo)?.digest == Digest(of: Array("film".utf8)))
        #expect(one.libraryTexts == ["live.heic": "still", "live.mov": "film"])
        let film = try #require(one.rows.localFile(at: FakeDevice.library("live.mov")))
        #expect(film.agreed?.asset == asset.key.id)
        #expect(film.agreed?.role == .pairedVideo)
        let two = device(2)
        try settle(two)
        #expect(Set(two.libraryTexts.values) == ["still", "film"])
        try settle(one)
        #expect(one.requests == ["changes", "reportState"])
    }

    @Test func `the parts may come from two devices, in either order`() throws {
        for isFilmFirst in [true, false] {
            let world = JoiningTests()
            let (one, two) = (world.device(1), world.device(2))
            world.write("still", "live.heic", on: one)
            world.write("film", "live.mov", on: two)
            for device in isFilmFirst ? [two, one, two, one] : [one, two, one, two] {
                #expect(try device.sync() == .inSync)
            }
            #expect(world.stills.count == 1)
            #expect(world.stills.first?.blob(.pairedVideo) != nil)
            for device in [one, two] {
                #expect(Set(device.libraryTexts.values) == ["still", "film"])
            }
        }
    }

    @Test func `what was decided about either part is united`() throws {
        let (one, two) = (device(1), device(2))
        write("film", "live.mov", on: one)
        try settle(one)
        let film = try #require(stills.first?.key)
        let album = RecordID(high: 3, low: 3)
        let membership = Membership(album: album, asset: film.id)
        let key = membership.key(idKey: one.rows.settings.idKey)
        for (key, patch) in [
            (film, RecordPatch(set: ["favorite": .bool(true)])),
            (key, RecordPatch(set: membership.fields)),
        ] {
            try one.rows.note(
                PendingChange(
                    key: key, action: .patch(patch), madeAt: Timestamp(milliseconds: 5)))
        }
        try settle(one)
        write("still", "live.heic", on: two)
        try settle(two, one)
        let still = try #require(stills.first)
        #expect(stills.count == 1)
        #expect(still.fields?["favorite"] == .bool(true))
        #expect(one.rows.memberships(of: still.key.id).count == 1)
        #expect(one.rows.memberships(of: film.id).isEmpty)
        #expect(one.rows.pendingChanges(after: nil, limit: 9).isEmpty)
    }

    @Test func `a RAW beside its JPEG is its alternate, another picture of that name is not`()
        throws
    {
        let one = device(1)
        write("jpeg", "shot.JPG", on: one)
        write("raw", "shot.NEF", on: one)
        write("other", "else.JPG", on: one)
        write("else", "else.NEF", on: one)
        try settle(one)
        #expect(stills.count == 3)
        let asset = try #require(stills.first { $0.blob(.alternate) != nil })
        #expect(asset.blob(.original)?.digest == Digest(of: Array("jpeg".utf8)))
        #expect(asset.blob(.alternate)?.digest == Digest(of: Array("raw".utf8)))
        #expect(one.libraryTexts.count == 4)
    }

    @Test func `a wrong pair that was split stays apart`() throws {
        let (one, two) = (device(1), device(2))
        write("still", "live.heic", on: one)
        write("film", "live.mov", on: one)
        try settle(one, two)
        let still = try #require(stills.first?.key)
        try one.rows.note(
            .split(still.id, .pairedVideo, at: Timestamp(milliseconds: 9)))
        try settle(one, two, one)
        // The part's file stays where it is on every device.
        for device in [one, two] {
            #expect(!device.log.contains { $0.hasPrefix("moveAside") })
        }
        #expect(stills.count == 2)
        #expect(stills.allSatisfy { $0.blob(.pairedVideo) == nil })
        let film = try #require(one.rows.localFile(at: FakeDevice.library("live.mov")))
        #expect(film.agreed?.asset != still.id)
        #expect(Set(two.libraryTexts.values) == ["still", "film"])
        #expect(one.rows.pendingChanges(after: nil, limit: 9).isEmpty)
        // A third device that sees both does not join them again.
        try settle(device(3))
        #expect(stills.count == 2)
    }

    @Test func `what was split off is still known to be changed by newer devices only`() throws {
        let one = device(1)
        write("still", "live.heic", on: one)
        write("film", "live.mov", on: one)
        try settle(one)
        let still = try #require(stills.first?.key)
        let part = try #require(
            server.records.values.first { $0.key.type == .asset && $0.joinedInto == still.id }?.key)
        server.change(part) { $0.envelope.requires = WireProtocol.current + 1 }
        try settle(one)
        try one.rows.note(.split(still.id, .pairedVideo, at: Timestamp(milliseconds: 9)))
        try settle(one)
        #expect(stills.count == 2)
        let known = try #require(one.rows.remote(part)?.record)
        #expect(known.envelope.requires == WireProtocol.current + 1)
        #expect(known.joinedInto == nil)
        #expect(known.blob(.original)?.digest == Digest(of: Array("film".utf8)))
    }

    @Test func `a restored server that lost a part gets it again`() throws {
        let one = device(1)
        write("still", "live.heic", on: one)
        write("film", "live.mov", on: one)
        try settle(one)
        server.restore { _ in false }
        server.blobs = [:]
        try settle(one)
        #expect(stills.count == 1)
        let asset = try #require(stills.first)
        #expect(asset.blob(.pairedVideo)?.digest == Digest(of: Array("film".utf8)))
        #expect(one.libraryTexts == ["live.heic": "still", "live.mov": "film"])
    }

    @Test func `a crash after the parts were seen still joins them`() throws {
        let one = device(1)
        write("still", "live.heic", on: one)
        write("film", "live.mov", on: one)
        one.refuse = { request in
            guard case .commit(let groups, _) = request,
                groups.contains(where: { $0.changes.contains { $0.joinedInto != nil } })
            else { return nil }
            return .unreachable("gone")
        }
        _ = try one.sync()
        #expect(stills.count == 2)
        one.refuse = { _ in nil }
        try settle(one)
        #expect(stills.count == 1)
    }
}
