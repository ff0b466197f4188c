import Kernel
import Records
import Storage
import Testing

/// Knowing another account's digest, id, token or receipt gives nothing.
@Suite struct AccessTests {
    @Test(arguments: Place.allCases)
    func `a digest of another account gives nothing`(place: Place) async throws {
        try await inWorld(place) { world in
            try world.upload("secret", verified: true)
            try world.commit(RecordChange(key: asset(1), setBlobs: ["original": blob("secret")]))
            let (kernel, bert) = (world.kernel, world.bert.account)
            #expect(
                try kernel.have(
                    [digest("secret"), digest("nothing")], for: bert, at: world.now,
                    in: world.transaction) == [digest("secret"), digest("nothing")])
            #expect(
                try kernel.locations([digest("secret")], for: bert, in: world.transaction).isEmpty)
            let asked = code {
                _ = try kernel.object(digest("secret"), for: bert, in: world.transaction)
            }
            let receipt = code {
                _ = try kernel.receipt(
                    digest("secret"), for: bert, at: world.now, in: world.transaction)
            }
            #expect(asked == .blobNotFound && receipt == .blobNotFound)
            // The same answer as for a digest that nobody has.
            let mine = key(.asset, 5)
            for name in ["secret", "nothing"] {
                let result = try world.commit(
                    RecordChange(key: mine, setBlobs: ["original": blob(name)]),
                    by: world.bert.phone, to: world.bert.photos)
                #expect(result.status == .blobsMissing && result.digests == [digest(name)])
            }
        }
    }

    @Test func `bytes that the server has must still be sent by whoever wants to hold them`()
        async throws
    {
        try await inWorld { world in
            #expect(try world.upload("shared", place: "first") == [])
            // Bert sends the same bytes: he holds them, and the second copy is not kept.
            #expect(
                try world.upload("shared", by: world.bert, place: "second")
                    == [ObjectKey(text: "second")])
            #expect(try world.holds("shared", world.bert))
            let location = try world.kernel.object(
                digest("shared"), for: world.bert.account, in: world.transaction)
            #expect(location.key.text == "first")
        }
    }

    @Test func `one account's bytes outlive the other's`() async throws {
        try await inWorld { world in
            try world.upload("shared", place: "first")
            try world.upload("shared", by: world.bert, place: "second")
            try world.commit(
                RecordChange(key: asset(1), setBlobs: ["original": blob("shared")]),
                by: world.bert.phone, to: world.bert.photos)
            try world.live(days: 2)
            #expect(try world.collect() == [])
            #expect(try !world.holds("shared"))
            #expect(try world.holds("shared", world.bert))
        }
    }

    @Test func `another account's zone is as one that is not`() async throws {
        try await inWorld { world in
            let (kernel, anna) = (world.kernel, world.anna)
            let none = ZoneID(high: 9, low: 9)
            for zone in [world.bert.photos, none] {
                let read = code {
                    _ = try kernel.changes(
                        in: zone, for: anna.account, after: nil, limit: 1, in: world.transaction)
                }
                let write = code { try world.commit(RecordChange(key: album(1)), to: zone) }
                let look = code {
                    _ = try kernel.zone(zone, for: anna.account, in: world.transaction)
                }
                #expect([read, write, look] == [.zoneNotFound, .zoneNotFound, .zoneNotFound])
            }
            let taken = code {
                try kernel.createZone(
                    world.bert.photos, kind: ZoneKind.photos, owner: anna.account, at: world.now,
                    in: world.transaction)
            }
            #expect(taken == .conflict)
            let zones = try kernel.zones(of: anna.account, in: world.transaction)
            #expect(zones.map(\.kind) == [ZoneKind.account, ZoneKind.photos])
            #expect(zones.allSatisfy { $0.owner == anna.account && $0.idKey.count == 32 })
            #expect(Set(zones.map(\.idKey)).count == 2)
        }
    }

    @Test func `the same record id in two zones is two records`() async throws {
        try await inWorld { world in
            try world.commit(RecordChange(key: album(1), set: ["title": .string("Anna's")]))
            let bert = try world.commit(
                RecordChange(key: album(1), set: ["title": .string("Bert's")]),
                by: world.bert.phone, to: world.bert.photos)
            #expect(bert.status == .saved)
            #expect(try world.record(album(1))?.fields?["title"] == .string("Anna's"))
        }
    }

    @Test func `another account's change token opens nothing`() async throws {
        try await inWorld { world in
            try world.commit(
                RecordChange(key: album(1)), by: world.bert.phone, to: world.bert.photos)
            let token = try world.kernel.changes(
                in: world.bert.photos, for: world.bert.account, after: nil, limit: 1,
                in: world.transaction
            ).token
            let inBerts = code {
                _ = try world.kernel.changes(
                    in: world.bert.photos, for: world.anna.account, after: token, limit: 1,
                    in: world.transaction)
            }
            #expect(inBerts == .zoneNotFound)
        }
    }

    @Test func `another account's upload is as one that is not`() async throws {
        try await inWorld { world in
            let (kernel, id) = (world.kernel, UploadID(high: 5, low: 5))
            func create(_ person: World.Person) throws -> Upload {
                try kernel.createUpload(
                    id, byteCount: 10, digest: nil, metadata: "", for: person.account,
                    at: world.now, in: world.transaction)
            }
            let annas = try create(world.anna)
            let asked = code {
                _ = try kernel.upload(id, for: world.bert.account, in: world.transaction)
            }
            #expect(asked == .uploadNotFound)
            try kernel.endUpload(id, for: world.bert.account, in: world.transaction)
            #expect(
                try kernel.upload(id, for: world.anna.account, in: world.transaction) == annas)
            // Equal ids never meet in the store.
            #expect(try create(world.bert).stagedAs != annas.stagedAs)
        }
    }

    @Test func `another account's receipt gives nothing`() async throws {
        try await inWorld { world in
            try world.upload("secret", verified: true)
            let receipt = try world.kernel.receipt(
                digest("secret"), for: world.anna.account, at: world.now, in: world.transaction)
            let claimed = code {
                try world.kernel.claim(
                    receipt, for: world.bert.account, at: world.now, in: world.transaction)
            }
            #expect(claimed == .invalidReceipt)
            #expect(try !world.holds("secret", world.bert))
        }
    }

    @Test func `device states and requests stay with their account`() async throws {
        try await inWorld { world in
            let (kernel, device) = (world.kernel, world.anna.phone.device)
            try kernel.addRequest(
                "retry", to: device, of: world.anna.account, at: world.now, in: world.transaction)
            let answer = try kernel.reportState(
                Array("{}".utf8), device: device, account: world.bert.account, at: world.now,
                in: world.transaction)
            #expect(answer.requests.isEmpty)
            #expect(answer.zones.allSatisfy { $0.owner == world.bert.account })
            #expect(
                try kernel.deviceStates(of: world.anna.account, in: world.transaction)
                    .map(\.state) == ["{}"])
        }
    }
}
