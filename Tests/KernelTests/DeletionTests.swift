import Kernel
import Records
import Storage
import Testing

/// P3 and P9: what is deleted or overwritten stays for days that the server lived through.
@Suite struct DeletionTests {
    private func original(_ content: String) -> [String: BlobReference] {
        ["original": blob(content)]
    }

    @Test func `a picture cannot be deleted before thirty days in the trash`() async throws {
        try await inWorld { world in
            try world.upload("a")
            try world.commit(RecordChange(key: asset(1), setBlobs: ["original": blob("a")]))
            func delete() throws -> GroupResult {
                try world.commit(
                    RecordChange(key: asset(1), action: .delete, base: try world.base(asset(1))))
            }
            let early = try delete()
            #expect(early.status == .notInTrash && early.records.map(\.key) == [asset(1)])
            try world.commit(
                RecordChange(key: asset(1), base: try world.base(asset(1)), trashed: true))
            #expect(try world.record(asset(1))?.envelope.trashedAt == world.now)
            try world.live(days: Int64(Limits.trashDays) - 1)
            #expect(try delete().status == .notInTrash)
            try world.live(days: 1)
            #expect(try delete().status == .saved)
            let tombstone = try #require(try world.record(asset(1)))
            #expect(tombstone.isDeleted && tombstone.blobs.isEmpty && !tombstone.isTrashed)
        }
    }

    @Test func `a clock that jumps a year does not empty the trash`() async throws {
        try await inWorld { world in
            try world.upload("a")
            try world.commit(
                RecordChange(key: asset(1), setBlobs: ["original": blob("a")], trashed: true))
            world.now = world.now.adding(milliseconds: 365 * Timestamp.millisecondsPerDay)
            let state = try world.kernel.tick(
                ClockReading(wall: world.now, monotonicMilliseconds: 0, process: 1),
                in: world.transaction)
            #expect(state.day == 0 && state.clockSuspectSince == world.now)
            let result = try world.commit(
                RecordChange(key: asset(1), action: .delete, base: try world.base(asset(1))))
            #expect(result.status == .notInTrash)
        }
    }

    @Test func `restoring from the trash begins its days anew`() async throws {
        try await inWorld { world in
            try world.upload("a")
            try world.commit(
                RecordChange(key: asset(1), setBlobs: ["original": blob("a")], trashed: true))
            try world.live(days: 29)
            for trashed in [false, true] {
                try world.commit(
                    RecordChange(key: asset(1), base: try world.base(asset(1)), trashed: trashed))
            }
            try world.live(days: 1)
            let result = try world.commit(
                RecordChange(key: asset(1), action: .delete, base: try world.base(asset(1))))
            #expect(result.status == .notInTrash)
        }
    }

    @Test func `trashing again does not move the day`() async throws {
        try await inWorld { world in
            try world.upload("a")
            try world.commit(
                RecordChange(key: asset(1), setBlobs: ["original": blob("a")], trashed: true))
            let first = world.now
            try world.live(days: 3)
            try world.commit(
                RecordChange(key: asset(1), base: try world.base(asset(1)), trashed: true))
            #expect(try world.record(asset(1))?.envelope.trashedAt == first)
        }
    }

    @Test(arguments: Place.allCases)
    func `delete now leaves a tombstone, and the bytes rest seven days`(
        place: Place
    ) async throws {
        try await inWorld(place) { world in
            try world.upload("a", byteCount: 500, place: "p")
            try world.commit(
                RecordChange(
                    key: asset(1), set: ["name": .string("a.jpg")],
                    setBlobs: ["original": blob("a", byteCount: 500)]))
            try world.commit(
                RecordChange(key: asset(1), action: .purge, base: try world.base(asset(1))))
            let kept = try #require(try world.retained(asset(1)).first)
            #expect(kept.record.fields == ["name": .string("a.jpg")])
            #expect(kept.record.blobs["original"]?.digest == digest("a"))
            #expect(kept.reason == "purge" && kept.expiresDay == Int64(Limits.quarantineDays))
            try world.live(days: Int64(Limits.quarantineDays) - 1)
            #expect(try world.collect() == [])
            #expect(try world.used() == 500)
            #expect(try world.holds("a"))
            try world.live(days: 3)
            #expect(try world.collect() == ["p"])
            #expect(try world.used() == 0)
            #expect(try !world.holds("a"))
            #expect(try world.record(asset(1))?.isDeleted == true)
        }
    }

