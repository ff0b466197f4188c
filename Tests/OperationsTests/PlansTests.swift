import Kernel
import Operations
import Records
import Storage
import TestSupport
import Testing

/// Plans, who has which, who asks for one, and what pools used.
@Suite struct PlansTests {
    private let database: any Database
    private let kernel: Kernel
    private let clock = TestClock(milliseconds: 1_790_000_000_000)
    private let plans: Plans
    private let anna = AccountID(high: 1, low: 1)
    private let bert = AccountID(high: 1, low: 2)

    init() async throws {
        let database = try TestDatabase.inMemory(
            migrations: Kernel.migrations + OperationsSchema.migrations
                + OperationsSchema.laterMigrations)
        let kernel = Kernel(randomNumber: TestNumbers().next)
        let (now, accounts) = (clock.read(), [("anna", anna), ("bert", bert)])
        try await database.write { transaction in
            try kernel.prepare(at: now, in: transaction)
            for (name, id) in accounts {
                try kernel.createAccount(
                    id, name: name, quotaByteCount: nil, at: now, in: transaction)
            }
        }
        self.database = database
        self.kernel = kernel
        plans = Plans(database: database, kernel: kernel, now: clock.read)
    }

    private func quota(_ account: AccountID) async throws -> Int64? {
        try await database.read { [kernel] transaction in
            try kernel.quota(of: account, in: transaction).limitByteCount
        }
    }

    private func storage(_ account: AccountID) async throws -> AccountStorage {
        let now = clock.read()
        return try await database.read { [kernel] transaction in
            try AccountStorage.read(of: account, kernel, at: now, in: transaction)
        }
    }

