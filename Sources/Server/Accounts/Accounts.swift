package import Kernel
package import Records
package import Storage

/// Accounts, their devices and their sessions.
///
/// - A password is stored as scrypt, a token as its SHA-256: neither can be read back.
/// - A wrong password and an unknown account give the same answer after the same time.
/// - A device's id counts only within its account: another account's gives nothing.
/// - Revoking is durable beside the database before the answer, so a restore opens nothing again.
///
/// Functions throw `AccountsError`, `KernelError` and `StorageError`.
package struct Accounts: Sendable {
    let database: any Database
    let kernel: Kernel
    let hasher: PasswordHasher
    let revocations: Revocations
    let now: @Sendable () -> Timestamp
    let randomBytes: @Sendable (Int) -> [UInt8]

    /// `randomBytes` must be fit for secrets.
    package init(
        database: any Database, kernel: Kernel, revocations: Revocations,
        hasher: PasswordHasher = PasswordHasher(),
        now: @escaping @Sendable () -> Timestamp,
        randomBytes: @escaping @Sendable (Int) -> [UInt8]
    ) {
        self.database = database
        self.kernel = kernel
        self.hasher = hasher
        self.revocations = revocations
        self.now = now
        self.randomBytes = randomBytes
    }

    /// 16 random bytes as an identifier.
    func newID<Subject>() -> Identifier<Subject> {
        guard let id = Identifier<Subject>(bytes: randomBytes(Identifier<Subject>.byteCount))
        else { preconditionFailure("The source of randomness gave too few bytes.") }
        return id
    }
}

/// An account as its administrator sees it.
package struct AccountSummary: Hashable, Sendable {
    package let id: AccountID
    package let name: String
    package let isDisabled: Bool
    package let deviceCount: Int
    package let usedByteCount: Int64
    /// `nil`: as much as the disk holds.
    package let quotaByteCount: Int64?
}