    @Test func `an overwritten blob is kept thirty days, the first original longer`() async throws {
        try await inWorld { world in
            for name in ["a", "b", "c"] { try world.upload(name, place: name) }
            for name in ["a", "b", "c"] {
                try world.commit(
                    RecordChange(
                        key: asset(1), base: try world.base(asset(1)),
                        set: ["name": .string(name)], setBlobs: original(name)))
            }
            #expect(try world.used() == 300)
            let kept = try world.retained(asset(1))
            #expect(kept.map { $0.record.fields?["name"]?.string } == ["b", "a"])
            #expect(kept.map(\.expiresDay) == [Int64(Limits.retainedDays), nil])
            try world.live(days: Int64(Limits.retainedDays) - 1)
            #expect(try world.collect() == [])
            try world.live(days: 1)
            #expect(try world.collect() == ["b"])
            try world.live(days: 400)
            #expect(try world.collect() == [])
            try world.commit(
                RecordChange(key: asset(1), action: .purge, base: try world.base(asset(1))))
            try world.live(days: Int64(Limits.quarantineDays))
            #expect(try world.collect().sorted() == ["a", "c"])
            #expect(try world.used() == 0)
        }
    }

    @Test func `a blob that is unset is kept like one that is replaced`() async throws {
        try await inWorld { world in
            for name in ["a", "video"] { try world.upload(name) }
            try world.commit(
                RecordChange(
                    key: asset(1),
                    setBlobs: ["original": blob("a"), "pairedVideo": blob("video")]))
            try world.commit(
                RecordChange(
                    key: asset(1), base: try world.base(asset(1)), unsetBlobs: ["pairedVideo"]))
            #expect(try world.record(asset(1))?.blobs.keys.sorted() == ["original"])
            let kept = try #require(try world.retained(asset(1)).first)
            #expect(kept.record.blobs.count == 2)
            try world.live(days: Int64(Limits.retainedDays))
            try world.collect()
            #expect(try world.holds("a") && !world.holds("video"))
        }
    }

    @Test func `a record without blobs goes at once and is kept thirty days`() async throws {
        try await inWorld { world in
            try world.commit(RecordChange(key: album(1), set: ["title": .string("Alps")]))
            try world.commit(
                RecordChange(key: album(1), action: .delete, base: try world.base(album(1))))
            #expect(try world.retained(album(1)).first?.expiresDay == Int64(Limits.retainedDays))
            #expect(try world.transaction.rows("SELECT * FROM noteTitle").isEmpty)
        }
    }

    @Test func `what can be made anew needs no trash and is not kept`() async throws {
        try await inWorld { world in
            let rendering = key(.rendering, 1)
            for name in ["t1", "t2"] { try world.upload(name, place: name) }
            for name in ["t1", "t2"] {
                try world.commit(
                    RecordChange(
                        key: rendering, base: try world.base(rendering),
                        setBlobs: ["thumbnail": blob(name)]))
            }
            #expect(try world.used() == 0)
            #expect(try world.retained(rendering).isEmpty)
            try world.commit(
                RecordChange(key: rendering, action: .delete, base: try world.base(rendering)))
            try world.live(days: 2)
            #expect(try world.collect() == ["t1", "t2"])
        }
    }

    @Test func `deleting what never was is nothing`() async throws {
        try await inWorld { world in
            let result = try world.commit(RecordChange(key: asset(9), action: .delete))
            #expect(result.status == .saved)
            #expect(try world.head() == 0)
        }
    }

