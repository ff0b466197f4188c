import Kernel
package import Records
import Storage

/// What the administrator does, beside the server or in it.
extension Accounts {
    /// Makes an account with its zones.
    @discardableResult
    package func add(
        _ name: AccountName, password: Secret<String>, quotaByteCount: Int64? = nil
    ) async throws -> AccountID {
        let hash = try await hash(password)
        let id: AccountID = newID()
        let now = now()
        return try await database.write { [kernel] transaction in
            guard try CredentialRow.find(name, in: transaction) == nil else {
                throw AccountsError(
                    .accountExists, "The account “\(name.text)” exists: choose another name.")
            }
            try kernel.createAccount(
                id, name: name.text, quotaByteCount: quotaByteCount, at: now, in: transaction)
            try CredentialRow.insert(id, name, password: hash, at: now, in: transaction)
            return id
        }
    }

    /// Makes an account with a password of the server's; returns the password.
    package func addGenerated(
        _ name: AccountName, quotaByteCount: Int64? = nil
    ) async throws -> Secret<String> {
        let password = generatePassword()
        try await add(name, password: password, quotaByteCount: quotaByteCount)
        return password
    }

    /// A password that is easy to copy by hand.
    package func generatePassword() -> Secret<String> { GeneratedPassword.make(randomBytes) }

    /// All accounts, by name.
    package func list() async throws -> [AccountSummary] {
        let now = now()
        return try await database.read { [kernel] transaction in
            try CredentialRow.all(in: transaction).map { row in
                let quota = try kernel.quota(of: row.account, in: transaction)
                let devices = try DeviceRow.all(of: row.account, at: now, in: transaction)
                return AccountSummary(
                    id: row.account, name: row.name, isDisabled: row.isDisabled,
                    deviceCount: devices.count(where: \.isSignedIn),
                    usedByteCount: quota.usedByteCount, quotaByteCount: quota.limitByteCount)
            }
        }
    }

    /// Sets a password and ends every session of the account.
    package func setPassword(_ name: AccountName, to password: Secret<String>) async throws {
        let hash = try await hash(password)
        let now = now()
        let entries = try await database.write { transaction in
            let row = try CredentialRow.require(name, in: transaction)
            try transaction.execute(
                "UPDATE credential SET password = ?, changedAt = ? WHERE account = ?",
                [.text(hash.text), SQLValue(now), SQLValue(row.account)])
            try CredentialRow.seal(row.account, in: transaction)
            let tokens = try DeviceRow.revoke(nil, of: row.account, at: now, in: transaction)
            return [Revocations.Entry.password(row.account, now, hash.text)]
                + tokens.map { .token(row.account, now, $0) }
        }
        try await revocations.add(entries)
    }

    /// Throws `accountNotFound`.
    package func find(_ name: AccountName) async throws -> AccountID {
        try await database.read { try CredentialRow.require(name, in: $0).account }
    }

    /// A disabled account keeps everything and lets nobody in; its sessions end.
    package func setDisabled(_ name: AccountName, to isDisabled: Bool) async throws {
        let now = now()
        let entries = try await database.write { [kernel] transaction -> [Revocations.Entry] in
            let row = try CredentialRow.require(name, in: transaction)
            try kernel.setDisabled(isDisabled, account: row.account, in: transaction)
            try transaction.execute(
                "UPDATE credential SET isDisabled = ? WHERE account = ?",
                [SQLValue(isDisabled), SQLValue(row.account)])
            try CredentialRow.seal(row.account, in: transaction)
            guard isDisabled else { return [] }
            return try DeviceRow.revoke(nil, of: row.account, at: now, in: transaction)
                .map { .token(row.account, now, $0) }
        }
        try await revocations.add(entries)
    }

    /// Removes an account with everything it has; the collector removes the bytes.
    package func remove(_ name: AccountName) async throws {
        let now = now()
        let account = try await database.write { [kernel] transaction in
            let row = try CredentialRow.require(name, in: transaction)
            for table in SummedTable.ofAccounts.reversed() {
                try table.remove(where: "account = ?", [SQLValue(row.account)], in: transaction)
            }
            try kernel.removeAccount(row.account, at: now, in: transaction)
            return row.account
        }
        try await revocations.add([.removed(account, now)])
    }

    /// Makes one more password, for one program; it is shown once.
    package func addAppPassword(
        _ name: AccountName, label: DeviceName
    ) async throws -> Secret<String> {
        let password = generatePassword()
        let now = now()
        try await database.write { transaction in
            let row = try CredentialRow.require(name, in: transaction)
            let labels = try transaction.rows(
                "SELECT label FROM appPassword WHERE account = ?", [SQLValue(row.account)])
            guard !labels.contains(where: { $0.text(0) == label.text }),
                labels.count < Limits.appPasswordsPerAccountMax
            else {
                throw AccountsError(
                    .labelExists,
                    """
                    The account has a password with this label already, or \
                    \(Limits.appPasswordsPerAccountMax) of them: remove one first.
                    """)
            }
            try transaction.execute(
                """
                INSERT INTO appPassword (account, label, digest, createdAt)
                VALUES (?, ?, ?, ?)
                """,
                [
                    SQLValue(row.account), .text(label.text),
                    SQLValue(GeneratedPassword.digest(password)), SQLValue(now),
                ])
            try SummedTable.appPassword.seal(
                [SQLValue(row.account), .text(label.text)], in: transaction)
        }
        return password
    }

    /// Takes an app password back and ends the sessions that came in with it.
    package func removeAppPassword(_ name: AccountName, label: DeviceName) async throws {
        let now = now()
        let entries = try await database.write { transaction -> [Revocations.Entry] in
            let row = try CredentialRow.require(name, in: transaction)
            try SummedTable.appPassword.remove(
                where: "account = ? AND label = ?",
                [SQLValue(row.account), .text(label.text)], in: transaction)
            let devices = try transaction.rows(
                "SELECT id FROM device WHERE account = ? AND label = ?",
                [SQLValue(row.account), .text(label.text)])
            var entries: [Revocations.Entry] = []
            for device in devices {
                entries += try DeviceRow.revoke(
                    device.identifier(0), of: row.account, at: now, in: transaction
                ).map { .token(row.account, now, $0) }
            }
            return entries
        }
        try await revocations.add(entries)
    }

    private func hash(_ password: Secret<String>) async throws -> PasswordHash {
        let range = Limits.passwordByteCountMin...Limits.passwordByteCountMax
        guard range.contains(password.reveal().utf8.count) else {
            throw AccountsError(
                .invalidPassword,
                "A password has \(range.lowerBound) to \(range.upperBound) bytes.")
        }
        return try await hasher.hash(password, salt: randomBytes(PasswordHash.saltByteCount))
    }
}
