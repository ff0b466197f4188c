import Kernel
import Records
import Storage
import Testing

@Suite struct QuotaTests {
    @Test func `a digest counts once, thumbnails and other pools not at all`() async throws {
        try await inWorld { world in
            for name in ["a", "t"] { try world.upload(name) }
            for number in 1...2 as ClosedRange<UInt64> {
                try world.commit(
                    RecordChange(
                        key: asset(number),
                        setBlobs: ["original": blob("a"), "edited": blob("a")]))
            }
            try world.commit(
                RecordChange(key: key(.rendering, 1), setBlobs: ["thumbnail": blob("t")]))
            #expect(try world.used() == 100)
            #expect(try world.used(world.bert) == 0)
        }
    }

    @Test func `a full account refuses additions and takes everything else`() async throws {
        try await inWorld { world in
            let (kernel, transaction) = (world.kernel, world.transaction)
            for name in ["a", "b", "c"] { try world.upload(name) }
            try kernel.setQuota(200, account: world.anna.account, in: transaction)
            func add(_ number: UInt64, _ name: String) throws -> GroupResult {
                try world.commit(
                    RecordChange(key: asset(number), setBlobs: ["original": blob(name)]))
            }
            #expect(try add(1, "a").status == .saved)
            #expect(try add(2, "b").status == .saved)
            let full = try add(3, "c")
            #expect(full.status == .overQuota && full.message != nil)
            #expect(try world.used() == 200 && world.record(asset(3)) == nil)
            // The same bytes again, favorites and deletions add nothing.
            #expect(try add(4, "a").status == .saved)
            try kernel.setQuota(50, account: world.anna.account, in: transaction)
            #expect(
                try world.commit(
                    RecordChange(
                        key: asset(1), base: try world.base(asset(1)),
                        set: ["favorite": .bool(true)])
                ).status == .saved)
            #expect(
                try world.commit(
                    RecordChange(key: asset(1), base: try world.base(asset(1)), trashed: true)
                ).status == .saved)
            let asked = code {
                try kernel.checkUpload(
                    byteCount: 1, for: world.anna.account, in: transaction)
            }
            #expect(asked == .overQuota)
            // What the account refers to already may always be sent again.
            try kernel.checkUpload(
                byteCount: 100, digest: digest("a"), for: world.anna.account, in: transaction)
        }
    }

    @Test func `an upload within the quota to the byte is taken`() async throws {
        try await inWorld { world in
            let (kernel, account) = (world.kernel, world.anna.account)
            try kernel.setQuota(1_000, account: account, in: world.transaction)
            try world.upload("staged", byteCount: 400)
            try kernel.checkUpload(byteCount: 600, for: account, in: world.transaction)
            let over = code {
                try kernel.checkUpload(byteCount: 601, for: account, in: world.transaction)
            }
            #expect(over == .overQuota)
        }
    }

    @Test func `staged bytes have a limit of their own`() async throws {
        try await inWorld { world in
            let (kernel, account) = (world.kernel, world.anna.account)
            try world.upload("a", byteCount: Limits.stagedByteCountMax - 10)
            try kernel.checkUpload(byteCount: 10, for: account, in: world.transaction)
            let over = code {
                try kernel.checkUpload(byteCount: 11, for: account, in: world.transaction)
            }
            #expect(over == .stagedFull)
            let huge = code {
                try kernel.checkUpload(
                    byteCount: Limits.blobByteCountMax + 1, for: account, in: world.transaction)
            }
            #expect(huge == .notAllowed)
        }
    }

    @Test func `a count that went wrong is found and mended`() async throws {
        try await inWorld { world in
            for name in ["a", "b", "t"] { try world.upload(name) }
            try world.commit(RecordChange(key: asset(1), setBlobs: ["original": blob("a")]))
            try world.commit(
                RecordChange(
                    key: asset(1), base: try world.base(asset(1)),
                    setBlobs: ["original": blob("b")]))
            try world.commit(
                RecordChange(key: key(.rendering, 1), setBlobs: ["thumbnail": blob("t")]))
            let (kernel, account) = (world.kernel, world.anna.account)
            #expect(try kernel.recount(poolOf: account, in: world.transaction) == 0)
            try world.transaction.execute("UPDATE pool SET usedByteCount = 7000")
            #expect(try kernel.recount(poolOf: account, in: world.transaction) == 6_800)
            #expect(try world.used() == 200)
        }
    }

    @Test func `what is derived in one service is paid for in another`() async throws {
        try await inWorld(schemas: [NotesSchema(), PlainSchema()]) { world in
            let (kernel, account) = (world.kernel, world.anna.account)
            let other = try #require(
                try kernel.zones(of: account, in: world.transaction)
                    .first { $0.kind == ZoneKind.account })
            for name in ["a", "b"] { try world.upload(name) }
            try world.commit(
                RecordChange(key: key(.rendering, 1), setBlobs: ["thumbnail": blob("a")]))
            try world.commit(
                RecordChange(key: key(.rendering, 1), setBlobs: ["thumbnail": blob("b")]),
                id: 77, to: other.id)
            #expect(try world.used() == 100)
            #expect(try kernel.miscounts(in: world.transaction).isEmpty)
            #expect(try kernel.recount(poolOf: account, in: world.transaction) == 0)
        }
    }
}

/// Another service, in which nothing is derived.
private struct PlainSchema: RecordSchema {
    let zoneKind = ZoneKind.account
}
