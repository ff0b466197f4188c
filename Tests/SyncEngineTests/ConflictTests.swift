import Library
import Records
import Status
import SyncEngine
import Testing

/// Pictures whose bytes were changed on two devices.
@Suite struct ConflictTests {
    private let server = FakeServer()
    private let device: FakeDevice
    private let other: FakeDevice
    private let picture = FakeDevice.library("mine/IMG_1.JPG")

    /// Device 1 was first; device 2's version became a conflicted copy.
    init() throws {
        device = FakeDevice(server, number: 1)
        other = FakeDevice(server, number: 2)
        device.write("picture", to: picture)
        other.write("picture", to: picture)
        try device.sync()
        try other.sync()
        device.write("one's", to: picture, ageSeconds: 60)
        other.write("two's", to: picture, ageSeconds: 50)
        try device.sync()
        try other.sync()
        try device.sync()
    }

    private let copyName = "IMG_1 (conflicted copy device 2 2023-11-14).JPG"

    private func decide(
        _ device: FakeDevice, _ choice: (Conflicts.Conflict) -> Conflicts.Choice
    ) throws {
        let conflict = try #require(Conflicts.list(device.rows).first)
        try Conflicts.keep(choice(conflict), of: conflict, device.rows, at: device.now.wall)
    }

    private func settle() throws {
        for _ in 0..<2 {
            try device.sync()
            try other.sync()
        }
    }

