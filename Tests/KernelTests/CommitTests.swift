import Kernel
import Records
import Storage
import Testing

@Suite struct CommitTests {
    @Test(arguments: Place.allCases)
    func `a record is made, patched and read back`(place: Place) async throws {
        try await inWorld(place) { world in
            let made = try world.commit(
                RecordChange(
                    key: album(1), set: ["title": .string("Alps"), "other": .integer(7)]))
            #expect(made.status == .saved && made.sequence == 1)
            world.now = world.now.adding(seconds: 60)
            let patched = try world.commit(
                RecordChange(
                    key: album(1), base: try world.base(album(1)), set: ["title": .string("Alpen")],
                    unset: ["other"], requires: 1), by: world.anna.laptop)
            #expect(patched.status == .saved && patched.sequence == 2)
            let record = try #require(try world.record(album(1)))
            #expect(record.fields == ["title": .string("Alpen")])
            #expect(record.envelope.sequence == 2)
            #expect(record.envelope.createdBy == world.anna.account)
            #expect(record.envelope.changedBy == world.anna.laptop.device)
            #expect(record.envelope.changedAt == world.now)
            #expect(record.envelope.createdAt < world.now)
        }
    }

    @Test func `a change from an earlier state is answered with the present one`() async throws {
        try await inWorld { world in
            try world.commit(RecordChange(key: album(1), set: ["title": .string("a")]))
            let base = try world.base(album(1))
            try world.commit(RecordChange(key: album(1), base: base, set: ["title": .string("b")]))
            for stale in [base, nil] {
                let result = try world.commit(
                    RecordChange(key: album(1), base: stale, set: ["title": .string("c")]))
                #expect(result.status == .recordChanged)
                #expect(result.records.map(\.fields) == [["title": .string("b")]])
                #expect(result.message != nil)
            }
            #expect(try world.head() == 2)
        }
    }

    @Test func `a change to a record that the server never had names none`() async throws {
        try await inWorld { world in
            try world.commit(RecordChange(key: album(1)))
            let result = try world.commit(
                RecordChange(key: album(2), base: try world.base(album(1)), set: ["a": .null]))
            #expect(result.status == .recordChanged && result.records.isEmpty)
        }
    }

    @Test func `all stale records of a group are named and none of it is saved`() async throws {
        try await inWorld { world in
            for number in 1...2 as ClosedRange<UInt64> {
                try world.commit(RecordChange(key: album(number)))
            }
            let result = try world.commit(
                RecordChange(key: album(3)), RecordChange(key: album(1)),
                RecordChange(key: album(2)))
            #expect(result.records.map(\.key) == [album(1), album(2)])
            #expect(try world.record(album(3)) == nil)
        }
    }

    @Test(arguments: Place.allCases)
    func `a bad group among good ones takes nothing from them`(place: Place) async throws {
        try await inWorld(place) { world in
            let titles = ["one", "forbidden", "three"]
            let groups = titles.enumerated().map { index, title in
                ChangeGroup(
                    id: group(UInt64(index)),
                    changes: [
                        RecordChange(
                            key: album(UInt64(index * 10)), set: ["title": .string("first")]),
                        RecordChange(
                            key: album(UInt64(index * 10 + 1)), set: ["title": .string(title)]),
                    ])
            }
            let receipt = try world.kernel.apply(
                groups, to: world.anna.photos, by: world.anna.phone, at: world.now,
                in: world.transaction)
            #expect(receipt.results.map(\.status) == [.saved, .invalidRecord, .saved])
            #expect(receipt.results[1].message == "Choose another title.")
            #expect(receipt.changed && receipt.token.sequence == 1)
            #expect(receipt.results.map(\.sequence) == [1, nil, 1])
            let page = try world.changes()
            #expect(page.records.count == 4 && page.token == receipt.token)
            let projected = try world.transaction.rows("SELECT title FROM noteTitle ORDER BY id")
            #expect(projected.map { $0.text(0) } == ["first", "one", "first", "three"])
        }
    }

