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

/// A pool whose sum does not follow from the references that it pays for.
package struct Miscount: Hashable, Sendable {
    /// The names of its accounts.
    package let accounts: [String]
    /// How far off it is, whichever way; 0 when only the counts behind the sum are wrong.
    package let byteCount: Int64
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
        let paid = try paid(where: "account.pool = ?", SQLValue(pool), in: transaction)
        try transaction.change(
            """
            INSERT INTO poolBlob (pool, digest, byteCount, referenceCount)
            SELECT ?, digest, byteCount, referenceCount FROM (\(paid.sql)) AS paid
            """, [SQLValue(pool)] + paid.arguments)
        let used = try transaction.first(
            "SELECT COALESCE(SUM(byteCount), 0) FROM poolBlob WHERE pool = ?", [SQLValue(pool)])
        let usedByteCount = used?.integer(0) ?? 0
        try transaction.change(
            "UPDATE pool SET usedByteCount = ? WHERE id = ?",
            [.integer(usedByteCount), SQLValue(pool)])
        return before - usedByteCount
    }

    /// The pools whose sums or counts are not those of the references.
    ///
    /// Changes nothing; `recount` would mend it.
    package func miscounts(in transaction: any Transaction) throws(KernelError) -> [Miscount] {
        var wrong: [Miscount] = []
        for row in try transaction.all("SELECT id, usedByteCount FROM pool ORDER BY id") {
            let paid = try paid(where: "account.pool = ?", row[0], in: transaction)
            let sums = "COUNT(*), COALESCE(SUM(byteCount), 0), COALESCE(SUM(referenceCount), 0)"
            let right = try transaction.first(
                "SELECT \(sums) FROM (\(paid.sql)) AS paid", paid.arguments)
            let kept = try transaction.first(
                "SELECT \(sums) FROM poolBlob WHERE pool = ?", [row[0]])
            guard right?.values != kept?.values || right?.integer(1) != row.integer(1) else {
                continue
            }
            let accounts = try transaction.all(
                "SELECT name FROM account WHERE pool = ? ORDER BY name", [row[0]])
            wrong.append(
                Miscount(
                    accounts: accounts.map { $0.text(0) },
                    byteCount: abs((right?.integer(1) ?? 0) - row.integer(1))))
        }
        return wrong
    }

    /// What the accounts of `condition` pay for, counted anew from the references.
    ///
    /// The one sum behind pools; its columns are those of `poolBlob`, without the pool.
    ///
    /// Whether somebody pays for a record's bytes, its own zone's schema says: two services may have
    /// types of the same name.
    func paid(
        where condition: String, _ argument: SQLValue, in transaction: any Transaction
    ) throws(KernelError) -> (sql: String, arguments: [SQLValue]) {
        let from = """
            FROM account JOIN zone ON zone.owner = account.id
                JOIN blobReference ON blobReference.zone = zone.id
            WHERE \(condition)
            """
        let types = try transaction.all(
            "SELECT DISTINCT zone.kind, blobReference.type \(from)", [argument])
        let derived = types.filter { row in
            schema(forKind: row.text(0))?.isDerived(RecordType(rawValue: row.text(1))) == true
        }
        let others = derived.map { _ in " AND NOT (zone.kind = ? AND blobReference.type = ?)" }
        let sql = """
            SELECT blobReference.digest AS digest, MAX(blobReference.byteCount) AS byteCount,
                COUNT(*) AS referenceCount
            \(from)\(others.joined())
            GROUP BY blobReference.digest
            """
        return (sql, [argument] + derived.flatMap { [$0[0], $0[1]] })
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
        try transaction.changePipelined(
            "DELETE FROM poolBlob WHERE pool = ? AND digest = ?",
            [SQLValue(pool), SQLValue(digest)])
        return row.integer(1)
    }
}