    @Test func `both versions lie side by side on both devices`() throws {
        #expect(other.libraryTexts == ["mine/IMG_1.JPG": "one's", "mine/\(copyName)": "two's"])
        #expect(device.libraryTexts["mine/IMG_1.JPG"] == "one's")
        #expect(device.libraryTexts.values.sorted() == ["one's", "two's"])
        for seer in [device, other] {
            let conflict = try #require(Conflicts.list(seer.rows).first)
            #expect(conflict.original.name == "IMG_1.JPG" && conflict.original.device == "device 1")
            #expect(conflict.copy.name == copyName && conflict.copy.device == "device 2")
            #expect(conflict.versions.map(\.byteCount) == [5, 5])
            #expect(
                conflict.versions.map(\.digest)
                    == ["one's", "two's"].map { Digest(of: Array($0.utf8)) })
        }
    }

    @Test func `the reason shows both versions until it is answered`() throws {
        for seer in [device, other] {
            let status = try seer.status()
            #expect(status.state == .attention && status.reasons.map(\.code) == [.conflict])
            #expect(
                status.reasons[0].message
                    == """
                    IMG_1.JPG was changed on device 1 (5 bytes, 2023-11-14) and on device 2 \
                    (5 bytes, 2023-11-14): both are kept.
                    """)
            // All is done that a sync can do.
            #expect(status.counts.inSync == 2)
            #expect(try seer.sync() == .inSync)
            #expect(try seer.story(picture)?.status.reasons.map(\.code).contains(.conflict) == true)
        }
        try decide(device) { _ in .both }
        #expect(try device.status().reasons.isEmpty)
        #expect(try other.status().reasons.map(\.code) == [.conflict])
        try settle()
        #expect(try other.status().reasons.isEmpty)
        #expect(server.assets.count == 2)
        #expect(other.libraryTexts.values.sorted() == ["one's", "two's"])
    }

    @Test func `the first version is kept, and the copy can be restored`() throws {
        try decide(other) { .version($0.original.asset) }
        try settle()
        for seer in [device, other] {
            #expect(seer.libraryTexts == ["mine/IMG_1.JPG": "one's"] || seer === device)
            #expect(seer.libraryTexts.values.sorted() == ["one's"])
            #expect(try seer.status().state == .upToDate)
        }
        let trashed = try #require(server.records.values.first { $0.isTrashed })
        #expect(trashed.blob(.original)?.digest == Digest(of: Array("two's".utf8)))
        server.change(trashed.key) { $0.envelope.trashedAt = nil }
        try settle()
        // Answered is answered.
        #expect(try device.status().state == .upToDate)
        #expect(device.libraryTexts.values.sorted() == ["one's", "two's"])
    }

    @Test func `the copy is kept and takes the other's place`() throws {
        let original = try #require(Conflicts.list(device.rows).first?.original.asset)
        server.change(RecordKey(type: .asset, id: original)) {
            $0.fields?["favorite"] = .bool(true)
        }
        try device.sync()
        try decide(device) { .version($0.copy.asset) }
        try settle()
        #expect(other.libraryTexts == ["mine/IMG_1.JPG": "two's"])
        #expect(device.libraryTexts.values.sorted() == ["two's"])
        let asset = try #require(server.assets.first)
        #expect(server.assets.count == 1)
        #expect(AssetFields(asset.fields ?? [:]).name == "IMG_1.JPG")
        #expect(AssetFields(asset.fields ?? [:]).favorite)
        #expect(server.records[RecordKey(type: .asset, id: original)]?.isTrashed == true)
        for seer in [device, other] { #expect(try seer.status().state == .upToDate) }
    }

    @Test(arguments: [true, false])
    func `of two answers that contradict each other the first holds, and one version stays`(
        keepsOriginalFirst: Bool
    ) throws {
        // Both offline; then one after the other comes back.
        try decide(device) { .version($0.original.asset) }
        try decide(other) { .version($0.copy.asset) }
        for seer in keepsOriginalFirst ? [device, other] : [other, device] { try seer.sync() }
        try settle()
        let asset = try #require(server.assets.first)
        #expect(server.assets.count == 1)
        #expect(
            asset.blob(.original)?.digest
                == Digest(of: Array((keepsOriginalFirst ? "one's" : "two's").utf8)))
        #expect(server.records.values.filter(\.isTrashed).count == 1)
        for seer in [device, other] {
            #expect(seer.libraryTexts.values.sorted() == [keepsOriginalFirst ? "one's" : "two's"])
            #expect(try seer.status().state == .upToDate)
            #expect(seer.rows.pendingChanges(after: nil, limit: 9).isEmpty)
        }
    }

    @Test func `what an answer was to keep can be moved to the trash by hand all the same`() throws
    {
        let original = try #require(Conflicts.list(other.rows).first).original.asset
        try decide(device) { .version($0.original.asset) }
        try decide(other) { .version($0.copy.asset) }
        try other.rows.note(
            PendingChange(
                key: RecordKey(type: .asset, id: original),
                action: .patch(RecordPatch(trashed: true)), madeAt: other.now.wall))
        try device.sync()
        try other.sync()
        try settle()
        #expect(server.assets.isEmpty)
    }

    @Test func `a conflict ends when one version is deleted`() throws {
        let copy = try #require(Conflicts.list(device.rows).first?.copy.asset)
        server.change(RecordKey(type: .asset, id: copy)) {
            $0.envelope.trashedAt = Timestamp(milliseconds: 9)
        }
        try settle()
        #expect(try Conflicts.list(device.rows).isEmpty)
        #expect(try device.status().state == .upToDate)
    }

    @Test func `of three versions two stand against each other when one goes`() throws {
        let third = FakeDevice(server, number: 3)
        let key = try #require(server.assets.first { $0.conflictsWith != nil }?.key)
        let original = try #require(server.assets.first { $0.conflictsWith == nil }?.key)
        // As a third device would have made it.
        third.write("three's", to: FakeDevice.source("x.jpg"))
        try third.sync()
        let more = try #require(
            server.assets.first { $0.key != key && $0.key != original }?.key)
        server.change(more) { $0.fields?["conflictsWith"] = .string(original.id.text) }
        try settle()
        #expect(try Conflicts.list(device.rows).count == 2)
        let conflict = try #require(
            Conflicts.list(device.rows).first { $0.copy.asset == key.id })
        try Conflicts.keep(.version(key.id), of: conflict, device.rows, at: device.now.wall)
        try settle()
        let left = try Conflicts.list(other.rows)
        #expect(left.map(\.original.asset) == [key.id] && left.map(\.copy.asset) == [more.id])
    }
}
