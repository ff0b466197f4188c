package import Kernel
package import Records
package import Storage

/// Where the server makes a backup of itself each night, and how that went.
package struct BackupSchedule: Hashable, Sendable {
    package static let minutesPerDay = 1_440

    /// Absolute.
    package let folder: String
    /// Of the day, in the server's own time.
    package let minute: Int
    package let rule: KeepRule
    /// The owner allowed the server's own disk.
    package let allowsSameDisk: Bool
    /// When the last whole one began; `nil`: none into this folder yet.
    package let lastAt: Timestamp?
    package let failure: Failure?
    /// Until when somebody has the turn; in the past: whoever had it ended in the middle.
    private let leasedUntil: Timestamp?

    /// Since when it fails, and why the last time.
    package struct Failure: Hashable, Sendable {
        package let since: Timestamp
        package let cause: String
        let nextTryAt: Timestamp
    }

    package init(folder: String, minute: Int, rule: KeepRule, allowsSameDisk: Bool) {
        self.init(
            folder, minute, rule, allowsSameDisk, lastAt: nil, failure: nil, leasedUntil: nil)
    }

    private init(
        _ folder: String, _ minute: Int, _ rule: KeepRule, _ allowsSameDisk: Bool,
        lastAt: Timestamp?, failure: Failure?, leasedUntil: Timestamp?
    ) {
        self.folder = folder
        self.minute = minute
        self.rule = rule
        self.allowsSameDisk = allowsSameDisk
        self.lastAt = lastAt
        self.failure = failure
        self.leasedUntil = leasedUntil
    }

    /// Reads a time of day such as `03:00`.
    package static func minute(parsing text: String) throws(BackupError) -> Int {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ (1...2).contains($0.count) }),
            parts.joined().allSatisfy({ $0.isASCII && $0.isNumber }),
            let hour = Int(parts[0]), let minute = Int(parts[1]), hour < 24, minute < 60
        else {
            throw BackupError(
                .invalidRule, "--at takes a time of day such as 03:00, not “\(text)”.")
        }
        return hour * 60 + minute
    }

    /// `03:00`.
    package var timeOfDay: String {
        let (hour, rest) = minute.quotientAndRemainder(dividingBy: 60)
        return "\(hour < 10 ? "0" : "")\(hour):\(rest < 10 ? "0" : "")\(rest)"
    }

    /// The last time that one should have begun; `secondsFromUTC`: the server's own time's.
    func dueAt(_ now: Timestamp, secondsFromUTC: Int64) -> Timestamp {
        let day = Timestamp.millisecondsPerDay
        let shift = secondsFromUTC * 1_000 - Int64(minute) * 60_000
        let passed = now.adding(milliseconds: shift).milliseconds % day
        return now.adding(milliseconds: -(passed < 0 ? passed + day : passed))
    }

    /// Whether the one that should have begun last was not made: a server that was off at the time
    /// makes it when it is on again.
    func isMissing(at now: Timestamp, secondsFromUTC: Int64) -> Bool {
        guard let lastAt else { return true }
        return lastAt < dueAt(now, secondsFromUTC: secondsFromUTC) || lastAt > now
    }

    /// Whether there is something to do now: what failed is tried again after a while, and what
    /// somebody left in the middle (made, say, and not proven) is gone on with.
    func isDue(at now: Timestamp, secondsFromUTC: Int64) -> Bool {
        if let leasedUntil, leasedUntil <= now { return true }
        guard let failure else { return isMissing(at: now, secondsFromUTC: secondsFromUTC) }
        // A clock that was set back must not keep it waiting.
        return failure.nextTryAt <= now
            || failure.nextTryAt > now.adding(seconds: Limits.backupRetrySeconds)
    }
}

// As a row.
extension BackupSchedule {
    /// `nil`: none is made by itself.
    package static func read(
        in transaction: any Transaction
    ) throws(KernelError) -> BackupSchedule? {
        try transaction.first(
            """
            SELECT folder, minuteOfDay, keep, allowsSameDisk, lastAt, failingSince, cause,
                nextTryAt, leasedUntil
            FROM backupSchedule
            """
        ).map { row in
            BackupSchedule(
                row.text(0), row.int(1), (try? KeepRule(parsing: row.text(2))) ?? .standard,
                row.integer(3) == 1, lastAt: row.optionalTimestamp(4),
                failure: row.optionalTimestamp(5).map {
                    Failure(
                        since: $0, cause: row.optionalText(6) ?? "",
                        nextTryAt: row.optionalTimestamp(7) ?? $0)
                }, leasedUntil: row.optionalTimestamp(8))
        }
    }

    /// From now on; the first one is due at once, wherever the last was made.
    package func save(in transaction: any Transaction) throws(KernelError) {
        // Whoever writes into another folder now must not be believed to have written into this.
        try transaction.change(
            "DELETE FROM backupSchedule WHERE folder <> ?", [.text(folder)])
        try transaction.change(
            """
            INSERT INTO backupSchedule ("only", folder, minuteOfDay, keep, allowsSameDisk)
            VALUES (1, ?, ?, ?, ?)
            ON CONFLICT ("only") DO UPDATE SET minuteOfDay = excluded.minuteOfDay,
                keep = excluded.keep, allowsSameDisk = excluded.allowsSameDisk,
                lastAt = NULL, failingSince = NULL, cause = NULL, nextTryAt = NULL
            """,
            [
                .text(folder), SQLValue(minute), .text(rule.text),
                .integer(allowsSameDisk ? 1 : 0),
            ])
    }