    private func code(_ body: () async throws -> Void) async -> PlansError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? PlansError)?.code
        }
    }

    @Test func `whoever has a plan has its size, also when that changes`() async throws {
        let family = try PlanName(parsing: "Family")
        try await plans.set(family, byteCount: 1_000)
        try await plans.assign(try PlanName(parsing: "FAMILY"), to: anna)
        #expect(try await quota(anna) == 1_000)
        #expect(try await storage(anna).plan?.name == "Family")
        try await plans.set(family, byteCount: 2_000)
        #expect(try await quota(anna) == 2_000)
        #expect(try await quota(bert) == nil)
        try await plans.set(family, byteCount: nil)
        #expect(try await quota(anna) == nil)
        #expect(try await plans.all().map(\.pools) == [[["anna"]]])
        #expect(await code { try await plans.remove(family) } == .planInUse)
        // A quota of its own is no plan's any more.
        try await plans.setQuota(77, of: anna)
        #expect(try await storage(anna).plan == nil)
        try await plans.set(family, byteCount: 3_000)
        #expect(try await quota(anna) == 77)
        try await plans.remove(family)
        #expect(try await plans.all().isEmpty)
        #expect(await code { try await plans.remove(family) } == .planNotFound)
        #expect(await code { try await plans.assign(family, to: bert) } == .planNotFound)
    }

    @Test func `a family has one pool, whose plan is everybody's`() async throws {
        let family = try PlanName(parsing: "family")
        try await plans.set(family, byteCount: 1_000)
        try await plans.assign(family, to: anna)
        try await plans.join(bert, poolOf: anna)
        #expect(try await quota(bert) == 1_000)
        #expect(try await plans.all().map(\.pools) == [[["anna", "bert"]]])
        #expect(try await storage(bert).members.map(\.name) == ["anna", "bert"])
        try await plans.leave(bert, quotaByteCount: 5)
        #expect(try await quota(bert) == 5)
        #expect(try await storage(bert).plan == nil)
        #expect(try await storage(anna).plan?.name == "family")
        #expect(try await plans.sharers(of: anna) == ["anna"])
    }

    @Test func `a member asks, and the answer changes the quota`() async throws {
        let (small, large) = (try PlanName(parsing: "small"), try PlanName(parsing: "large"))
        try await plans.set(small, byteCount: 10)
        try await plans.set(large, byteCount: 1_000)
        try await plans.assign(small, to: anna)
        #expect(await code { try await plans.ask(for: small, by: anna) } == .planHeldAlready)
        let missing = try PlanName(parsing: "huge")
        #expect(await code { try await plans.ask(for: missing, by: anna) } == .planNotFound)
        let asked = try await plans.ask(for: large, by: anna)
        clock.advance(seconds: 60)
        // A reply that was lost: the same again is the same.
        #expect(try await plans.ask(for: large, by: anna) == asked)
        #expect(try await plans.requests() == [asked])
        #expect(try await quota(anna) == 10, "asking alone gives nothing")

        try await plans.answer(anna, isGranted: false, message: "Not before May.")
        #expect(try await quota(anna) == 10)
        #expect(try await plans.requests().isEmpty)
        let declined = try await storage(anna).request?.answer
        #expect(declined?.isGranted == false && declined?.message == "Not before May.")
        let again = await code { try await plans.answer(anna, isGranted: true) }
        #expect(again == .planRequestNotFound)

        try await plans.ask(for: large, by: anna)
        #expect(try await storage(anna).request?.answer == nil)
        try await plans.answer(anna, isGranted: true)
        #expect(try await quota(anna) == 1_000)
        #expect(try await storage(anna).plan?.name == "large")
        #expect(try await storage(anna).request?.answer?.isGranted == true)

        try await plans.ask(for: small, by: anna)
        try await plans.withdraw(by: anna)
        #expect(try await plans.requests().isEmpty)
        // Who waits for a plan that goes is told so.
        try await plans.ask(for: small, by: bert)
        try await plans.remove(small)
        #expect(try await storage(bert).request?.answer?.isGranted == false)
    }

    @Test func `names, sizes, messages and numbers of plans have bounds`() async throws {
        for text in ["", " a", "a ", "a\nb", "none", "None", String(repeating: "x", count: 65)] {
            #expect(throws: PlansError.self) { try PlanName(parsing: text) }
        }
        _ = try PlanName(parsing: String(repeating: "x", count: Limits.planNameByteCountMax))
        let name = try PlanName(parsing: "a")
        #expect(await code { try await plans.set(name, byteCount: -1) } == .invalidPlan)
        for number in 0..<Limits.plansMax {
            try await plans.set(try PlanName(parsing: "plan \(number)"), byteCount: 1)
        }
        #expect(await code { try await plans.set(name, byteCount: 1) } == .tooManyPlans)
        try await plans.set(try PlanName(parsing: "plan 7"), byteCount: 2)
        try await plans.ask(for: try PlanName(parsing: "plan 7"), by: anna)
        let long = String(repeating: "x", count: Limits.planMessageByteCountMax + 1)
        let tooLong = await code {
            try await plans.answer(anna, isGranted: true, message: long)
        }
        #expect(tooLong == .invalidPlan)
        try await plans.answer(anna, isGranted: true, message: String(long.dropLast()))
    }

    private func measure(_ used: Int64, free: Int64? = nil) async throws {
        let (now, anna) = (clock.read(), anna)
        try await database.write { [kernel] transaction in
            try transaction.execute(
                "UPDATE pool SET usedByteCount = ? WHERE id = ?",
                [.integer(used), SQLValue(try kernel.pool(of: anna, in: transaction))])
            try UsageHistory.measure(
                freeByteCount: free, kernel, at: now, in: transaction)
        }
    }

    @Test func `what was measured foretells when the pool and the disk are full`() async throws {
        try await plans.setQuota(100_000, of: anna)
        for day in 0..<Int64(10) {
            // Several times a day: the last one counts.
            try await measure(day * 1_000 - 500, free: 5 << 40)
            try await measure(day * 1_000, free: Limits.diskReserveByteCount + 2_000 * (100 - day))
            if day < 9 { clock.advance(seconds: 86_400) }
        }
        let made = try await storage(anna)
        #expect(made.measuredDayCount == 10 && made.forecast?.byteCountPerDay == 1_000)
        #expect(made.forecast?.fullAt == clock.read().adding(seconds: 91 * 86_400))
        let now = clock.read()
        let disk = try await database.read { transaction in
            try UsageHistory.diskForecast(
                freeByteCount: Limits.diskReserveByteCount + 2_000 * 91, at: now, in: transaction)
        }
        #expect(disk?.byteCountPerDay == 2_000)
        #expect(disk?.fullAt == now.adding(seconds: 91 * 86_400))
        // Without a limit nothing is ever full.
        try await plans.setQuota(nil, of: anna)
        #expect(try await storage(anna).forecast == nil)
        // Others in the pool: what was measured is of something else.
        try await plans.setQuota(100_000, of: anna)
        #expect(try await storage(anna).forecast != nil)
        try await plans.join(bert, poolOf: anna)
        #expect(try await storage(anna).forecast == nil)
        #expect(try await storage(anna).measuredDayCount == 0)
    }

    @Test func `days are kept for 90 days, and none by a clock that is suspect`() async throws {
        for _ in 0..<(Limits.historyDays + 5) {
            try await measure(1)
            clock.advance(seconds: 86_400)
        }
        #expect(try await storage(anna).measuredDayCount == Int(Limits.historyDays))
        try await database.write { transaction in
            _ = try transaction.execute("UPDATE server SET clockSuspectSince = 1")
        }
        clock.advance(seconds: 400 * 86_400)
        try await measure(7)
        #expect(try await storage(anna).measuredDayCount == Int(Limits.historyDays))
    }

    @Test func `an account that goes takes its question and its pool's days along`() async throws {
        let name = try PlanName(parsing: "a")
        try await plans.set(name, byteCount: 10)
        try await plans.assign(name, to: bert)
        try await measure(1)
        try await plans.set(try PlanName(parsing: "b"), byteCount: 20)
        try await plans.ask(for: try PlanName(parsing: "b"), by: bert)
        let (bert, now) = (bert, clock.read())
        try await database.write { [kernel] transaction in
            try kernel.removeAccount(bert, at: now, in: transaction)
        }
        #expect(try await plans.requests().isEmpty)
        try await plans.remove(name)
        let days = try await database.read { transaction in
            try transaction.rows("SELECT COUNT(*) FROM poolDay")[0].int(0)
        }
        #expect(days == 1, "anna's")
    }
}
