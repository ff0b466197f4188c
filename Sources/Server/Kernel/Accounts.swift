package import Records
package import Storage

/// A person, as the kernel knows one.
package struct Account: Hashable, Sendable {
    package let id: AccountID
    package let name: String
    package let pool: PoolID
    package let isDisabled: Bool
    package let createdAt: Timestamp
}

extension Kernel {
    static let accountColumns = "id, name, pool, isDisabled, createdAt, crc"

    /// Makes an account with its own pool and its `photos` and `account` zones.
    ///
    /// The same id again with the same name is the same account; with another, or for a name that
    /// is taken, throws `conflict`.
    package func createAccount(
        _ id: AccountID, name: String, quotaByteCount: Int64?, at time: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) {
        if let found = try account(id, in: transaction) {
            guard found.name == name else {
                throw KernelError(.conflict, "The account id is in use: make another.")
            }
            return
        }
        try check(name, in: transaction)
        let pool = try addPool(quotaByteCount, in: transaction)
        let account = Account(
            id: id, name: name, pool: pool, isDisabled: false, createdAt: time)
        try transaction.change(
            "INSERT INTO account (\(Self.accountColumns)) VALUES (?, ?, ?, ?, ?, ?)",
            Self.values(of: account))
        for kind in [ZoneKind.account, ZoneKind.photos] {
            try createZone(newIdentifier(), kind: kind, owner: id, at: time, in: transaction)
        }
    }

    private func check(_ name: String, in transaction: any Transaction) throws(KernelError) {
        guard (1...Limits.accountNameByteCountMax).contains(name.utf8.count),
            !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
        else {
            throw KernelError(
                .invalidName,
                """
                An account name has 1 to \(Limits.accountNameByteCountMax) bytes and no control \
                characters.
                """)
        }
        guard try account(named: name, in: transaction) == nil else {
            throw KernelError(.conflict, "The account \(name) exists already: choose another name.")
        }
    }

    package func account(
        _ id: AccountID, in transaction: any Transaction
    ) throws(KernelError) -> Account? {
        try transaction.first(
            "SELECT \(Self.accountColumns) FROM account WHERE id = ?", [SQLValue(id)]
        ).map(Self.account)
    }

    package func account(
        named name: String, in transaction: any Transaction
    ) throws(KernelError) -> Account? {
        try transaction.first(
            "SELECT \(Self.accountColumns) FROM account WHERE name = ?", [.text(name)]
        ).map(Self.account)
    }

    /// All accounts by name.
    package func accounts(in transaction: any Transaction) throws(KernelError) -> [Account] {
        try transaction.all("SELECT \(Self.accountColumns) FROM account ORDER BY name")
            .map(Self.account)
    }

    /// A disabled account keeps everything; the services let nobody in.
    package func setDisabled(
        _ isDisabled: Bool, account id: AccountID, in transaction: any Transaction
    ) throws(KernelError) {
        let found = try requireAccount(id, in: transaction)
        try store(
            Account(
                id: id, name: found.name, pool: found.pool, isDisabled: isDisabled,
                createdAt: found.createdAt), in: transaction)
    }

    package func renameAccount(
        _ id: AccountID, to name: String, in transaction: any Transaction
    ) throws(KernelError) {
        let found = try requireAccount(id, in: transaction)
        guard found.name != name else { return }
        try check(name, in: transaction)
        try store(
            Account(
                id: id, name: name, pool: found.pool, isDisabled: found.isDisabled,
                createdAt: found.createdAt), in: transaction)
    }

    /// `nil` is no limit.
    ///
    /// A quota below what is used stops additions only.
    package func setQuota(
        _ byteCount: Int64?, account id: AccountID, in transaction: any Transaction
    ) throws(KernelError) {
        let found = try requireAccount(id, in: transaction)
        try transaction.change(
            "UPDATE pool SET quotaByteCount = ? WHERE id = ?",
            [SQLValue(byteCount), SQLValue(found.pool)])
        try SummedTable.pool.seal([SQLValue(found.pool)], in: transaction)
    }

    func requireAccount(
        _ id: AccountID, in transaction: any Transaction
    ) throws(KernelError) -> Account {
        guard let account = try account(id, in: transaction) else {
            throw KernelError(.accountNotFound, "There is no such account.")
        }
        return account
    }

    func store(
        _ account: Account, in transaction: any Transaction
    ) throws(KernelError) {
        let values = Self.values(of: account)
        try transaction.change(
            """
            UPDATE account SET name = ?, pool = ?, isDisabled = ?, createdAt = ?, crc = ?
            WHERE id = ?
            """, Array(values.dropFirst()) + [SQLValue(account.id)])
    }

    static func account(_ row: SQLRow) -> Account {
        Account(
            id: row.identifier(0), name: row.text(1), pool: row.identifier(2),
            isDisabled: row.bool(3), createdAt: row.timestamp(4))
    }

    private static func values(of account: Account) -> [SQLValue] {
        var values: [SQLValue] = [
            SQLValue(account.id), .text(account.name), SQLValue(account.pool),
            SQLValue(account.isDisabled), SQLValue(account.createdAt),
        ]
        values.append(RowChecksum.checksum(values))
        return values
    }
}
