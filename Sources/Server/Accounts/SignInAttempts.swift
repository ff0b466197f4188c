import Records
import Storage

/// How often somebody may guess: `Limits.signInFailuresPerWindowMax` for an account's name and
/// for an address, whether the account exists or not.
///
/// An attempt is counted before its password is checked and taken back when it was right, so that
/// attempts made at the same time count too.
struct SignInAttempts: Sendable {
    private let subjects: [String]
    private let at: Timestamp
    private let number: Int64

    /// Throws `tooManySignIns`.
    static func begin(
        _ name: AccountName, from address: String, number: Int64, at now: Timestamp,
        in transaction: any Transaction
    ) throws -> SignInAttempts {
        let begin = now.adding(seconds: -Limits.signInWindowSeconds)
        try transaction.execute("DELETE FROM signInAttempt WHERE at <= ?", [SQLValue(begin)])
        let subjects = ["account " + name.key, "address " + address]
        for subject in subjects {
            let found = try transaction.firstRow(
                "SELECT COUNT(*), MIN(at) FROM signInAttempt WHERE subject = ?",
                [.text(subject)])
            guard let found, found.int(0) >= Limits.signInFailuresPerWindowMax else { continue }
            let over = found.timestamp(1).adding(seconds: Limits.signInWindowSeconds)
            let seconds = max(1, (over.milliseconds - now.milliseconds + 999) / 1000)
            throw AccountsError(
                .tooManySignIns,
                "Too many sign-ins failed: try again in \(seconds) seconds.",
                retryAfterSeconds: seconds)
        }
        for subject in subjects {
            try transaction.execute(
                """
                INSERT INTO signInAttempt (subject, at, number) VALUES (?, ?, ?)
                ON CONFLICT (subject, at, number) DO NOTHING
                """,
                [.text(subject), SQLValue(now), .integer(number)])
        }
        return SignInAttempts(subjects: subjects, at: now, number: number)
    }

    func takeBack(in transaction: any Transaction) throws(StorageError) {
        for subject in subjects {
            try transaction.execute(
                "DELETE FROM signInAttempt WHERE subject = ? AND at = ? AND number = ?",
                [.text(subject), SQLValue(at), .integer(number)])
        }
    }
}
