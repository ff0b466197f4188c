package import Kernel
package import Records
package import Storage

/// What pools and the server's disk had in use, a row for each day.
package enum UsageHistory {
    /// Keeps what is so now as the present day's; the oldest rows go.
    ///
    /// `freeByteCount` is of the disk of the blobs; `nil`: nobody knows. Nothing is kept while the
    /// clock is suspect: a wrong day would spoil every later answer.
    package static func measure(
        freeByteCount: Int64?, _ kernel: Kernel, at now: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) {
        guard try kernel.serverState(in: transaction).clockSuspectSince == nil else { return }
        let today = SQLValue.integer(HealthDay.number(of: now))
        for pool in try transaction.all("SELECT id, usedByteCount FROM pool ORDER BY id") {
            try transaction.change(
                """
                INSERT INTO poolDay (pool, day, measuredAt, usedByteCount) VALUES (?, ?, ?, ?)
                ON CONFLICT (pool, day) DO UPDATE SET measuredAt = excluded.measuredAt,
                    usedByteCount = excluded.usedByteCount
                """, [pool[0], today, SQLValue(now), pool[1]])
        }
        if let freeByteCount {
            try transaction.change(
                """
                INSERT INTO diskDay (day, measuredAt, freeByteCount) VALUES (?, ?, ?)
                ON CONFLICT (day) DO UPDATE SET measuredAt = excluded.measuredAt,
                    freeByteCount = excluded.freeByteCount
                """, [today, SQLValue(now), .integer(freeByteCount)])
        }
        let oldest = SQLValue.integer(HealthDay.number(of: now) - Limits.historyDays)
        for table in ["poolDay", "diskDay"] {
            try transaction.change("DELETE FROM \(table) WHERE day <= ?", [oldest])
        }
    }

    /// Their accounts changed: what was measured before is of something else.
    static func forget(
        _ pools: [PoolID], in transaction: any Transaction
    ) throws(KernelError) {
        for pool in pools {
            try transaction.change("DELETE FROM poolDay WHERE pool = ?", [SQLValue(pool)])
        }
    }

    /// Of the account's pool, the oldest first.
    package static func measurements(
        of pool: PoolID, in transaction: any Transaction
    ) throws(KernelError) -> [Forecast.Measurement] {
        try transaction.all(
            "SELECT measuredAt, usedByteCount FROM poolDay WHERE pool = ? ORDER BY day",
            [SQLValue(pool)]
        ).map { Forecast.Measurement(at: $0.timestamp(0), usedByteCount: $0.integer(1)) }
    }

    /// When the account's pool will be full; `nil` without a limit, and when nothing can be said.
    package static func forecast(
        of account: AccountID, _ kernel: Kernel, at now: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) -> Forecast? {
        let quota = try kernel.quota(of: account, in: transaction)
        guard let limit = quota.limitByteCount else { return nil }
        return Forecast(
            try measurements(of: try kernel.pool(of: account, in: transaction), in: transaction),
            leftByteCount: limit - quota.usedByteCount, at: now)
    }

    /// When the server's disk will be full to its reserve; `nil` when nothing can be said.
    package static func diskForecast(
        freeByteCount: Int64, at now: Timestamp, in transaction: any Transaction
    ) throws(KernelError) -> Forecast? {
        let days = try transaction.all("SELECT measuredAt, freeByteCount FROM diskDay")
        return Forecast(
            days.map {
                Forecast.Measurement(at: $0.timestamp(0), usedByteCount: -$0.integer(1))
            }, leftByteCount: freeByteCount - Limits.diskReserveByteCount, at: now)
    }
}
