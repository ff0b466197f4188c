import Library
import Records
import SyncEngine
import Testing

/// A server that was restored or rolled back: what people decided since is sent again (DESIGN 3).
@Suite struct NewEpochTests {
    private let server = FakeServer()

    private func note(
        _ patch: RecordPatch, _ key: RecordKey, on device: FakeDevice
    ) throws {
        try device.rows.note(
            PendingChange(key: key, action: .patch(patch), madeAt: Timestamp(milliseconds: 5)))
    }

    private func devices() throws -> (one: FakeDevice, two: FakeDevice, asset: RecordKey) {
        let one = FakeDevice(server, number: 1)
        one.write("picture", to: FakeDevice.library("IMG_1.JPG"))
        #expect(try one.sync() == .inSync)
        let two = FakeDevice(server, number: 2)
        #expect(try two.sync() == .inSync)
        return (one, two, try #require(server.assets.first?.key))
    }

    private func fields(_ key: RecordKey) throws -> AssetFields {
        AssetFields(try #require(server.records[key]?.fields))
    }

    @Test(arguments: [true, false])
    func `a server that was put back and has as many commits again is noticed while running`(
        byEvent: Bool
    ) throws {
        let (one, two, _) = try devices()
        two.restart(once: false)
        try two.run(milliseconds: 20_000)
        let goBack = server.snapshot()
        one.write("lost", to: FakeDevice.library("IMG_2.JPG"))
        #expect(try one.sync() == .inSync)
        two.tell(.zoneChanged(head: server.head, token: server.token))
        try two.run(milliseconds: 20_000)
        #expect(two.libraryTexts.values.sorted() == ["lost", "picture"])
        let head = server.head
        goBack()
        let web = FakeDevice(server, number: 3)
        web.write("new", to: FakeDevice.source("IMG_3.JPG"))
        #expect(try web.sync() == .inSync)
        #expect(server.head == head)
        // Else with the next report.
        if byEvent { two.tell(.zoneChanged(head: head, token: server.token)) }
        try two.run(milliseconds: byEvent ? 20_000 : 700_000)
        #expect(two.libraryTexts.values.sorted() == ["lost", "new", "picture"])
        #expect(server.assets.count == 3)
    }

    @Test func `a favorite that a restored server lacks is sent again`() throws {
        let (one, two, asset) = try devices()
        let goBack = server.snapshot()
        try note(RecordPatch(set: ["favorite": .bool(true)]), asset, on: one)
        try note(RecordPatch(added: ["keywords": ["sea"]]), asset, on: one)
        #expect(try one.sync() == .inSync)
        goBack()
        server.restore { _ in true }
        server.records[asset]?.envelope.sequence = 1
        #expect(try fields(asset).favorite == false)
        #expect(try one.sync() == .inSync)
        #expect(try fields(asset).favorite)
        #expect(try fields(asset).keywords == ["sea"])
        #expect(server.records[asset]?.envelope.derivedFrom?.epoch == Epoch(rawValue: 1))
        #expect(try two.sync() == .inSync)
        #expect(two.rows.remote(asset)?.record.fields?["favorite"] == .bool(true))
        #expect(two.rows.pendingChanges(after: nil, limit: 1).isEmpty)
    }

    @Test func `a server that was put back twice, and does not know, is told by its list`() throws {
        let (one, _, asset) = try devices()
        let goBack = server.snapshot()
        try note(RecordPatch(set: ["favorite": .bool(true)]), asset, on: one)
        #expect(try one.sync() == .inSync)
        // It had told the device to list again, and was put back to before it knew why.
        goBack()
        one.rows.save(FeedState(listing: one.rows.feed().listing + 1))
        #expect(try fields(asset).favorite == false)
        #expect(try one.sync() == .inSync)
        #expect(try fields(asset).favorite)
        #expect(one.rows.remote(asset)?.record.fields == server.records[asset]?.fields)
    }

    @Test func `a photo that a restored server lacks comes back with what was decided about it`()
        throws
    {
        let (one, two, asset) = try devices()
        try note(RecordPatch(set: ["favorite": .bool(true)]), asset, on: two)
        #expect(try two.sync() == .inSync)
        #expect(try one.sync() == .inSync)
        server.restore { _ in false }
        server.blobs = [:]
        #expect(try one.sync() == .inSync)
        #expect(try fields(asset).favorite)
        #expect(try two.sync() == .inSync)
        #expect(try fields(asset).favorite)
        #expect(server.assets.count == 1)
    }

    @Test func `an album that a restored server lacks is sent again`() throws {
        let (one, _, asset) = try devices()
        let album = RecordKey(type: .album, id: RecordID(high: 3, low: 3))
        let membership = Membership(album: album.id, asset: asset.id)
        let member = membership.key(idKey: one.rows.settings.idKey)
        try note(RecordPatch(set: ["name": .string("Italy")]), album, on: one)
        try note(RecordPatch(set: membership.fields), member, on: one)
        #expect(try one.sync() == .inSync)
        #expect(server.records[member]?.membership == membership)
        server.restore { $0.key.type == .asset || $0.key.type == .facts }
        #expect(server.records[album] == nil)
        #expect(try one.sync() == .inSync)
        #expect(server.records[album]?.fields?["name"] == .string("Italy"))
        #expect(server.records[member]?.membership == membership)
    }

    @Test func `the device that had read further wins, whoever comes first`() throws {
        for isLateFirst in [true, false] {
            let world = NewEpochTests()
            let (one, two, asset) = try world.devices()
            let goBack = world.server.snapshot()
            try note(RecordPatch(set: ["caption": .string("old")]), asset, on: one)
            #expect(try one.sync() == .inSync)
            #expect(try two.sync() == .inSync)
            try note(RecordPatch(set: ["caption": .string("new")]), asset, on: one)
            #expect(try one.sync() == .inSync)
            goBack()
            world.server.restore { _ in true }
            world.server.records[asset]?.envelope.sequence = 1
            for device in isLateFirst ? [one, two, one] : [two, one, two] {
                #expect(try device.sync() == .inSync)
            }
            #expect(try world.fields(asset).caption == "new")
            #expect(two.rows.remote(asset)?.record.fields?["caption"] == .string("new"))
        }
    }

    @Test func `what was deleted for good and came back with a backup goes to the trash`() throws {
        let (one, two, asset) = try devices()
        #expect(try two.sync() == .inSync)
        let goBack = server.snapshot()
        try one.rows.note(
            PendingChange(
                key: asset, action: .purge(original: nil), madeAt: Timestamp(milliseconds: 5)))
        #expect(try one.sync() == .inSync)
        #expect(try two.sync() == .inSync)
        goBack()
        server.restore { _ in true }
        server.records[asset]?.envelope.sequence = 1
        #expect(try two.sync() == .inSync)
        #expect(server.records[asset]?.isTrashed == true)
    }
}
