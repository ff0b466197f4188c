import Kernel
import Operations
import Records
import Status
import Storage
import Wire

/// What an account's storage is, and what it asks for.
struct StorageService: Sendable {
    let parts: ServiceParts

    private var plans: Plans {
        Plans(database: parts.database, kernel: parts.kernel, now: parts.now)
    }

    func storage(of account: AccountID) async throws -> StorageReply {
        let free = try? await parts.store.freeByteCount()
        let now = parts.now()
        let (storage, disk) = try await parts.database.read {
            [kernel = parts.kernel] transaction in
            (
                try AccountStorage.read(of: account, kernel, at: now, in: transaction),
                try free.flatMap { free in
                    try UsageHistory.diskForecast(
                        freeByteCount: free, at: now, in: transaction)
                }
            )
        }
        return StorageReply(storage, diskFreeByteCount: free, disk)
    }

    func ask(for plan: String, by account: AccountID) async throws -> StorageReply.Request {
        StorageReply.Request(
            try await plans.ask(for: try PlanName(parsing: plan), by: account))
    }

    func withdraw(by account: AccountID) async throws {
        try await plans.withdraw(by: account)
    }
}

extension StorageReply {
    fileprivate init(
        _ storage: AccountStorage, diskFreeByteCount: Int64?, _ disk: Operations.Forecast?
    ) {
        let quota = storage.quota
        self.init(
            usedByteCount: quota.usedByteCount, quotaByteCount: quota.limitByteCount,
            stagedByteCount: quota.stagedByteCount,
            warning: quota.limitByteCount.flatMap { Warning(of: $0, used: quota.usedByteCount) },
            members: storage.members.map {
                Member(name: $0.name, usedByteCount: $0.usedByteCount)
            }, plan: storage.plan?.name,
            plans: storage.plans.map { Plan(name: $0.name, byteCount: $0.byteCount) },
            request: storage.request.map(Request.init),
            forecast: storage.forecast.map(Forecast.init),
            measuredDays: storage.measuredDayCount, diskFreeByteCount: diskFreeByteCount,
            diskForecast: disk.map(Forecast.init))
    }
}

extension StorageReply.Forecast {
    fileprivate init(_ forecast: Operations.Forecast) {
        self.init(
            fullAt: forecast.fullAt, byteCountPerDay: forecast.byteCountPerDay,
            days: forecast.dayCount)
    }
}

extension StorageReply.Request {
    fileprivate init(_ request: PlanRequest) {
        let state: State =
            switch request.answer?.isGranted {
            case nil: .waiting
            case true?: .granted
            case false?: .declined
            }
        self.init(
            plan: request.plan, state: state, askedAt: request.askedAt,
            answeredAt: request.answer?.at, message: request.answer?.message)
    }
}

extension StorageReply.Warning {
    fileprivate init?(of quota: Int64, used: Int64) {
        let left = quota - used
        if left <= 0 {
            self = .full
        } else if left < QuotaWarning.nearlyFullByteCount(of: quota) {
            self = .nearlyFull
        } else {
            return nil
        }
    }
}