    @Test func `a tombstone can be filled again on top of it`() async throws {
        try await inWorld { world in
            try world.upload("a")
            try world.commit(
                RecordChange(
                    key: asset(1), set: ["old": .bool(true)], setBlobs: ["original": blob("a")]))
            try world.commit(
                RecordChange(key: asset(1), action: .purge, base: try world.base(asset(1))))
            let blind = try world.commit(
                RecordChange(key: asset(1), setBlobs: ["original": blob("a")]))
            #expect(blind.status == .recordChanged && blind.records[0].isDeleted)
            try world.commit(
                RecordChange(
                    key: asset(1), base: try world.base(asset(1)), set: ["new": .bool(true)],
                    setBlobs: ["original": blob("a")]))
            let record = try #require(try world.record(asset(1)))
            #expect(record.fields == ["new": .bool(true)] && !record.isDeleted)
            try world.live(days: 40)
            #expect(try world.collect() == [])
        }
    }

    // MARK: - Join

    @Test func `a part joins its still and no byte leaves`() async throws {
        try await inWorld { world in
            for name in ["still", "video"] { try world.upload(name) }
            try world.commit(RecordChange(key: asset(1), setBlobs: ["original": blob("still")]))
            try world.commit(RecordChange(key: asset(2), setBlobs: ["original": blob("video")]))
            let join = [
                RecordChange(
                    key: asset(2), action: .delete, base: try world.base(asset(2)),
                    joinedInto: asset(1).id),
                RecordChange(
                    key: asset(1), base: try world.base(asset(1)),
                    setBlobs: ["pairedVideo": blob("video")]),
            ]
            let receipt = try world.kernel.apply(
                [ChangeGroup(id: group(77), changes: join)], to: world.anna.photos,
                by: world.anna.phone, at: world.now, in: world.transaction)
            #expect(receipt.results.map(\.status) == [.saved])
            #expect(try world.record(asset(2))?.joinedInto == asset(1).id)
            #expect(try world.used() == 200)
            try world.live(days: 40)
            try world.collect()
            #expect(try world.holds("still") && world.holds("video"))
        }
    }

    @Test func `a join that would lose bytes is refused`() async throws {
        try await inWorld { world in
            for name in ["still", "video"] { try world.upload(name) }
            try world.commit(RecordChange(key: asset(1), setBlobs: ["original": blob("still")]))
            try world.commit(RecordChange(key: asset(2), setBlobs: ["original": blob("video")]))
            for target in [asset(1).id, asset(3).id] {
                let result = try world.commit(
                    RecordChange(
                        key: asset(2), action: .delete, base: try world.base(asset(2)),
                        joinedInto: target))
                #expect(result.status == .notInTrash)
            }
            let itself = try world.commit(
                RecordChange(
                    key: asset(2), action: .delete, base: try world.base(asset(2)),
                    joinedInto: asset(2).id))
            #expect(itself.status == .invalidRecord)
            #expect(try world.record(asset(2))?.isDeleted == false)
        }
    }

    @Test func `the first original of a joined part stays until the still is purged`() async throws
    {
        try await inWorld { world in
            for name in ["still", "first", "second"] { try world.upload(name, place: name) }
            try world.commit(RecordChange(key: asset(1), setBlobs: ["original": blob("still")]))
            for name in ["first", "second"] {
                try world.commit(
                    RecordChange(
                        key: asset(2), base: try world.base(asset(2)), setBlobs: original(name)))
            }
            try world.commit(
                RecordChange(
                    key: asset(2), action: .delete, base: try world.base(asset(2)),
                    joinedInto: asset(1).id),
                RecordChange(
                    key: asset(1), base: try world.base(asset(1)),
                    setBlobs: ["pairedVideo": blob("second")]))
            try world.live(days: 100)
            #expect(try world.collect() == [])
            try world.commit(
                RecordChange(key: asset(1), action: .purge, base: try world.base(asset(1))))
            try world.live(days: 8)
            #expect(try world.collect().sorted() == ["first", "second", "still"])
        }
    }
}
