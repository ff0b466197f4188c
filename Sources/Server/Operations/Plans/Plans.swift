package import Kernel
package import Records
package import Storage

/// The sizes that who runs the server offers, who has which, and who asks for one.
///
/// A pool's quota comes from its plan, or was set by itself; both never at once. A quota below what is
/// used stops additions only.
///
/// Functions throw `PlansError`, `KernelError` and `StorageError`.
package struct Plans: Sendable {
    let database: any Database
    let kernel: Kernel
    let now: @Sendable () -> Timestamp

    package init(
        database: any Database, kernel: Kernel, now: @escaping @Sendable () -> Timestamp
    ) {
        self.database = database
        self.kernel = kernel
        self.now = now
    }

    // MARK: - Plans

    /// All plans, the smallest first, and who has them.
    package func all() async throws -> [PlanSummary] {
        try await database.read { transaction in
            let rows = try transaction.rows(
                """
                SELECT storagePlan.nameKey, account.name, account.pool
                FROM poolPlan JOIN storagePlan ON storagePlan.nameKey = poolPlan.nameKey
                    JOIN account ON account.pool = poolPlan.pool
                ORDER BY account.pool, account.name
                """)
            return try Self.plans(in: transaction).map { plan in
                let mine = rows.filter { $0.text(0) == plan.name.lowercased() }
                let pools = Dictionary(grouping: mine) { $0.blob(2) }
                    .values.map { $0.map { $0.text(1) } }
                return PlanSummary(
                    plan: plan, pools: pools.sorted { $0.lexicographicallyPrecedes($1) })
            }
        }
    }

    static func plans(in transaction: any Transaction) throws(KernelError) -> [Plan] {
        try transaction.all(
            """
            SELECT name, byteCount FROM storagePlan
            ORDER BY CASE WHEN byteCount IS NULL THEN 1 ELSE 0 END, byteCount, nameKey
            """
        ).map { Plan(name: $0.text(0), byteCount: $0.optionalInteger(1)) }
    }

    /// Makes a plan, or gives one another size: whoever has it has that at once.
    package func set(_ name: PlanName, byteCount: Int64?) async throws {
        guard byteCount ?? 0 >= 0 else {
            throw PlansError(.invalidPlan, "A plan has a size such as 50GB, or none.")
        }
        try await database.write { transaction in
            let count = try transaction.firstRow(
                "SELECT COUNT(*) FROM storagePlan WHERE nameKey <> ?", [.text(name.key)])
            guard (count?.int(0) ?? 0) < Limits.plansMax else {
                throw PlansError(
                    .tooManyPlans, "There are \(Limits.plansMax) plans: remove one first.")
            }
            try transaction.execute(
                """
                INSERT INTO storagePlan (nameKey, name, byteCount) VALUES (?, ?, ?)
                ON CONFLICT (nameKey) DO UPDATE
                    SET name = excluded.name, byteCount = excluded.byteCount
                """, [.text(name.key), .text(name.text), SQLValue(byteCount)])
            try transaction.execute(
                """
                UPDATE pool SET quotaByteCount = ?
                WHERE id IN (SELECT pool FROM poolPlan WHERE nameKey = ?)
                """, [SQLValue(byteCount), .text(name.key)])
            try SummedTable.storagePlan.seal([.text(name.key)], in: transaction)
            let pools = try transaction.rows(
                "SELECT pool FROM poolPlan WHERE nameKey = ?", [.text(name.key)])
            for pool in pools { try SummedTable.pool.seal([pool[0]], in: transaction) }
        }
    }

    /// Throws `planInUse` while an account has it; who waits for it is told that it is gone.
    package func remove(_ name: PlanName) async throws {
        let now = now()
        try await database.write { transaction in
            _ = try Self.require(name, in: transaction)
            let user = try transaction.firstRow(
                """
                SELECT account.name FROM poolPlan JOIN account ON account.pool = poolPlan.pool
                WHERE poolPlan.nameKey = ? ORDER BY account.name LIMIT 1
                """, [.text(name.key)])
            if let user {
                throw PlansError(
                    .planInUse,
                    "“\(user.text(0))” has the plan “\(name.text)”: give it another one first.")
            }
            try SummedTable.storagePlan.remove(
                where: "nameKey = ?", [.text(name.key)], in: transaction)
            try transaction.execute(
                """
                UPDATE planRequest SET answeredAt = ?, isGranted = 0, message = ?
                WHERE nameKey = ? AND answeredAt IS NULL
                """,
                [SQLValue(now), .text("The plan is no longer offered."), .text(name.key)])
        }
    }

    static func require(
        _ name: PlanName, in transaction: any Transaction
    ) throws -> Plan {
        let row = try transaction.firstRow(
            "SELECT name, byteCount FROM storagePlan WHERE nameKey = ?", [.text(name.key)])
        guard let row else { throw PlansError.notFound(name) }
        return Plan(name: row.text(0), byteCount: row.optionalInteger(1))
    }

    // MARK: - Who has which

    /// The plan of the account's pool; `nil`: its quota was set by itself.
    static func plan(
        of account: AccountID, _ kernel: Kernel, in transaction: any Transaction
    ) throws(KernelError) -> Plan? {
        try transaction.first(
            """
            SELECT storagePlan.name, storagePlan.byteCount
            FROM poolPlan JOIN storagePlan ON storagePlan.nameKey = poolPlan.nameKey
            WHERE poolPlan.pool = ?
            """, [SQLValue(try kernel.pool(of: account, in: transaction))]
        ).map { Plan(name: $0.text(0), byteCount: $0.optionalInteger(1)) }
    }

    /// Gives the pool of the account a plan's size, from now on whatever that is.
    package func assign(_ name: PlanName, to account: AccountID) async throws {
        try await database.write { [kernel] transaction in
            try Self.assign(name, to: account, kernel, in: transaction)
        }
    }

    static func assign(
        _ name: PlanName, to account: AccountID, _ kernel: Kernel,
        in transaction: any Transaction
    ) throws {
        let plan = try require(name, in: transaction)
        try kernel.setQuota(plan.byteCount, account: account, in: transaction)
        let pool = SQLValue(try kernel.pool(of: account, in: transaction))
        try transaction.execute(
            """
            INSERT INTO poolPlan (pool, nameKey) VALUES (?, ?)
            ON CONFLICT (pool) DO UPDATE SET nameKey = excluded.nameKey
            """, [pool, .text(name.key)])
        try SummedTable.poolPlan.seal([pool], in: transaction)
    }

    /// Gives the pool of the account a size of its own, which no plan changes; `nil`: no limit.
    package func setQuota(_ byteCount: Int64?, of account: AccountID) async throws {
        try await database.write { [kernel] transaction in
            try kernel.setQuota(byteCount, account: account, in: transaction)
            try transaction.execute(
                "DELETE FROM poolPlan WHERE pool = ?",
                [SQLValue(try kernel.pool(of: account, in: transaction))])
            try SummedTable.poolPlan.forgetGone(in: transaction)
        }
    }

    // MARK: - Pools

    /// The names of the accounts that share the pool, itself among them.
    package func sharers(of account: AccountID) async throws -> [String] {
        try await database.read { [kernel] transaction in
            try kernel.poolAccounts(with: account, in: transaction).map(\.name)
        }
    }

    /// Lets an account share another's pool, and with it its plan or quota.
    package func join(_ account: AccountID, poolOf other: AccountID) async throws {
        try await database.write { [kernel] transaction in
            let before = try kernel.pool(of: account, in: transaction)
            try kernel.joinPool(of: other, account: account, in: transaction)
            let after = try kernel.pool(of: account, in: transaction)
            if before != after { try UsageHistory.forget([before, after], in: transaction) }
        }
    }

    /// Gives an account a pool of its own, with this quota.
    package func leave(_ account: AccountID, quotaByteCount: Int64?) async throws {
        try await database.write { [kernel] transaction in
            let before = try kernel.pool(of: account, in: transaction)
            try kernel.leavePool(
                account: account, quotaByteCount: quotaByteCount, in: transaction)
            let after = try kernel.pool(of: account, in: transaction)
            if before != after { try UsageHistory.forget([before, after], in: transaction) }
            try transaction.execute("DELETE FROM poolPlan WHERE pool = ?", [SQLValue(after)])
            try SummedTable.poolPlan.forgetGone(in: transaction)
        }
    }
}
