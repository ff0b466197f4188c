import Accounts
import Kernel
import Records
import Storage
import TestSupport

/// Accounts over a database in memory, with a clock that only moves when told.
final class AccountsWorld: Sendable {
    let database: any Database
    let accounts: Accounts
    let folder: TemporaryFolder
    private let clock: TestClock

    var revocations: Revocations {
        Revocations(journal: AppendFile(path: folder.file("revoked")))
    }

    init() async throws {
        let folder = try TemporaryFolder()
        let database = try TestDatabase.inMemory(
            migrations: Kernel.migrations + AccountsSchema.migrations
                + AccountsSchema.laterMigrations)
        let clock = TestClock(milliseconds: 1_700_000_000_000)
        let numbers = TestNumbers()
        try await database.prepareServer()
        self.folder = folder
        self.database = database
        self.clock = clock
        accounts = Accounts(
            database: database, kernel: Kernel(randomNumber: numbers.next),
            revocations: Revocations(journal: AppendFile(path: folder.file("revoked"))),
            now: clock.read, randomBytes: numbers.bytes)
    }

    func wait(seconds: Int64) { clock.advance(seconds: seconds) }

    func signIn(
        _ name: String, _ password: String, device: UInt64 = 1, isBrowser: Bool = false,
        address: String = "192.0.2.1"
    ) async throws -> (session: Session, token: SessionToken) {
        try await accounts.signIn(
            SignIn(
                account: name, password: Secret(password),
                device: DeviceID(high: 7, low: device), deviceName: "laptop",
                isBrowser: isBrowser, address: address))
    }
}

extension AccountName {
    static func of(_ text: String) throws -> AccountName { try AccountName(parsing: text) }
}

extension AccountsWorld {
    /// Signed-in devices without the time that passwords take.
    func fillDevices(of account: AccountID, from first: Int, to end: Int) async throws {
        try await database.write { transaction in
            for number in first..<end {
                try transaction.execute(
                    """
                    INSERT INTO device
                        (account, id, name, isBrowser, token, signedInAt, heardAt)
                    VALUES (?, ?, 'filler', 0, ?, 0, 0)
                    """,
                    [
                        SQLValue(account), SQLValue(DeviceID(high: 8, low: UInt64(number))),
                        SQLValue(Digest(of: Array("\(number)".utf8))),
                    ])
            }
        }
    }
}

extension Database {
    func prepareServer() async throws {
        let kernel = Kernel(randomNumber: TestNumbers().next)
        try await write { transaction in
            _ = try kernel.prepare(at: Timestamp(milliseconds: 0), in: transaction)
        }
    }
}

extension AccountsWorld {
    func storedPassword(of name: String) async throws -> String {
        try await database.read { transaction in
            try transaction.firstRow(
                "SELECT password FROM credential WHERE nameKey = ?", [.text(name)])?.text(0) ?? ""
        }
    }

    func setStoredPassword(of name: String, to text: String) async throws {
        try await database.write { transaction in
            _ = try transaction.execute(
                "UPDATE credential SET password = ? WHERE nameKey = ?", [.text(text), .text(name)])
        }
    }
}
