import Library
import Records
import Status
import SyncEngine
import Testing

/// Favorites, the trash and albums: decided on one device, the same on all.
@Suite struct UserChangesTests {
    private let server = FakeServer()

    /// Two devices that have the same picture.
    private func devices() throws -> (one: FakeDevice, two: FakeDevice, asset: RecordKey) {
        let one = FakeDevice(server, number: 1)
        one.write("picture", to: FakeDevice.library("2024/05/IMG_1.JPG"))
        #expect(try one.sync() == .inSync)
        let two = FakeDevice(server, number: 2)
        #expect(try two.sync() == .inSync)
        return (one, two, try #require(server.assets.first?.key))
    }

    private func note(
        _ patch: RecordPatch, _ key: RecordKey, on device: FakeDevice, at time: Int64 = 5
    ) throws {
        try device.rows.note(
            PendingChange(
                key: key, action: .patch(patch), madeAt: Timestamp(milliseconds: time)))
    }

    private let favorite = RecordPatch(set: ["favorite": .bool(true)])

    @Test func `a favorite crosses to the other device`() throws {
        let (one, two, asset) = try devices()
        try note(favorite, asset, on: one)
        #expect(try one.status().counts.waiting == 1)
        #expect(try one.sync() == .inSync)
        #expect(one.requests == ["changes", "commit", "reportState"])
        #expect(one.rows.pendingChange(asset) == nil)
        #expect(try two.sync() == .inSync)
        #expect(two.rows.remote(asset)?.record.fields?["favorite"] == .bool(true))
        #expect(try one.sync() == .inSync)
        #expect(one.requests == ["changes", "reportState"])
    }

    @Test func `a running agent sends it at once`() throws {
        let (one, _, asset) = try devices()
        one.restart(once: false)
        try one.run(milliseconds: 10_000)
        try note(favorite, asset, on: one)
        one.tell(.command(.userDecided))
        try one.run(milliseconds: 0)
        #expect(server.records[asset]?.fields?["favorite"] == .bool(true))
        try note(RecordPatch(set: ["favorite": .null]), asset, on: one, at: 6)
        one.tell(.command(.userDecided))
        try one.run(milliseconds: 0)
        #expect(server.records[asset]?.fields?["favorite"] == nil)
    }

    @Test func `what was decided before the picture was sent follows it`() throws {
        let one = FakeDevice(server)
        one.write("picture", to: FakeDevice.library("IMG_1.JPG"))
        let id = AssetIdentity.id(
            of: Digest(of: Array("picture".utf8)), idKey: one.rows.settings.idKey)
        try note(favorite, RecordKey(type: .asset, id: id), on: one)
        #expect(try one.sync() == .inSync)
        #expect(server.assets.first?.fields?["favorite"] == .bool(true))
        #expect(one.rows.pendingChanges(after: nil, limit: 1).isEmpty)
    }

    @Test func `two devices that decide different things about one photo agree on both`() throws {
        let (one, two, asset) = try devices()
        try note(favorite, asset, on: one)
        try note(RecordPatch(added: ["keywords": ["sea"]]), asset, on: one)
        try note(RecordPatch(set: ["caption": .string("hello")]), asset, on: two)
        try note(RecordPatch(added: ["keywords": ["boat"]]), asset, on: two)
        #expect(try one.sync() == .inSync)
        #expect(try two.sync() == .inSync)
        #expect(try one.sync() == .inSync)
        let fields = AssetFields(try #require(one.rows.remote(asset)?.record.fields))
        #expect(fields.favorite && fields.caption == "hello")
        #expect(fields.keywords == ["boat", "sea"])
    }

    @Test func `a record that changed right before is patched as it is now`() throws {
        let (one, _, asset) = try devices()
        one.restart(once: false)
        try one.run(milliseconds: 10_000)
        server.change(asset) { $0.fields?["caption"] = .string("from the web") }
        try note(favorite, asset, on: one)
        one.tell(.command(.userDecided))
        try one.run(milliseconds: 5_000)
        #expect(server.refusedBases == 1)
        #expect(server.records[asset]?.fields?["favorite"] == .bool(true))
        #expect(server.records[asset]?.fields?["caption"] == .string("from the web"))
        #expect(one.rows.pendingChanges(after: nil, limit: 1).isEmpty)
    }

    @Test func `a lost reply is asked for again and changes nothing twice`() throws {
        let (one, two, asset) = try devices()
        try note(favorite, asset, on: one)
        var lost = 0
        one.loseReply = { request in
            guard case .commit = request else { return false }
            lost += 1
            return lost == 1
        }
        #expect(try one.sync() == .inSync)
        #expect(server.groups.count == 2)
        // Somebody else decided otherwise since: theirs is later.
        one.loseReply = { _ in false }
        try note(RecordPatch(set: ["favorite": .null]), asset, on: two)
        #expect(try two.sync() == .inSync)
        #expect(try one.sync() == .inSync)
        #expect(server.records[asset]?.fields?["favorite"] == nil)
    }

    @Test func `a crash after the server saved it does not undo what came later`() throws {
        let (one, two, asset) = try devices()
        try note(favorite, asset, on: one)
        one.loseReply = { if case .commit = $0 { true } else { false } }
        one.restart()
        try one.run(milliseconds: 500)
        #expect(server.records[asset]?.fields?["favorite"] == .bool(true))
        #expect(one.rows.pendingChange(asset) != nil)
        one.loseReply = { _ in false }
        #expect(try two.sync() == .inSync)
        try note(RecordPatch(set: ["favorite": .null]), asset, on: two)
        #expect(try two.sync() == .inSync)
        #expect(try one.sync() == .inSync)
        #expect(server.records[asset]?.fields?["favorite"] == nil)
        #expect(one.rows.pendingChange(asset) == nil)
    }

    @Test func `trash and restore are decisions like others`() throws {
        let (one, two, asset) = try devices()
        try note(RecordPatch(trashed: true), asset, on: one)
        #expect(try one.sync() == .inSync)
        #expect(server.records[asset]?.isTrashed == true)
        try note(RecordPatch(trashed: false), asset, on: two)
        #expect(try two.sync() == .inSync)
        #expect(server.records[asset]?.isTrashed == false)
        #expect(try one.sync() == .inSync)
        #expect(one.libraryTexts.count == 1)
    }

    @Test func `Delete Now takes what was read and made from it along`() throws {
        let (one, two, asset) = try devices()
        try note(RecordPatch(trashed: true), asset, on: one)
        try one.rows.note(
            PendingChange(
                key: asset, action: .purge(original: nil), madeAt: Timestamp(milliseconds: 9)))
        #expect(try one.sync() == .inSync)
        #expect(server.records[asset]?.isDeleted == true)
        let facts = RecordKey(type: .facts, id: asset.id)
        #expect(server.records[facts]?.isDeleted == true)
        // Deciding about what is gone comes to nothing.
        try note(favorite, asset, on: two)
        #expect(try two.sync() == .inSync)
        #expect(two.rows.pendingChanges(after: nil, limit: 1).isEmpty)
        #expect(server.records[asset]?.isDeleted == true)
    }

    @Test func `one decision that is refused does not hold up the others`() throws {
        let (one, _, asset) = try devices()
        one.write("another", to: FakeDevice.library("IMG_2.JPG"))
        #expect(try one.sync() == .inSync)
        let other = try #require(server.assets.first { $0.key != asset }?.key)
        one.refuse = { request in
            guard case .commit(let groups, _) = request,
                groups.contains(where: { $0.changes.first?.key == asset })
            else { return nil }
            return .refused(code: "invalidRecord", message: "no")
        }
        try note(favorite, asset, on: one)
        try note(favorite, other, on: one)
        #expect(try one.sync() == .incomplete)
        #expect(server.records[other]?.fields?["favorite"] == .bool(true))
        #expect(server.records[asset]?.fields?["favorite"] == nil)
        let status = try one.status()
        #expect(status.reasons.map(\.code) == [.retrying])
        #expect(status.counts.waiting == 1)
        one.refuse = { _ in nil }
        #expect(try one.sync() == .inSync)
        #expect(server.records[asset]?.fields?["favorite"] == .bool(true))
    }

    @Test func `a thousand decisions need few requests`() throws {
        let one = FakeDevice(server)
        for number in 0..<1_000 {
            one.write("picture \(number)", to: FakeDevice.library("\(number).jpg"))
        }
        #expect(try one.sync() == .inSync)
        for asset in server.assets { try note(favorite, asset.key, on: one) }
        #expect(try one.sync() == .inSync)
        #expect(server.assets.allSatisfy { $0.fields?["favorite"] == .bool(true) })
        #expect(one.requests.filter { $0 == "commit" }.count <= 6)
    }
}
