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
}
