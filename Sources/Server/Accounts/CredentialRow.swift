import Kernel
import Records
import Storage

/// The rows of `credential`.
struct CredentialRow: Sendable {
    let account: AccountID
    let name: String
    let password: String
    let isDisabled: Bool

    private static let columns = "account, name, password, isDisabled"

    private init(_ row: SQLRow) {
        account = row.identifier(0)
        name = row.text(1)
        password = row.text(2)
        isDisabled = row.bool(3)
    }

    static func find(
        _ name: AccountName, in transaction: any Transaction
    ) throws(StorageError) -> CredentialRow? {
        try transaction.firstRow(
            "SELECT \(columns) FROM credential WHERE nameKey = ?", [.text(name.key)]
        ).map(Self.init)
    }

    /// Throws `accountNotFound`.
    static func require(
        _ name: AccountName, in transaction: any Transaction
    ) throws -> CredentialRow {
        guard let row = try find(name, in: transaction) else {
            throw AccountsError.accountNotFound(name)
        }
        return row
    }

    /// Whoever writes a row calls it.
    static func seal(
        _ account: AccountID, in transaction: any Transaction
    ) throws(KernelError) {
        try SummedTable.credential.seal([SQLValue(account)], in: transaction)
    }

    static func all(in transaction: any Transaction) throws(StorageError) -> [CredentialRow] {
        try transaction.rows("SELECT \(columns) FROM credential ORDER BY nameKey").map(Self.init)
    }

    static func insert(
        _ account: AccountID, _ name: AccountName, password: PasswordHash, at now: Timestamp,
        in transaction: any Transaction
    ) throws {
        try transaction.execute(
            """
            INSERT INTO credential (account, name, nameKey, password, changedAt)
            VALUES (?, ?, ?, ?, ?)
            """,
            [
                SQLValue(account), .text(name.text), .text(name.key), .text(password.text),
                SQLValue(now),
            ])
        try seal(account, in: transaction)
    }
}