    /// None is made by itself any more; what was made stays.
    package static func remove(in transaction: any Transaction) throws(KernelError) {
        try transaction.change("DELETE FROM backupSchedule")
    }

    // MARK: - Whose turn it is

    /// Takes the turn to make the one that is due; `nil`: none is, or another server makes it.
    static func take(
        _ lease: UInt64, at now: Timestamp, secondsFromUTC: Int64,
        in transaction: any Transaction
    ) throws(KernelError) -> BackupSchedule? {
        guard let schedule = try read(in: transaction),
            schedule.isDue(at: now, secondsFromUTC: secondsFromUTC),
            try transaction.change(
                """
                UPDATE backupSchedule SET lease = ?, leasedUntil = ?
                WHERE lease IS NULL OR leasedUntil <= ? OR leasedUntil > ?
                """,
                [
                    SQLValue(bits: lease),
                    SQLValue(now.adding(seconds: Limits.backupLeaseSeconds)), SQLValue(now),
                    // A clock that was set back must not keep everybody from it.
                    SQLValue(now.adding(seconds: 2 * Limits.backupLeaseSeconds)),
                ]) > 0
        else { return nil }
        return schedule
    }

    /// Keeps the turn for a while longer.
    static func renew(
        _ lease: UInt64, at now: Timestamp, in transaction: any Transaction
    ) throws(KernelError) {
        try transaction.change(
            "UPDATE backupSchedule SET leasedUntil = ? WHERE lease = ?",
            [
                SQLValue(now.adding(seconds: Limits.backupLeaseSeconds)), SQLValue(bits: lease),
            ])
    }

    /// Of a server that has the database for itself: a turn of before is nobody's, and what was left
    /// in the middle is gone on with at once.
    static func endLeases(in transaction: any Transaction) throws(KernelError) {
        try transaction.change(
            "UPDATE backupSchedule SET leasedUntil = 0 WHERE lease IS NOT NULL")
    }

    /// Leaves it in the middle, for the next one.
    static func leave(_ lease: UInt64, in transaction: any Transaction) throws(KernelError) {
        try transaction.change(
            "UPDATE backupSchedule SET leasedUntil = 0 WHERE lease = ?", [SQLValue(bits: lease)])
    }

    /// The backup that began then is whole: what is left to do does not make it again.
    static func made(
        _ lease: UInt64, began: Timestamp, in transaction: any Transaction
    ) throws(KernelError) {
        try transaction.change(
            "UPDATE backupSchedule SET lastAt = ? WHERE lease = ?",
            [SQLValue(began), SQLValue(bits: lease)])
    }

    /// All is done.
    static func succeeded(
        _ lease: UInt64, in transaction: any Transaction
    ) throws(KernelError) {
        try transaction.change(
            """
            UPDATE backupSchedule SET lease = NULL, leasedUntil = NULL,
                failingSince = NULL, cause = NULL, nextTryAt = NULL
            WHERE lease = ?
            """, [SQLValue(bits: lease)])
    }

    /// It is tried again in an hour.
    static func failed(
        _ lease: UInt64, cause: String, at now: Timestamp, in transaction: any Transaction
    ) throws(KernelError) {
        try transaction.change(
            """
            UPDATE backupSchedule SET lease = NULL, leasedUntil = NULL,
                failingSince = COALESCE(failingSince, ?), cause = ?, nextTryAt = ?
            WHERE lease = ?
            """,
            [
                SQLValue(now), .text(AlertText.line(cause, max: Limits.backupCauseCharactersMax)),
                SQLValue(now.adding(seconds: Limits.backupRetrySeconds)), SQLValue(bits: lease),
            ])
    }
}

enum BackupScheduleSchema {
    static let schedule = """
        -- Where the server makes a backup of itself each day, at which minute of its own time, and
        -- which are kept (KeepRule). `lastAt` is when the last whole one began,
        -- `failingSince` is NULL unless the latest failed; `lease` is which server makes one now;
        -- one that is over and still there was left in the middle.
        -- One row, or none.
        CREATE TABLE backupSchedule (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            folder TEXT NOT NULL,
            minuteOfDay INTEGER NOT NULL,
            keep TEXT NOT NULL,
            allowsSameDisk INTEGER NOT NULL,
            lastAt INTEGER,
            failingSince INTEGER,
            cause TEXT,
            nextTryAt INTEGER,
            lease INTEGER,
            leasedUntil INTEGER
        ) STRICT;
        """
}

extension Limits {
    static let backupRetrySeconds: Int64 = 3_600
    /// A server that has died has the turn no longer than that.
    static let backupLeaseSeconds: Int64 = 180
    static let backupLeaseRenewSeconds = 30
    static let backupPollSeconds = 10
    static let backupCauseCharactersMax = 500
    /// A night before a week is over, so that it is the same day of each week.
    static let proofDueSeconds: Int64 = 7 * 86_400 - 43_200
}
