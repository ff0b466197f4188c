package import Kernel
import Records
package import Storage

/// Which of several servers looks for all and tells, and what the owner has set.
package enum AlertTurn {
    /// `nil`: no device is ever silent.
    package static func silentDays(
        in transaction: any Transaction
    ) throws(KernelError) -> Int64? {
        let days =
            try transaction.first("SELECT silentDays FROM alertTurn")?.integer(0)
            ?? Limits.silentDaysDefault
        return days > 0 ? days : nil
    }

    package static func setSilentDays(
        _ days: Int64?, in transaction: any Transaction
    ) throws(KernelError) {
        try makeRow(transaction)
        try transaction.change("UPDATE alertTurn SET silentDays = ?", [.integer(days ?? 0)])
    }

    /// Takes the turn, or keeps it; returns whether it is this process's.
    static func take(
        _ lease: UInt64, at now: Timestamp, in transaction: any Transaction
    ) throws(KernelError) -> Bool {
        try makeRow(transaction)
        return try transaction.change(
            """
            UPDATE alertTurn SET lease = ?, leasedUntil = ?
            WHERE lease IS NULL OR lease = ? OR leasedUntil <= ? OR leasedUntil > ?
            """,
            [
                SQLValue(bits: lease), SQLValue(now.adding(seconds: Limits.alertLeaseSeconds)),
                SQLValue(bits: lease), SQLValue(now),
                // A clock that was set back must not keep everybody from looking.
                SQLValue(now.adding(seconds: 2 * Limits.alertLeaseSeconds)),
            ]) > 0
    }

    /// Lets another server have it.
    static func leave(_ lease: UInt64, in transaction: any Transaction) throws(KernelError) {
        try transaction.change(
            "UPDATE alertTurn SET lease = NULL WHERE lease = ?", [SQLValue(bits: lease)])
    }

    /// Whether it is time to look at everything; if so, the next time is later.
    static func beginLook(
        at now: Timestamp, in transaction: any Transaction
    ) throws(KernelError) -> Bool {
        try transaction.change(
            """
            UPDATE alertTurn SET lookedAt = ? WHERE lookedAt IS NULL OR lookedAt <= ?
                OR lookedAt > ?
            """,
            [
                SQLValue(now), SQLValue(now.adding(seconds: -Limits.alertLookSeconds)),
                SQLValue(now),
            ]) > 0
    }

    private static func makeRow(_ transaction: any Transaction) throws(KernelError) {
        try transaction.change(
            """
            INSERT INTO alertTurn ("only", silentDays) VALUES (1, ?)
            ON CONFLICT ("only") DO NOTHING
            """, [.integer(Limits.silentDaysDefault)])
    }
}
