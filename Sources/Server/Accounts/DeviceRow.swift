import Kernel
package import Records
import Storage

/// A device or browser of an account.
package struct AccountDevice: Hashable, Sendable {
    package let id: DeviceID
    package let name: String
    package let isBrowser: Bool
    package let signedInAt: Timestamp
    package let heardAt: Timestamp
    /// Has a token that still opens the account.
    package let isSignedIn: Bool
}

/// The rows of `device`.
enum DeviceRow {
    struct Session {
        let account: AccountID
        let accountName: String
        let device: DeviceID
        let isBrowser: Bool
        let heardAt: Timestamp
    }

    /// The session of a token that was not revoked, has not run out, and is of an account in use.
    static func session(
        _ token: Digest, at now: Timestamp, in transaction: any Transaction
    ) throws(StorageError) -> Session? {
        try transaction.firstRow(
            """
            SELECT d.account, c.name, d.id, d.isBrowser, d.heardAt
            FROM device d JOIN credential c ON c.account = d.account
            WHERE d.token = ? AND c.isDisabled = 0 AND (d.expiresAt IS NULL OR d.expiresAt > ?)
            """,
            [SQLValue(token), SQLValue(now)]
        ).map {
            Session(
                account: $0.identifier(0), accountName: $0.text(1), device: $0.identifier(2),
                isBrowser: $0.bool(3), heardAt: $0.timestamp(4))
        }
    }

    static func heard(
        _ device: DeviceID, of account: AccountID, at now: Timestamp,
        in transaction: any Transaction
    ) throws(StorageError) {
        try transaction.execute(
            "UPDATE device SET heardAt = ? WHERE account = ? AND id = ?",
            [SQLValue(now), SQLValue(account), SQLValue(device)])
    }

    /// Signs a device in: the same id again is the same device with a new token.
    ///
    /// Returns the digest of the token before, which opens nothing any more.
    static func signIn(
        _ device: DeviceID, of account: AccountID, name: DeviceName, isBrowser: Bool,
        token: Digest, label: String?, at now: Timestamp, expires: Timestamp?,
        in transaction: any Transaction
    ) throws -> Digest? {
        let before = try transaction.firstRow(
            "SELECT token FROM device WHERE account = ? AND id = ?",
            [SQLValue(account), SQLValue(device)])
        if before == nil { try makeRoom(of: account, at: now, in: transaction) }
        try transaction.execute(
            """
            INSERT INTO device
                (account, id, name, isBrowser, token, signedInAt, heardAt, expiresAt, label)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (account, id) DO UPDATE SET
                name = excluded.name, isBrowser = excluded.isBrowser, token = excluded.token,
                signedInAt = excluded.signedInAt, heardAt = excluded.heardAt,
                expiresAt = excluded.expiresAt, label = excluded.label, revokedAt = NULL
            """,
            [
                SQLValue(account), SQLValue(device), .text(name.text), SQLValue(isBrowser),
                SQLValue(token), SQLValue(now), SQLValue(now), SQLValue(expires), SQLValue(label),
            ])
        try SummedTable.device.seal([SQLValue(account), SQLValue(device)], in: transaction)
        return before?.optionalDigest(0)
    }

    /// Forgets browsers whose session has ended; throws `tooManyDevices` when that is not enough.
    private static func makeRoom(
        of account: AccountID, at now: Timestamp, in transaction: any Transaction
    ) throws {
        try SummedTable.device.remove(
            where: "account = ? AND isBrowser = 1 AND (token IS NULL OR expiresAt <= ?)",
            [SQLValue(account), SQLValue(now)], in: transaction)
        let count = try transaction.firstRow(
            "SELECT COUNT(*) FROM device WHERE account = ? AND token IS NOT NULL",
            [SQLValue(account)])
        guard (count?.int(0) ?? 0) < Limits.devicesPerAccountMax else {
            throw AccountsError(
                .tooManyDevices,
                """
                The account has \(Limits.devicesPerAccountMax) devices: sign out one that is not \
                used any more.
                """)
        }
    }

    /// Ends sessions; `device == nil` ends all of the account's.
    ///
    /// Returns the tokens' digests.
    static func revoke(
        _ device: DeviceID?, of account: AccountID, at now: Timestamp,
        in transaction: any Transaction
    ) throws -> [Digest] {
        let filter = "account = ? AND token IS NOT NULL" + (device == nil ? "" : " AND id = ?")
        let arguments = [SQLValue(account)] + (device.map { [SQLValue($0)] } ?? [])
        let tokens = try transaction.rows(
            "SELECT token FROM device WHERE \(filter) ORDER BY id", arguments
        ).compactMap { $0.optionalDigest(0) }
        try transaction.execute(
            "UPDATE device SET token = NULL, revokedAt = ? WHERE \(filter)",
            [SQLValue(now)] + arguments)
        if !tokens.isEmpty {
            try SummedTable.device.seal(all: "account", SQLValue(account), in: transaction)
        }
        return tokens
    }

    static func exists(
        _ device: DeviceID, of account: AccountID, in transaction: any Transaction
    ) throws(StorageError) -> Bool {
        try transaction.firstRow(
            "SELECT 1 FROM device WHERE account = ? AND id = ?",
            [SQLValue(account), SQLValue(device)]) != nil
    }

    static func all(
        of account: AccountID, at now: Timestamp, in transaction: any Transaction
    ) throws(StorageError) -> [AccountDevice] {
        try transaction.rows(
            """
            SELECT id, name, isBrowser, signedInAt, heardAt,
                token IS NOT NULL AND (expiresAt IS NULL OR expiresAt > ?)
            FROM device WHERE account = ? ORDER BY signedInAt, id
            """, [SQLValue(now), SQLValue(account)]
        ).map {
            AccountDevice(
                id: $0.identifier(0), name: $0.text(1), isBrowser: $0.bool(2),
                signedInAt: $0.timestamp(3), heardAt: $0.timestamp(4), isSignedIn: $0.bool(5))
        }
    }
}
