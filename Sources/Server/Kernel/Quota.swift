package import Records
package import Storage

/// What an account's pool may hold and holds.
package struct Quota: Hashable, Sendable {
    /// `nil`: no limit.
    package let limitByteCount: Int64?
    /// Distinct digests that are referenced or retained in the zones of the pool's accounts.
    package let usedByteCount: Int64
    /// Uploaded by this account and not referred to yet.
    package let stagedByteCount: Int64
}

extension Kernel {
    package func quota(
        of account: AccountID, in transaction: any Transaction
    ) throws(KernelError) -> Quota {
        guard
            let row = try transaction.first(
                """
                SELECT pool.quotaByteCount, pool.usedByteCount
                FROM account JOIN pool ON pool.id = account.pool WHERE account.id = ?
                """, [SQLValue(account)])
        else { throw KernelError(.accountNotFound, "There is no such account.") }
        return Quota(
            limitByteCount: row.optionalInteger(0), usedByteCount: row.integer(1),
            stagedByteCount: try stagedByteCount(of: account, in: transaction))
    }

    /// Counts a pool's references anew.
    ///
    /// Returns how far the kept sum was off, in bytes; 0 is right. For examinations: nothing but a
    /// bug or a damaged file makes it differ.
    @discardableResult
    package func recount(
        poolOf account: AccountID, in transaction: any Transaction
    ) throws(KernelError) -> Int64 {
        let pool = try requireAccount(account, in: transaction).pool
        let before = try quota(of: account, in: transaction).usedByteCount
        try transaction.change("DELETE FROM poolBlob WHERE pool = ?", [SQLValue(pool)])
        var used: Int64 = 0
        for zone in try zones(ofPool: pool, in: transaction) {
            let schema = schema(for: zone)
            let references = try transaction.all(
                """
                SELECT digest, type, byteCount FROM blobReference WHERE zone = ?
                ORDER BY digest, id, type, role, revision
                """, [SQLValue(zone.id)])
            for row in references {
                guard let digest = row.optionalDigest(0),
                    schema?.isDerived(RecordType(rawValue: row.text(1))) != true
                else { continue }
                used += try addToPool(digest, row.integer(2), pool, transaction)
            }
        }
        try transaction.change(
            "UPDATE pool SET usedByteCount = ? WHERE id = ?", [.integer(used), SQLValue(pool)])
        return before - used
    }

    private func zones(
        ofPool pool: PoolID, in transaction: any Transaction
    ) throws(KernelError) -> [Zone] {
        var all: [Zone] = []
        let accounts = try transaction.all(
            "SELECT id FROM account WHERE pool = ? ORDER BY id", [SQLValue(pool)])
        for row in accounts { all += try zones(of: row.identifier(0), in: transaction) }
        return all
    }

    /// Returns the bytes that are new to the pool.
    func addToPool(
        _ digest: Digest, _ byteCount: Int64, _ pool: PoolID, _ transaction: any Transaction
    ) throws(KernelError) -> Int64 {
        let row = try transaction.first(
            """
            INSERT INTO poolBlob (pool, digest, byteCount, referenceCount) VALUES (?, ?, ?, 1)
            ON CONFLICT (pool, digest) DO UPDATE SET referenceCount = poolBlob.referenceCount + 1
            RETURNING referenceCount
            """, [SQLValue(pool), SQLValue(digest), .integer(byteCount)])
        return row?.integer(0) == 1 ? byteCount : 0
    }

    /// Returns the bytes that the pool no longer pays for.
    func dropFromPool(
        _ digest: Digest, _ pool: PoolID, _ transaction: any Transaction
    ) throws(KernelError) -> Int64 {
        let row = try transaction.first(
            """
            UPDATE poolBlob SET referenceCount = referenceCount - 1
            WHERE pool = ? AND digest = ? RETURNING referenceCount, byteCount
            """, [SQLValue(pool), SQLValue(digest)])
        guard let row, row.integer(0) <= 0 else { return 0 }
        try transaction.change(
            "DELETE FROM poolBlob WHERE pool = ? AND digest = ?",
            [SQLValue(pool), SQLValue(digest)])
        return row.integer(1)
    }
}
