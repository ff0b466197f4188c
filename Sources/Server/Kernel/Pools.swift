package import Records
package import Storage

/// An account of a pool.
package struct PoolMember: Hashable, Sendable {
    package let account: AccountID
    package let name: String
    /// Distinct digests that its own zones refer to or retain; what two members have counts for each
    /// of them here, and once for the pool.
    package let usedByteCount: Int64
}

// Several accounts may share one pool: a family's plan.
extension Kernel {
    /// Throws `accountNotFound`.
    package func pool(
        of account: AccountID, in transaction: any Transaction
    ) throws(KernelError) -> PoolID {
        try requireAccount(account, in: transaction).pool
    }

    /// The accounts that share the pool, itself among them, by name.
    package func poolAccounts(
        with account: AccountID, in transaction: any Transaction
    ) throws(KernelError) -> [Account] {
        let pool = try pool(of: account, in: transaction)
        return try transaction.all(
            "SELECT \(Self.accountColumns) FROM account WHERE pool = ? ORDER BY name",
            [SQLValue(pool)]
        ).map(Self.account)
    }

    /// The same with what each of them uses.
    ///
    /// Its cost grows with the libraries of a pool that is shared.
    package func poolMembers(
        with account: AccountID, in transaction: any Transaction
    ) throws(KernelError) -> [PoolMember] {
        let accounts = try poolAccounts(with: account, in: transaction)
        var members: [PoolMember] = []
        for member in accounts {
            let used =
                accounts.count == 1
                ? try quota(of: member.id, in: transaction).usedByteCount
                : try paidByteCount(of: member.id, transaction)
            members.append(
                PoolMember(account: member.id, name: member.name, usedByteCount: used))
        }
        return members
    }

    private func paidByteCount(
        of account: AccountID, _ transaction: any Transaction
    ) throws(KernelError) -> Int64 {
        let paid = try paid(where: "account.id = ?", SQLValue(account), in: transaction)
        let sum = try transaction.first(
            "SELECT COALESCE(SUM(byteCount), 0) FROM (\(paid.sql)) AS paid", paid.arguments)
        return sum?.integer(0) ?? 0
    }

    /// Lets an account share another's pool; its own goes, unless others are in it.
    ///
    /// Throws `overQuota` when both together would use more than the pool may hold, `notAllowed`
    /// above the limit of accounts in one pool; nothing is changed then.
    package func joinPool(
        of other: AccountID, account id: AccountID, in transaction: any Transaction
    ) throws(KernelError) {
        let account = try requireAccount(id, in: transaction)
        let pool = try pool(of: other, in: transaction)
        guard account.pool != pool else { return }
        guard try poolAccounts(with: other, in: transaction).count < Limits.accountsPerPoolMax
        else {
            throw KernelError(
                .notAllowed, "At most \(Limits.accountsPerPoolMax) accounts share a pool.")
        }
        do {
            try transaction.savepoint {
                try store(account.moved(to: pool), in: transaction)
                try recount(poolOf: id, in: transaction)
                let quota = try quota(of: id, in: transaction)
                if let limit = quota.limitByteCount, quota.usedByteCount > limit {
                    throw KernelError(
                        .overQuota,
                        """
                        Together they use \(quota.usedByteCount) bytes of \(limit): raise the \
                        pool's quota first, or free some space.
                        """)
                }
                try leave(account.pool, in: transaction)
            }
        } catch {
            throw KernelError(wrapping: error)
        }
    }

    /// Gives an account a pool of its own with this quota; `nil` is no limit.
    ///
    /// One that had its own already has it with this quota.
    package func leavePool(
        account id: AccountID, quotaByteCount: Int64?, in transaction: any Transaction
    ) throws(KernelError) {
        let account = try requireAccount(id, in: transaction)
        guard try poolAccounts(with: id, in: transaction).count > 1 else {
            return try setQuota(quotaByteCount, account: id, in: transaction)
        }
        let pool = try addPool(quotaByteCount, in: transaction)
        try store(account.moved(to: pool), in: transaction)
        try recount(poolOf: id, in: transaction)
        try leave(account.pool, in: transaction)
    }

    func addPool(
        _ quotaByteCount: Int64?, in transaction: any Transaction
    ) throws(KernelError) -> PoolID {
        let pool: PoolID = newIdentifier()
        try transaction.change(
            "INSERT INTO pool (id, quotaByteCount, usedByteCount) VALUES (?, ?, 0)",
            [SQLValue(pool), SQLValue(quotaByteCount)])
        try SummedTable.pool.seal([SQLValue(pool)], in: transaction)
        return pool
    }

    /// A pool goes with its last account.
    func leave(_ pool: PoolID, in transaction: any Transaction) throws(KernelError) {
        let member = try transaction.first(
            "SELECT id FROM account WHERE pool = ? LIMIT 1", [SQLValue(pool)])
        if let member {
            try recount(poolOf: member.identifier(0), in: transaction)
        } else {
            try transaction.change("DELETE FROM poolBlob WHERE pool = ?", [SQLValue(pool)])
            try SummedTable.pool.remove(where: "id = ?", [SQLValue(pool)], in: transaction)
        }
    }

    /// Bytes on their way into the pool, of all its accounts.
    ///
    /// They are announced, or uploaded and not yet referred to; what the pool pays for already adds
    /// nothing.
    func stagedByteCount(
        in pool: PoolID, _ transaction: any Transaction
    ) throws(KernelError) -> Int64 {
        let row = try transaction.first(
            """
            SELECT COALESCE(SUM(byteCount), 0) + (SELECT COALESCE(SUM(upload.byteCount), 0)
                FROM account JOIN upload ON upload.account = account.id WHERE account.pool = ?)
            FROM (SELECT DISTINCT holding.digest AS digest, holding.byteCount AS byteCount
                FROM account JOIN holding ON holding.account = account.id
                WHERE account.pool = ? AND holding.state = 0 AND NOT EXISTS (SELECT 1 FROM poolBlob
                    WHERE poolBlob.pool = account.pool AND poolBlob.digest = holding.digest)
            ) AS staged
            """, [SQLValue(pool), SQLValue(pool)])
        return row?.integer(0) ?? 0
    }

    func isPaid(
        _ digest: Digest, by pool: PoolID, _ transaction: any Transaction
    ) throws(KernelError) -> Bool {
        try transaction.first(
            "SELECT 1 FROM poolBlob WHERE pool = ? AND digest = ?",
            [SQLValue(pool), SQLValue(digest)]) != nil
    }
}

extension Account {
    fileprivate func moved(to pool: PoolID) -> Account {
        Account(id: id, name: name, pool: pool, isDisabled: isDisabled, createdAt: createdAt)
    }
}

extension Limits {
    package static let accountsPerPoolMax = 50
}
