import Kernel
import Library
import Photos
import Records
import Storage
import Testing

@Suite struct ProjectionTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `after any changes, the projections are what a rebuild gives`(seed: UInt64) async throws {
        let world = try await PhotoWorld(seed: seed)
        let zone = try await world.account("me").zone
        var ids: [RecordID] = []
        for step in 0..<150 {
            if ids.count < 8 || world.number(below: 4) == 0 {
                let month = world.number(below: 3) + 1
                let id = try await world.addPicture(
                    "IMG_\(step).JPG", Array("picture \(step)".utf8), to: zone,
                    as: ["image/jpeg", "video/mp4", "application/rdf+xml"][world.number(below: 3)],
                    takenAt: world.number(below: 2) == 0
                        ? try localTime("2019-0\(month)-11T10:00:00", 60) : nil)
                ids.append(id)
            } else {
                try await change(ids[world.number(below: ids.count)], step, zone, world)
            }
        }
        let before = try await world.projections()
        try await world.database.write { [kernel = world.kernel] transaction in
            try kernel.rebuildProjections(of: zone, in: transaction)
        }
        #expect(try await world.projections() == before)
        #expect(before.contains { $0.hasPrefix("photoMonth") })
    }

    private func change(
        _ id: RecordID, _ step: Int, _ zone: Zone, _ world: PhotoWorld
    ) async throws {
        guard let asset = try await world.record(.asset, id, in: zone), !asset.isDeleted,
            let original = asset.blob(.original)
        else { return }
        var change = RecordChange(
            key: asset.key, base: try await world.base(.asset, id, in: zone))
        switch world.number(below: 7) {
        case 0: change.trashed = !asset.isTrashed
        case 1: change.set = ["hidden": .bool(world.number(below: 2) == 0)]
        case 2: change.set = ["takenAtCorrected": try localTime("2001-02-03T04:05:06").json]
        case 3: change.unset = ["takenAtCorrected"]
        case 4: change.action = .purge
        case 5:
            let blob = try await world.store(Array("edit \(step)".utf8), for: zone.owner)
            change.setBlobs = [BlobRole.original.rawValue: blob]
        default:
            let thumbnail = try await world.store(
                Array("thumbnail \(step)".utf8), for: zone.owner, as: "image/webp")
            let base = try await world.base(.rendering, id, in: zone)
            change = RecordChange(key: RecordKey(type: .rendering, id: id), base: base)
            change.set = ["of": .string(original.digest.text), "by": .integer(1)]
            change.setBlobs = [BlobRole.thumbnail.rawValue: thumbnail]
        }
        try await world.commit([change], to: zone)
    }

    @Test func `a month that loses its last picture is gone`() async throws {
        let world = try await PhotoWorld()
        let (account, zone) = try await world.account("me")
        let id = try await world.addPicture(
            "a.jpg", [1], to: zone, takenAt: try localTime("2019-05-01T00:00:00"))
        #expect(try await world.months(account) == ["2019-05": 1])
        var change = RecordChange(
            key: RecordKey(type: .asset, id: id),
            base: try await world.base(.asset, id, in: zone))
        change.trashed = true
        try await world.commit([change], to: zone)
        #expect(try await world.months(account) == [:])
        #expect(try await world.service.months(.trash, in: nil, for: account).months.count == 1)
    }

    @Test func `facts of other bytes than the original's are not shown`() async throws {
        let world = try await PhotoWorld()
        let (account, zone) = try await world.account("me")
        let id = try await world.addPicture(
            "a.jpg", [1], to: zone, takenAt: try localTime("2019-05-01T00:00:00"))
        var change = RecordChange(
            key: RecordKey(type: .asset, id: id),
            base: try await world.base(.asset, id, in: zone))
        let edited = try await world.store([2], for: zone.owner)
        change.setBlobs = [BlobRole.original.rawValue: edited]
        change.set = ["fileModifiedAt": .integer(0)]
        try await world.commit([change], to: zone)
        #expect(try await world.months(account) == ["1970-01": 1])
    }

    @Test func `a lone sidecar is kept, but is no picture`() async throws {
        let world = try await PhotoWorld()
        let (account, zone) = try await world.account("me")
        try await world.addPicture("a.xmp", [1], to: zone, as: "application/rdf+xml")
        #expect(try await world.months(account) == [:])
        #expect(try await world.service.progress(in: nil, for: account).waiting == 0)
    }
}

extension PhotoWorld {
    /// Counts by month, as the account sees them.
    func months(_ account: AccountID) async throws -> [String: Int] {
        let months = try await service.months(in: nil, for: account).months
        return Dictionary(uniqueKeysWithValues: months.map { ($0.month.text, $0.count) })
    }
}
