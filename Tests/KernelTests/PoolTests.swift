import Kernel
import Records
import Storage
import TestSupport
import Testing

/// Several accounts and one pool.
@Suite struct PoolTests {
    @Test func `a pool counts once what its accounts share`() async throws {
        try await inWorld { world in
            let (kernel, transaction) = (world.kernel, world.transaction)
            for name in ["both", "annas"] { try world.upload(name) }
            for name in ["both", "berts"] { try world.upload(name, by: world.bert) }
            func add(_ number: UInt64, _ name: String, bert: Bool = false) throws -> GroupResult {
                try world.commit(
                    RecordChange(key: asset(number), setBlobs: ["original": blob(name)]),
                    id: number + (bert ? 500 : 0), by: bert ? world.bert.phone : nil,
                    to: bert ? world.bert.photos : nil)
            }
            #expect(try add(1, "both").status == .saved)
            #expect(try add(2, "annas").status == .saved)
            #expect(try add(1, "both", bert: true).status == .saved)
            #expect(try add(2, "berts", bert: true).status == .saved)
            #expect(try world.used() == 200 && world.used(world.bert) == 200)
            let annas = try kernel.pool(of: world.anna.account, in: transaction)
            let berts = try kernel.pool(of: world.bert.account, in: transaction)

            try kernel.joinPool(
                of: world.anna.account, account: world.bert.account, in: transaction)
            #expect(try kernel.pool(of: world.bert.account, in: transaction) == annas)
            #expect(try world.used() == 300 && world.used(world.bert) == 300)
            #expect(try kernel.miscounts(in: transaction).isEmpty)
            let members = try kernel.poolMembers(with: world.bert.account, in: transaction)
            #expect(members.map(\.name) == ["anna", "bert"])
            #expect(members.map(\.usedByteCount) == [200, 200])
            let left = try transaction.firstRow(
                "SELECT COUNT(*) FROM pool WHERE id = ?", [SQLValue(berts)])
            #expect(left?.int(0) == 0, "an empty pool goes")
            // Again is the same.
            try kernel.joinPool(
                of: world.anna.account, account: world.bert.account, in: transaction)

            try kernel.leavePool(
                account: world.bert.account, quotaByteCount: 1_000, in: transaction)
            #expect(try world.used() == 200 && world.used(world.bert) == 200)
            #expect(
                try kernel.quota(of: world.bert.account, in: transaction).limitByteCount == 1_000)
            #expect(try kernel.quota(of: world.anna.account, in: transaction).limitByteCount == nil)
            #expect(try kernel.miscounts(in: transaction).isEmpty)
            // An account's rows still carry the sums of what they say.
            #expect(try kernel.examineAccounts(in: transaction).isEmpty)
        }
    }

    @Test func `nobody joins a pool that would be one byte too full`() async throws {
        try await inWorld { world in
            let (kernel, transaction) = (world.kernel, world.transaction)
            for person in [world.anna, world.bert] {
                try world.upload(person.photos.text, by: person)
                try world.commit(
                    RecordChange(
                        key: asset(1), setBlobs: ["original": blob(person.photos.text)]),
                    id: person.phone.device == world.anna.phone.device ? 1 : 2, by: person.phone,
                    to: person.photos)
            }
            try kernel.setQuota(199, account: world.anna.account, in: transaction)
            func join() -> KernelError.Code? {
                code {
                    try kernel.joinPool(
                        of: world.anna.account, account: world.bert.account, in: transaction)
                }
            }
            #expect(join() == .overQuota)
            #expect(try world.used() == 100 && world.used(world.bert) == 100)
            #expect(
                try kernel.poolAccounts(with: world.bert.account, in: transaction).count == 1)
            #expect(try kernel.miscounts(in: transaction).isEmpty)
            try kernel.setQuota(200, account: world.anna.account, in: transaction)
            #expect(join() == nil)
            #expect(try world.used(world.bert) == 200)
        }
    }

    @Test func `what any account of the pool sends counts for all before it is committed`()
        async throws
    {
        try await inWorld { world in
            let (kernel, transaction) = (world.kernel, world.transaction)
            try kernel.setQuota(1_000, account: world.anna.account, in: transaction)
            try kernel.joinPool(
                of: world.anna.account, account: world.bert.account, in: transaction)
            try world.upload("annas", byteCount: 300)
            _ = try kernel.createUpload(
                UploadID(high: 1, low: 1), byteCount: 300, digest: nil, metadata: "",
                for: world.anna.account, at: world.now, in: transaction)
            func asked(_ byteCount: Int64, _ content: String? = nil) -> KernelError.Code? {
                code {
                    try kernel.checkUpload(
                        byteCount: byteCount, digest: content.map { digest($0) },
                        for: world.bert.account, in: transaction)
                }
            }
            #expect(asked(400) == nil)
            #expect(asked(401) == .overQuota)
            func arrived(_ byteCount: Int64, _ content: String) -> KernelError.Code? {
                let object = StoredObject(
                    key: ObjectKey(text: "00000/x"), digest: digest(content), byteCount: byteCount)
                return code {
                    try kernel.checkArrived([object], for: world.bert.account, in: transaction)
                }
            }
            #expect(arrived(400, "new") == nil)
            #expect(arrived(401, "new") == .overQuota)
            // What the pool pays for already adds nothing to it.
            try world.commit(
                RecordChange(
                    key: asset(1), setBlobs: ["original": blob("annas", byteCount: 300)]))
            try kernel.setQuota(300, account: world.anna.account, in: transaction)
            #expect(asked(300, "annas") == nil && arrived(300, "annas") == nil)
            #expect(asked(1, "new") == .overQuota && arrived(1, "new") == .overQuota)
        }
    }

    @Test func `a pool has a limit of accounts`() async throws {
        try await inWorld { world in
            let (kernel, transaction) = (world.kernel, world.transaction)
            for number in 0..<UInt64(Limits.accountsPerPoolMax) {
                let id = AccountID(high: 0xFA, low: number)
                try kernel.createAccount(
                    id, name: "member \(number)", quotaByteCount: nil, at: world.now,
                    in: transaction)
                let refused = code {
                    try kernel.joinPool(of: world.anna.account, account: id, in: transaction)
                }
                let isLast = number == UInt64(Limits.accountsPerPoolMax) - 1
                #expect(refused == (isLast ? .notAllowed : nil))
            }
        }
    }

    @Test func `a pool that an account is removed from counts the others only`() async throws {
        try await inWorld { world in
            let (kernel, transaction) = (world.kernel, world.transaction)
            for person in [world.anna, world.bert] {
                try world.upload(person.photos.text, by: person)
                try world.commit(
                    RecordChange(
                        key: asset(1), setBlobs: ["original": blob(person.photos.text)]),
                    id: person.phone.device == world.anna.phone.device ? 1 : 2, by: person.phone,
                    to: person.photos)
            }
            try kernel.joinPool(
                of: world.anna.account, account: world.bert.account, in: transaction)
            #expect(try world.used(world.bert) == 200)
            try kernel.removeAccount(world.anna.account, at: world.now, in: transaction)
            #expect(try world.used(world.bert) == 100)
            #expect(try kernel.miscounts(in: transaction).isEmpty)
        }
    }
}

