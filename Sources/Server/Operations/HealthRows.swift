import Kernel
import Records
import Status
import Storage

/// A service's history as rows.
enum HealthRows {
    static func read(
        _ service: MonitoredService, in transaction: any Transaction
    ) throws(KernelError) -> HealthHistory {
        let changes = try transaction.all(
            "SELECT at, health FROM serviceChange WHERE service = ? ORDER BY at",
            [.text(service.rawValue)])
        let days = try transaction.all(
            """
            SELECT day, availableMilliseconds, degradedMilliseconds, outageMilliseconds,
                maintenanceMilliseconds, latencies
            FROM serviceDay WHERE service = ? ORDER BY day
            """, [.text(service.rawValue)])
        return HealthHistory(
            changes: changes.compactMap { row in
                ServiceHealth(rawValue: row.text(1)).map {
                    HealthChange(at: row.timestamp(0), health: $0)
                }
            },
            days: days.map { row in
                var day = HealthDay(day: row.integer(0))
                day.milliseconds = [
                    .available: row.integer(1), .degraded: row.integer(2),
                    .outage: row.integer(3), .maintenance: row.integer(4),
                ]
                day.latencies = LatencyHistogram(bytes: row.blob(5))
                return day
            })
    }

    /// The present day and the latest change; the oldest rows go.
    static func write(
        _ history: HealthHistory, of service: MonitoredService, at now: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) {
        let name = SQLValue.text(service.rawValue)
        let today = HealthDay.number(of: now)
        // The day before may have grown since it was written last.
        for number in [today - 1, today] {
            guard let day = history.days[number] else { continue }
            try transaction.change(
                """
                INSERT INTO serviceDay (service, day, availableMilliseconds,
                    degradedMilliseconds, outageMilliseconds, maintenanceMilliseconds, latencies)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (service, day) DO UPDATE SET
                    availableMilliseconds = excluded.availableMilliseconds,
                    degradedMilliseconds = excluded.degradedMilliseconds,
                    outageMilliseconds = excluded.outageMilliseconds,
                    maintenanceMilliseconds = excluded.maintenanceMilliseconds,
                    latencies = excluded.latencies
                """,
                [name, .integer(number)]
                    + [ServiceHealth.available, .degraded, .outage, .maintenance].map {
                        .integer(day.milliseconds[$0] ?? 0)
                    } + [.blob(day.latencies.bytes)])
        }
        try transaction.change(
            "DELETE FROM serviceDay WHERE service = ? AND day <= ?",
            [name, .integer(today - Limits.historyDays)])
        let newest = try transaction.first(
            "SELECT MAX(at) FROM serviceChange WHERE service = ?", [name]
        )?.optionalTimestamp(0)
        for change in history.changes where newest.map({ change.at > $0 }) ?? true {
            try transaction.change(
                "INSERT INTO serviceChange (service, at, health) VALUES (?, ?, ?)",
                [name, SQLValue(change.at), .text(change.health.rawValue)])
        }
        if let oldest = history.changes.first {
            try transaction.change(
                "DELETE FROM serviceChange WHERE service = ? AND at < ?",
                [name, SQLValue(oldest.at)])
        }
    }
}
