package import Storage

extension Kernel {
    /// For the start of a server that has the database for itself: ends the leases of its workers
    /// of before, which are gone, and forgets failures, whose cause may be mended.
    ///
    /// What a worker had when it ended stays counted, so that a file that ends every worker is
    /// given up.
    package func endAllLeases(in transaction: any Transaction) throws(KernelError) {
        try transaction.change("DELETE FROM job WHERE lease IS NULL")
        try transaction.change(
            """
            UPDATE job SET lease = NULL, leasedUntil = NULL WHERE lease IS NOT NULL
            """)
    }

    /// For the stop of a worker: its work is anybody's at once, and was not tried.
    ///
    /// What has ended, or is somebody else's by now, stays as it is.
    package func giveBack(_ jobs: [Job], in transaction: any Transaction) throws(KernelError) {
        for job in jobs {
            if job.attempts > 1 {
                try transaction.change(
                    """
                    UPDATE job SET lease = NULL, leasedUntil = NULL, attempts = attempts - 1
                    WHERE \(Self.jobIsLeased)
                    """, Self.leaseArguments(job))
            } else {
                try complete(job, in: transaction)
            }
        }
    }
}