    @Test func `the same group again is answered again without a second effect`() async throws {
        try await inWorld { world in
            let change = RecordChange(key: album(1), set: ["title": .string("a")])
            let first = try world.commit(change, id: 5)
            try world.commit(
                RecordChange(
                    key: album(1), base: try world.base(album(1)), set: ["title": .string("b")]))
            let again = try world.commit(change, id: 5, by: world.anna.laptop)
            #expect(again == first)
            #expect(try world.head() == 2)
            #expect(try world.record(album(1))?.fields == ["title": .string("b")])
        }
    }

    @Test func `a refused group can be sent again under its id`() async throws {
        try await inWorld { world in
            let change = RecordChange(key: asset(1), setBlobs: ["original": blob("a")])
            let refused = try world.commit(change, id: 5)
            #expect(refused.status == .blobsMissing && refused.digests == [digest("a")])
            try world.upload("a")
            #expect(try world.commit(change, id: 5).status == .saved)
        }
    }

    @Test func `groups are remembered for seven days`() async throws {
        try await inWorld { world in
            let change = RecordChange(key: album(1))
            try world.commit(change, id: 5)
            let week = Int64(Limits.groupMemoryDays) * Timestamp.millisecondsPerDay
            world.now = world.now.adding(milliseconds: week)
            try world.collect()
            #expect(try world.commit(change, id: 5).status == .saved)
            world.now = world.now.adding(milliseconds: 1)
            try world.collect()
            #expect(try world.commit(change, id: 5).status == .recordChanged)
        }
    }

    @Test func `a group changes each record once`() async throws {
        try await inWorld { world in
            let result = try world.commit(
                RecordChange(key: album(1)), RecordChange(key: album(1)))
            #expect(result.status == .invalidRecord)
        }
    }

    @Test func `a record for newer devices is read-only to older ones`() async throws {
        try await inWorld { world in
            try world.commit(RecordChange(key: album(1), requires: 2), protocolNumber: 2)
            let base = try world.base(album(1))
            for action in [RecordChange.Action.save, .delete, .purge] {
                let old = try world.commit(
                    RecordChange(key: album(1), action: action, base: base), protocolNumber: 1)
                #expect(old.status == .notAllowed)
            }
            let new = try world.commit(
                RecordChange(key: album(1), base: base, set: ["a": .null]), protocolNumber: 2)
            #expect(new.status == .saved)
            // Of a server that was restored: it says again what a newer one had written.
            let relayed = try world.commit(
                RecordChange(
                    key: album(1), base: try world.base(album(1)),
                    derivedFrom: Base(epoch: Epoch(rawValue: 9), sequence: 9), set: ["a": .null]),
                protocolNumber: 1)
            #expect(relayed.status == .saved)
        }
    }

    @Test func `facts of a higher reader replace, those of a lower are nothing`() async throws {
        try await inWorld { world in
            func facts(_ reader: Int64) -> RecordChange {
                RecordChange(key: key(.facts, 1), set: ["by": .integer(reader)])
            }
            try world.commit(facts(1))
            #expect(try world.commit(facts(3)).status == .saved)
            let lower = try world.commit(facts(2))
            #expect(lower.status == .saved && lower.sequence == 2)
            #expect(try world.head() == 2)
            #expect(try world.record(key(.facts, 1))?.fields == ["by": .integer(3)])
        }
    }

    @Test func `unknown types, fields and roles are kept as they are`() async throws {
        try await inWorld { world in
            try world.upload("x")
            let strange = key(RecordType(rawValue: "from 2031"), 1)
            let fields: Fields = [
                "deep": .array([.object(["π": .number(3.14), "none": .null]), .bool(true)])
            ]
            try world.commit(
                RecordChange(key: strange, set: fields, setBlobs: ["hologram": blob("x")]))
            let record = try #require(try world.record(strange))
            #expect(record.fields == fields)
            #expect(record.blobs == ["hologram": blob("x")])
        }
    }

    @Test func `a request that changes nothing leaves the head`() async throws {
        try await inWorld { world in
            let receipt = try world.kernel.apply(
                [ChangeGroup(id: group(1), changes: [])], to: world.anna.photos,
                by: world.anna.phone, at: world.now, in: world.transaction)
            #expect(!receipt.changed)
            #expect(receipt.token == world.zone.token)
        }
    }
}