/// Two accounts of one pool that commit at the same time.
@Suite struct PoolRaceTests {
    private static let now = Timestamp(milliseconds: 1_763_700_000_000)

    /// `databases`: of one and the same server's data.
    private func race(_ databases: [any Database]) async throws {
        let kernel = Kernel(randomNumber: Numbers(7).next)
        let accounts = (1...2).map { AccountID(high: 1, low: UInt64($0)) }
        let (count, limit): (UInt64, Int64) = (40, 1_999)
        let zones = try await databases[0].write { transaction in
            try kernel.prepare(at: Self.now, in: transaction)
            for (number, account) in accounts.enumerated() {
                try kernel.createAccount(
                    account, name: "member \(number)", quotaByteCount: limit, at: Self.now,
                    in: transaction)
            }
            try kernel.joinPool(of: accounts[0], account: accounts[1], in: transaction)
            for number in 0..<count {
                let object = StoredObject(
                    key: ObjectKey(text: "00000/\(number)"), digest: digest("\(number)"),
                    byteCount: 100)
                // As if they had come in before the quota was what it is.
                _ = try kernel.addHoldings(
                    [HeldObject(object: object)], for: accounts[Int(number % 2)], at: Self.now,
                    in: transaction)
            }
            return try accounts.map { try kernel.zones(of: $0, in: transaction)[1].id }
        }
        let saved = try await withThrowingTaskGroup(of: Bool.self) { tasks in
            for number in 0..<count {
                tasks.addTask {
                    let which = Int(number % 2)
                    let change = RecordChange(
                        key: asset(number), setBlobs: ["original": blob("\(number)")])
                    let receipt = try await kernel.commit(
                        [ChangeGroup(id: group(number), changes: [change])], to: zones[which],
                        by: Actor(
                            account: accounts[which], device: DeviceID(high: 2, low: number)),
                        at: Self.now, database: databases[Int(number) / 2 % databases.count])
                    let status = receipt.results[0].status
                    #expect(status == .saved || status == .overQuota)
                    return status == .saved
                }
            }
            return try await tasks.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        // The twentieth would be one byte too much.
        #expect(saved == 19)
        try await databases[0].write { transaction in
            let quota = try kernel.quota(of: accounts[1], in: transaction)
            #expect(quota.usedByteCount == 1_900)
            #expect(try kernel.miscounts(in: transaction).isEmpty)
            // To the byte it passes.
            try kernel.setQuota(2_000, account: accounts[0], in: transaction)
        }
        var more = 0
        for number in 0..<count {
            let change = RecordChange(
                key: asset(number + 100), setBlobs: ["original": blob("\(number)")])
            let receipt = try await kernel.commit(
                [ChangeGroup(id: group(number + 100), changes: [change])],
                to: zones[Int(number % 2)],
                by: Actor(
                    account: accounts[Int(number % 2)], device: DeviceID(high: 2, low: number)),
                at: Self.now, database: databases[0])
            if receipt.results[0].status == .saved { more += 1 }
        }
        // Those that are there already add nothing; of the others one fits.
        #expect(more == 20)
    }

    @Test func `an embedded database never takes more than the pool holds`() async throws {
        let folder = try TemporaryFolder()
        let database = try SQLiteDatabase(path: folder.file("db"), migrations: Kernel.migrations)
        try await race([database])
        try database.close()
    }

    @Test func `two servers of one PostgreSQL database never take more than the pool holds`()
        async throws
    {
        let folder = try TemporaryFolder()
        try await race(
            (0..<2).map { _ in
                try TestDatabase.openPostgres(folder.file("db"), migrations: Kernel.migrations)
            })
    }
}
