import Kernel
import Records
import Storage
import Testing

@Suite struct BlobTests {
    @Test func `a size that is not the blob's is refused`() async throws {
        try await inWorld { world in
            try world.upload("a", byteCount: 100)
            let result = try world.commit(
                RecordChange(key: asset(1), setBlobs: ["original": blob("a", byteCount: 99)]))
            #expect(result.status == .invalidRecord)
        }
    }

    @Test(arguments: Place.allCases)
    func `bytes that identify a record are no second record's, also when they are its earlier ones`(
        place: Place
    ) async throws {
        try await inWorld(place) { world in
            try world.upload("a")
            try world.upload("b")
            try world.commit(RecordChange(key: asset(1), setBlobs: ["identity": blob("a")]))
            try world.commit(
                RecordChange(
                    key: asset(1), base: try world.base(asset(1)),
                    setBlobs: ["identity": blob("b")]))
            for name in ["a", "b"] {
                let result = try world.commit(
                    RecordChange(key: asset(2), setBlobs: ["identity": blob(name)]))
                #expect(result.status == .recordChanged)
                #expect(result.records.map(\.key) == [asset(1)])
            }
            // In another role they identify nothing.
            let other = try world.commit(
                RecordChange(key: asset(2), setBlobs: ["original": blob("a")]))
            #expect(other.status == .saved)
            // What is deleted owns nothing.
            try world.commit(
                RecordChange(
                    key: asset(1), action: .purge, base: try world.base(asset(1))))
            let result = try world.commit(
                RecordChange(
                    key: asset(2), base: try world.base(asset(2)),
                    setBlobs: ["identity": blob("b")]))
            #expect(result.status == .saved)
        }
    }

    @Test func `all missing blobs of a group are named at once`() async throws {
        try await inWorld { world in
            try world.upload("b")
            let result = try world.commit(
                RecordChange(
                    key: asset(1), setBlobs: ["original": blob("a"), "sidecar": blob("b")]),
                RecordChange(key: asset(2), setBlobs: ["original": blob("c")]))
            #expect(result.digests == [digest("a"), digest("c")])
        }
    }

    @Test func `staged bytes go after a day, unless somebody asked for them`() async throws {
        try await inWorld { world in
            for name in ["a", "b"] { try world.upload(name, place: name) }
            world.now = world.now.adding(seconds: 23 * 3_600)
            #expect(try world.holds("a"))
            world.now = world.now.adding(seconds: 2 * 3_600)
            #expect(try world.collect() == ["b"])
            world.now = world.now.adding(seconds: 22 * 3_600)
            #expect(try world.collect() == ["a"])
        }
    }

    @Test func `a crash between the collector and the store leaves the bytes to the next turn`()
        async throws
    {
        try await inWorld { world in
            try world.upload("a", place: "a")
            world.now = world.now.adding(seconds: 25 * 3_600)
            let (kernel, transaction) = (world.kernel, world.transaction)
            for _ in 1...2 {
                let turn = try kernel.collect(at: world.now, in: transaction)
                #expect(turn.removable == [ObjectKey(text: "a")] && !turn.more)
            }
            // The same bytes arrive again before the old ones are removed.
            try world.upload("a", place: "a, again")
            try kernel.removed([ObjectKey(text: "a")], in: transaction)
            #expect(try kernel.collect(at: world.now, in: transaction).removable == [])
            let location = try kernel.object(
                digest("a"), for: world.anna.account, in: transaction)
            #expect(location.key.text == "a, again")
        }
    }

    @Test func `one turn of the collector takes so many rows`() async throws {
        try await inWorld { world in
            for number in 0...Limits.rowsPerCollectionMax { try world.upload("\(number)") }
            world.now = world.now.adding(seconds: 25 * 3_600)
            let first = try world.kernel.collect(at: world.now, in: world.transaction)
            #expect(first.removable.count == Limits.rowsPerCollectionMax && first.more)
            try world.kernel.removed(first.removable, in: world.transaction)
            let second = try world.kernel.collect(at: world.now, in: world.transaction)
            #expect(second.removable.count == 1 && !second.more)
        }
    }

