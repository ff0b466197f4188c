package import Records
package import Storage

/// One piece of a service's work, such as the facts of one asset.
package struct JobSubject: Hashable, Sendable {
    package let zone: ZoneID
    /// What the service needs to find its subject again; compared byte for byte.
    package let subject: [UInt8]

    package init(zone: ZoneID, subject: [UInt8]) {
        self.zone = zone
        self.subject = subject
    }
}

/// Work that a worker has until its lease ends.
package struct Job: Hashable, Sendable {
    package let account: AccountID
    package let kind: String
    package let zone: ZoneID
    package let subject: [UInt8]
    /// How often it was begun, this time included.
    package let attempts: Int
    package let leasedUntil: Timestamp
    /// Tells this lease from a later one.
    let lease: UInt64
}

/// Why work waits: shown with its item.
package struct JobFailure: Hashable, Sendable {
    package let kind: String
    package let zone: ZoneID
    package let subject: [UInt8]
    package let attempts: Int
    package let error: String
    package let nextTryAt: Timestamp
}

/// Where a kind of work is found.
///
/// Nothing is queued: what must be done is a query over the service's own projection, so it can
/// never be forgotten.
package protocol JobSource {
    var kind: String { get }

    /// Accounts that have work, in any fixed order.
    func accounts(in transaction: any Transaction) throws -> [AccountID]

    /// Up to `limit` pieces of an account's work, leaving out those of which
    /// `Kernel.isJobFree` is false.
    func subjects(
        of account: AccountID, limit: Int, at time: Timestamp, in transaction: any Transaction
    ) throws -> [JobSubject]
}

extension Kernel {
    /// For a source's query: NOT EXISTS over the work that is leased, waits for its next try, or
    /// was given up.
    ///
    /// Takes the arguments account, kind, zone's and subject's columns written in by the source's
    /// SQL, then time, time and `Limits.jobAttemptsMax`.
    package static func isJobFree(zone: String, subject: String) -> String {
        """
        NOT EXISTS (SELECT 1 FROM job WHERE job.account = ? AND job.kind = ?
            AND job.zone = \(zone) AND job.subject = \(subject)
            AND (job.leasedUntil > ? OR job.nextTryAt > ? OR job.attempts >= ?))
        """
    }

    /// The arguments for the question marks of `isJobFree`.
    package static func isJobFreeArguments(
        _ kind: String, _ account: AccountID, at time: Timestamp
    ) -> [SQLValue] {
        [
            SQLValue(account), .text(kind), SQLValue(time), SQLValue(time),
            SQLValue(Limits.jobAttemptsMax),
        ]
    }

    /// Leases up to `limit` pieces of work for `Limits.jobLeaseSeconds`.
    ///
    /// Accounts take turns: the one that waited longest comes first, and each gets its share.
    package func leaseJobs(
        _ source: any JobSource, limit: Int, at time: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) -> [Job] {
        do {
            let waiting = try inTurn(try source.accounts(in: transaction), source.kind, transaction)
            var jobs: [Job] = []
            for (index, account) in waiting.enumerated() where jobs.count < limit {
                let share = max(1, (limit - jobs.count) / (waiting.count - index))
                let subjects = try source.subjects(
                    of: account, limit: share, at: time, in: transaction)
                guard !subjects.isEmpty else { continue }
                for subject in subjects.prefix(share) {
                    jobs.append(
                        try lease(subject, source.kind, account, at: time, transaction))
                }
                try takeTurn(account, source.kind, transaction)
            }
            return jobs
        } catch {
            throw KernelError(wrapping: error)
        }
    }

    /// The work is done.
    ///
    /// Returns `false` when the lease had ended and somebody else has it.
    @discardableResult
    package func complete(
        _ job: Job, in transaction: any Transaction
    ) throws(KernelError) -> Bool {
        try transaction.change(
            "DELETE FROM job WHERE \(Self.jobIsLeased)", Self.leaseArguments(job)) > 0
    }

    /// The work failed; it is tried again after a while that doubles up to 15 minutes, or given up
    /// after `Limits.jobAttemptsMax`.
    ///
    /// `isFinal`: trying again is of no use (a damaged file). Returns `false` when the lease had
    /// ended.
    @discardableResult
    package func fail(
        _ job: Job, error: String, isFinal: Bool = false, at time: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) -> Bool {
        let doubled = Limits.jobRetrySecondsMin << Int64(min(job.attempts - 1, 10))
        let delay = min(doubled, Limits.jobRetrySecondsMax)
        let attempts = isFinal ? max(job.attempts, Limits.jobAttemptsMax) : job.attempts
        return try transaction.change(
            """
            UPDATE job SET lease = NULL, leasedUntil = NULL, attempts = ?, error = ?, nextTryAt = ?
            WHERE \(Self.jobIsLeased)
            """,
            [
                SQLValue(attempts), .text(Self.shortened(error)),
                SQLValue(time.adding(seconds: delay)),
            ] + Self.leaseArguments(job)) > 0
    }

