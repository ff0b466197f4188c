import Kernel
import Records
import Storage
import Testing

@Suite struct AccountTests {
    @Test func `the same account again is the same, another under its name is refused`()
        async throws
    {
        try await inWorld { world in
            let (kernel, transaction) = (world.kernel, world.transaction)
            func create(_ number: UInt64, _ name: String) throws {
                try kernel.createAccount(
                    AccountID(high: 5, low: number), name: name, quotaByteCount: 10,
                    at: world.now, in: transaction)
            }
            try create(1, "carl")
            try create(1, "carl")
            #expect(code { try create(2, "carl") } == .conflict)
            #expect(code { try create(1, "dora") } == .conflict)
            #expect(try kernel.accounts(in: transaction).map(\.name) == ["anna", "bert", "carl"])
            let carl = try #require(try kernel.account(named: "carl", in: transaction))
            #expect(try kernel.zones(of: carl.id, in: transaction).count == 2)
            #expect(try kernel.quota(of: carl.id, in: transaction).limitByteCount == 10)
            try kernel.renameAccount(carl.id, to: "karl", in: transaction)
            try kernel.setDisabled(true, account: carl.id, in: transaction)
            let changed = try #require(try kernel.account(carl.id, in: transaction))
            #expect(changed.name == "karl" && changed.isDisabled)
            #expect(try kernel.examineAccounts(in: transaction).isEmpty)
        }
    }

    @Test(arguments: ["", "a\nb", String(repeating: "a", count: 65)])
    func `a name that is none is refused`(name: String) async throws {
        try await inWorld { world in
            let thrown = code {
                try world.kernel.createAccount(
                    AccountID(high: 5, low: 1), name: name, quotaByteCount: nil, at: world.now,
                    in: world.transaction)
            }
            #expect(thrown == .invalidName)
        }
    }

    @Test func `removing an account leaves the other's and frees its bytes`() async throws {
        try await inWorld { world in
            try world.upload("shared", place: "shared")
            try world.upload("shared", by: world.bert)
            try world.upload("own", place: "own")
            for name in ["shared", "own"] {
                try world.commit(
                    RecordChange(
                        key: asset(name == "own" ? 1 : 2), setBlobs: ["original": blob(name)]))
            }
            try world.commit(RecordChange(key: album(1), set: ["title": .string("x")]))
            _ = try world.kernel.reportState(
                [], device: world.anna.phone.device, account: world.anna.account, at: world.now,
                in: world.transaction)
            try world.kernel.removeAccount(
                world.anna.account, at: world.now, in: world.transaction)
            #expect(try world.collect() == ["own"])
            #expect(try world.holds("shared", world.bert))
            #expect(try world.kernel.accounts(in: world.transaction).map(\.name) == ["bert"])
            for table in ["record", "retained", "blobReference", "savedGroup", "noteTitle"] {
                #expect(try world.transaction.rows("SELECT * FROM \(table)").isEmpty)
            }
        }
    }

    @Test func `a zone is made once`() async throws {
        try await inWorld { world in
            let id = ZoneID(high: 8, low: 8)
            func create(_ kind: String) throws -> Zone {
                try world.kernel.createZone(
                    id, kind: kind, owner: world.anna.account, at: world.now,
                    in: world.transaction)
            }
            let made = try create("app:notes")
            #expect(try create("app:notes") == made)
            #expect(code { _ = try create("drive") } == .conflict)
        }
    }

    @Test(arguments: ["", "Photos", "a b", String(repeating: "a", count: 65)])
    func `a kind that is none is refused`(kind: String) async throws {
        try await inWorld { world in
            let thrown = code {
                try world.kernel.createZone(
                    ZoneID(high: 8, low: 8), kind: kind, owner: world.anna.account,
                    at: world.now, in: world.transaction)
            }
            #expect(thrown == .invalidName)
        }
    }

    @Test func `an account has so many zones`() async throws {
        try await inWorld { world in
            func create(_ number: Int) throws {
                try world.kernel.createZone(
                    ZoneID(high: 8, low: UInt64(number)), kind: "app:x",
                    owner: world.anna.account, at: world.now, in: world.transaction)
            }
            for number in 2..<Limits.zonesPerAccountMax { try create(number) }
            #expect(code { try create(Limits.zonesPerAccountMax) } == .notAllowed)
        }
    }
}