    @Test func `objects that a crash left without a row are found`() async throws {
        try await inWorld { world in
            try world.upload("a", place: "a")
            let keys = ["a", "left"].map { ObjectKey(text: $0) }
            #expect(
                try world.kernel.unknownObjects(among: keys, in: world.transaction) == [keys[1]])
        }
    }

    @Test func `a lost object is asked for, and comes back to its references`() async throws {
        try await inWorld { world in
            try world.upload("a", place: "damaged")
            try world.upload("a", by: world.bert, place: "surplus")
            try world.commit(RecordChange(key: asset(1), setBlobs: ["original": blob("a")]))
            let (kernel, transaction) = (world.kernel, world.transaction)
            let location = try kernel.object(
                digest("a"), for: world.anna.account, in: transaction)
            try kernel.setVerified(
                digest("a"), key: location.key, at: world.now, in: transaction)
            try kernel.markLost(digest("a"), key: ObjectKey(text: "other"), in: transaction)
            #expect(try kernel.wantedCount(for: world.anna.account, in: transaction) == 0)
            try kernel.markLost(digest("a"), key: location.key, in: transaction)
            for person in [world.anna, world.bert] {
                #expect(
                    try kernel.wanted(for: person.account, limit: 5, in: transaction)
                        == [digest("a")])
                #expect(try !world.holds("a", person))
                let gone = code {
                    _ = try kernel.object(digest("a"), for: person.account, in: transaction)
                }
                #expect(gone == .blobNotFound)
            }
            let second = try world.commit(
                RecordChange(key: asset(2), setBlobs: ["original": blob("a")]))
            #expect(second.status == .blobsMissing)
            // What is left of it is not swept: somebody may still read a part.
            let left = ObjectKey(text: "damaged")
            #expect(try kernel.unknownObjects(among: [left], in: transaction).isEmpty)

            try world.upload("a", place: "again")
            #expect(try kernel.wantedCount(for: world.anna.account, in: transaction) == 0)
            #expect(try kernel.wantedCount(for: world.bert.account, in: transaction) == 1)
            try world.live(days: 2)
            #expect(try world.collect() == ["damaged"])
            #expect(try world.holds("a"))
        }
    }

    @Test func `a reading back counts for everybody who holds the bytes`() async throws {
        try await inWorld { world in
            try world.upload("a", place: "a")
            try world.upload("a", by: world.bert)
            let (kernel, transaction) = (world.kernel, world.transaction)
            func receipt(_ person: World.Person) throws -> Receipt {
                try kernel.receipt(
                    digest("a"), for: person.account, at: world.now, in: transaction)
            }
            #expect(code { _ = try receipt(world.anna) } == .notVerified)
            try kernel.setVerified(
                digest("a"), key: ObjectKey(text: "a"), at: world.now, in: transaction)
            for person in [world.anna, world.bert] {
                let receipt = try receipt(person)
                #expect(receipt.verifiedAt == world.now && receipt.account == person.account)
                #expect(receipt.copies == 1 && receipt.epoch == world.zone.epoch)
            }
        }
    }

    @Test func `bytes that were not kept do not vouch for those that are`() async throws {
        try await inWorld { world in
            try world.upload("a", place: "unread")
            try world.upload("a", by: world.bert, verified: true, place: "read, not kept")
            let thrown = code {
                _ = try world.kernel.receipt(
                    digest("a"), for: world.bert.account, at: world.now, in: world.transaction)
            }
            #expect(thrown == .notVerified)
        }
    }

    @Test func `asking for many costs one write a half day`() async throws {
        try await inWorld { world in
            try world.upload("a")
            func pin() throws -> Int64? {
                try world.transaction.firstRow("SELECT pinnedUntil FROM holding")?.integer(0)
            }
            let first = try pin()
            world.now = world.now.adding(seconds: 11 * 3_600)
            #expect(try world.holds("a"))
            #expect(try pin() == first)
            world.now = world.now.adding(seconds: 2 * 3_600)
            #expect(try world.holds("a"))
            #expect(try pin() == world.now.adding(seconds: 24 * 3_600).milliseconds)
        }
    }

    @Test func `a zone says where it refers to a blob`() async throws {
        try await inWorld { world in
            for name in ["a", "b"] { try world.upload(name) }
            try world.commit(RecordChange(key: asset(1), setBlobs: ["original": blob("a")]))
            try world.commit(
                RecordChange(
                    key: asset(1), base: try world.base(asset(1)),
                    setBlobs: ["original": blob("b"), "edited": blob("a")]))
            let places = try world.kernel.places(
                referringTo: digest("a"), in: world.anna.photos, in: world.transaction)
            #expect(places.map(\.role) == ["edited", "original"])
            #expect(places.map(\.isRetained) == [false, true])
        }
    }
}
