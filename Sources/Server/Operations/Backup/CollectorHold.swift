package import Kernel
package import Records
package import Storage

/// Keeps the collector from removing objects while a backup copies them.
///
/// A lease: it ends by itself when the backup dies.
package enum CollectorHold {
    package static func isInForce(
        at now: Timestamp, in transaction: any Transaction
    ) throws(KernelError) -> Bool {
        let until = try transaction.first("SELECT until FROM collectorHold")?.timestamp(0)
        return until.map { now < $0 } ?? false
    }

    static func take(at now: Timestamp, in transaction: any Transaction) throws(KernelError) {
        try transaction.change(
            """
            INSERT INTO collectorHold ("only", until) VALUES (1, ?)
            ON CONFLICT ("only") DO UPDATE SET until = excluded.until
            """, [SQLValue(now.adding(seconds: Limits.collectorHoldSeconds))])
    }

    static func release(in transaction: any Transaction) throws(KernelError) {
        try transaction.change("DELETE FROM collectorHold")
    }
}
