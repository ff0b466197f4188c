package import Kernel
package import Records
package import Storage

/// The truth about an account's storage on the server.
package struct AccountStorage: Hashable, Sendable {
    package let quota: Quota
    /// Who shares the pool, itself among them.
    package let members: [PoolMember]
    package let plan: Plan?
    package let plans: [Plan]
    package let request: PlanRequest?
    package let forecast: Forecast?
    /// How many days of the pool's use are known.
    package let measuredDayCount: Int

    package static func read(
        of account: AccountID, _ kernel: Kernel, at now: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) -> AccountStorage {
        AccountStorage(
            quota: try kernel.quota(of: account, in: transaction),
            members: try kernel.poolMembers(with: account, in: transaction),
            plan: try Plans.plan(of: account, kernel, in: transaction),
            plans: try Plans.plans(in: transaction),
            request: try Plans.request(of: account, in: transaction),
            forecast: try UsageHistory.forecast(of: account, kernel, at: now, in: transaction),
            measuredDayCount: try UsageHistory.measurements(
                of: try kernel.pool(of: account, in: transaction), in: transaction
            ).count)
    }
}

/// What a device must know of the account's pool beside its size.
package struct PoolNotice: Hashable, Sendable {
    /// The names of the others that share it.
    package let sharedWith: [String]
    package let plan: String?

    package static func read(
        of account: AccountID, _ kernel: Kernel, in transaction: any Transaction
    ) throws(KernelError) -> PoolNotice {
        PoolNotice(
            sharedWith: try kernel.poolAccounts(with: account, in: transaction)
                .filter { $0.id != account }.map(\.name),
            plan: try Plans.plan(of: account, kernel, in: transaction)?.name)
    }
}