    /// Forgets earlier failures: the cause has cleared, or a newer program can do it.
    package func retryJobs(
        kind: String, of account: AccountID, in transaction: any Transaction
    ) throws(KernelError) {
        try transaction.change(
            "DELETE FROM job WHERE account = ? AND kind = ? AND lease IS NULL",
            [SQLValue(account), .text(kind)])
    }

    /// Failed work of an account, by kind, zone and subject.
    package func failedJobs(
        of account: AccountID, limit: Int, in transaction: any Transaction
    ) throws(KernelError) -> [JobFailure] {
        try transaction.all(
            """
            SELECT kind, zone, subject, attempts, error, nextTryAt FROM job
            WHERE account = ? AND error IS NOT NULL ORDER BY kind, zone, subject LIMIT ?
            """, [SQLValue(account), SQLValue(limit)]
        ).map { row in
            JobFailure(
                kind: row.text(0), zone: row.identifier(1), subject: row.blob(2),
                attempts: row.int(3), error: row.text(4), nextTryAt: row.timestamp(5))
        }
    }

    static let jobIsLeased =
        "account = ? AND kind = ? AND zone = ? AND subject = ? AND lease = ?"

    static func leaseArguments(_ job: Job) -> [SQLValue] {
        [
            SQLValue(job.account), .text(job.kind), SQLValue(job.zone), .blob(job.subject),
            SQLValue(bits: job.lease),
        ]
    }

    /// At most `Limits.jobErrorByteCountMax` bytes, cut between characters.
    private static func shortened(_ text: String) -> String {
        guard text.utf8.count > Limits.jobErrorByteCountMax else { return text }
        var short = ""
        for character in text {
            guard short.utf8.count + character.utf8.count <= Limits.jobErrorByteCountMax else {
                break
            }
            short.append(character)
        }
        return short
    }

    /// A worker that dies with its work counts as an attempt: a file that ends every worker is
    /// given up.
    private func lease(
        _ subject: JobSubject, _ kind: String, _ account: AccountID, at time: Timestamp,
        _ transaction: any Transaction
    ) throws(KernelError) -> Job {
        let lease = randomNumber()
        let until = time.adding(seconds: Limits.jobLeaseSeconds)
        let row = try transaction.first(
            """
            INSERT INTO job (account, kind, zone, subject, lease, leasedUntil, attempts, nextTryAt)
            VALUES (?, ?, ?, ?, ?, ?, 1, ?)
            ON CONFLICT (account, kind, zone, subject) DO UPDATE
                SET lease = excluded.lease, leasedUntil = excluded.leasedUntil,
                    attempts = job.attempts + 1, error = CASE WHEN job.lease IS NULL
                        THEN job.error ELSE 'The worker ended before the work did.' END
            RETURNING attempts
            """,
            [
                SQLValue(account), .text(kind), SQLValue(subject.zone), .blob(subject.subject),
                SQLValue(bits: lease), SQLValue(until), SQLValue(time),
            ])
        return Job(
            account: account, kind: kind, zone: subject.zone, subject: subject.subject,
            attempts: row?.int(0) ?? 1, leasedUntil: until, lease: lease)
    }

    private func inTurn(
        _ accounts: [AccountID], _ kind: String, _ transaction: any Transaction
    ) throws(KernelError) -> [AccountID] {
        var turns: [(turn: Int64, account: AccountID)] = []
        for account in accounts {
            let row = try transaction.first(
                "SELECT turn FROM jobTurn WHERE account = ? AND kind = ?",
                [SQLValue(account), .text(kind)])
            turns.append((row?.integer(0) ?? 0, account))
        }
        return turns.sorted { ($0.turn, $0.account) < ($1.turn, $1.account) }.map(\.account)
    }

    private func takeTurn(
        _ account: AccountID, _ kind: String, _ transaction: any Transaction
    ) throws(KernelError) {
        try transaction.change(
            """
            INSERT INTO jobTurn (account, kind, turn) VALUES (?, ?,
                (SELECT COALESCE(MAX(turn), 0) + 1 FROM jobTurn WHERE kind = ?))
            ON CONFLICT (account, kind) DO UPDATE SET turn = excluded.turn
            """, [SQLValue(account), .text(kind), .text(kind)])
    }
}
