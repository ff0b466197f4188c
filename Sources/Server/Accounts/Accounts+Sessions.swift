package import Kernel
package import Records
import Storage

/// What somebody who signs in shows.
package struct SignIn: Sendable {
    package let account: String
    package let password: Secret<String>
    package let device: DeviceID
    package let deviceName: String
    package let isBrowser: Bool
    /// Where the attempt comes from, for the limits.
    package let address: String

    package init(
        account: String, password: Secret<String>, device: DeviceID, deviceName: String,
        isBrowser: Bool, address: String
    ) {
        self.account = account
        self.password = password
        self.device = device
        self.deviceName = deviceName
        self.isBrowser = isBrowser
        self.address = address
    }
}

/// Who makes a request.
package struct Session: Hashable, Sendable {
    package let actor: Actor
    package let accountName: String
    package let isBrowser: Bool
    /// What the account may not use.
    package let deniedServices: [DeniedService]

    package init(
        actor: Actor, accountName: String, isBrowser: Bool, deniedServices: [DeniedService] = []
    ) {
        self.actor = actor
        self.accountName = accountName
        self.isBrowser = isBrowser
        self.deniedServices = deniedServices
    }
}

extension Accounts {
    /// Signs a device in and gives it a new token; its earlier one opens nothing any more.
    package func signIn(_ request: SignIn) async throws -> (session: Session, token: SessionToken) {
        guard let name = try? AccountName(parsing: request.account),
            request.password.reveal().utf8.count <= Limits.passwordByteCountMax
        else { throw AccountsError.signInFailed }
        let deviceName = try DeviceName(parsing: request.deviceName)
        let now = now()
        let number = Int64(randomBytes(7).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
        let (attempt, row) = try await database.write { transaction in
            (
                try SignInAttempts.begin(
                    name, from: request.address, number: number, at: now, in: transaction),
                try CredentialRow.find(name, in: transaction)
            )
        }
        let label: String?
        do {
            label = try await check(request.password, against: row)
        } catch let error as AccountsError where error.code == .signInsBusy {
            // Nothing was guessed, and it will be tried again.
            try await database.write { try attempt.takeBack(in: $0) }
            throw error
        }
        let token = SessionToken(bytes: randomBytes(SessionToken.byteCount))
        let (session, replaced) = try await database.write { transaction in
            // The password was checked outside a transaction: it must still be the account's.
            guard let row, let current = try CredentialRow.find(name, in: transaction),
                current.account == row.account, current.password == row.password
            else { throw AccountsError.signInFailed }
            try attempt.takeBack(in: transaction)
            if let label {
                try transaction.execute(
                    "UPDATE appPassword SET usedAt = ? WHERE account = ? AND label = ?",
                    [SQLValue(now), SQLValue(row.account), .text(label)])
            }
            let expires =
                request.isBrowser
                ? now.adding(seconds: Int64(Limits.webSessionDays) * 86_400) : nil
            let replaced = try DeviceRow.signIn(
                request.device, of: row.account, name: deviceName, isBrowser: request.isBrowser,
                token: token.digest, label: label, at: now, expires: expires, in: transaction)
            let actor = Actor(account: row.account, device: request.device)
            return (
                Session(actor: actor, accountName: row.name, isBrowser: request.isBrowser),
                replaced
            )
        }
        if let replaced {
            try await revocations.add([.token(session.actor.account, now, replaced)])
        }
        return (session, token)
    }

    /// Throws unless the password is right.
    ///
    /// Returns the label of the app password that it is.
    ///
    /// One scrypt is computed in every case, so the time tells nothing.
    private func check(
        _ password: Secret<String>, against row: CredentialRow?
    ) async throws -> String? {
        let stored = row.flatMap { PasswordHash(parsing: $0.password) } ?? Self.nobody
        let isRight = try await hasher.verify(password, against: stored) && stored != Self.nobody
        guard let row else { throw AccountsError.signInFailed }
        let label: String?
        if isRight {
            label = nil
        } else {
            guard let found = try await appPassword(password, of: row.account) else {
                throw AccountsError.signInFailed
            }
            label = found
        }
        guard !row.isDisabled else {
            throw AccountsError(
                .accountDisabled, "The account is disabled: ask who runs the server.")
        }
        return label
    }

    private func appPassword(
        _ password: Secret<String>, of account: AccountID
    ) async throws -> String? {
        let digest = GeneratedPassword.digest(password)
        return try await database.read { transaction in
            try transaction.rows(
                "SELECT label, digest FROM appPassword WHERE account = ? ORDER BY label",
                [SQLValue(account)]
            ).first { ConstantTime.equal($0.blob(1), digest.bytes) }?.text(0)
        }
    }

    /// Who a token belongs to; throws `signInNeeded`.
    package func authenticate(_ token: SessionToken) async throws -> Session {
        let now = now()
        let digest = token.digest
        let known = try await database.read { transaction in
            try DeviceRow.session(digest, at: now, in: transaction).map {
                ($0, try DeniedService.all(of: $0.account, in: transaction))
            }
        }
        guard let (found, denied) = known else { throw AccountsError.signInNeeded }
        if found.heardAt.adding(seconds: Limits.lastHeardStepSeconds) <= now {
            // Not worth refusing a request for, such as when the disk is full.
            _ = try? await database.write { transaction in
                try DeviceRow.heard(
                    found.device, of: found.account, at: now, in: transaction)
            }
        }
        return Session(
            actor: Actor(account: found.account, device: found.device),
            accountName: found.accountName, isBrowser: found.isBrowser, deniedServices: denied)
    }

    /// Signs out any of the account's devices.
    ///
    /// Signing out twice is the same as once.
    package func signOut(_ device: DeviceID, by actor: Actor) async throws {
        let now = now()
        let tokens = try await database.write { [kernel] transaction in
            guard try DeviceRow.exists(device, of: actor.account, in: transaction) else {
                throw AccountsError.deviceNotFound
            }
            try kernel.forgetDevice(device, of: actor.account, in: transaction)
            return try DeviceRow.revoke(device, of: actor.account, at: now, in: transaction)
        }
        try await revocations.add(tokens.map { .token(actor.account, now, $0) })
    }

    /// The account's devices that are signed in, and those that were, by sign-in.
    package func devices(of account: AccountID) async throws -> [AccountDevice] {
        let now = now()
        return try await database.read { transaction in
            try DeviceRow.all(of: account, at: now, in: transaction)
        }
    }

    /// Throws `deviceNotFound` unless the account has the device.
    package func requireDevice(_ device: DeviceID, of account: AccountID) async throws {
        let isKnown = try await database.read { transaction in
            try DeviceRow.exists(device, of: account, in: transaction)
        }
        guard isKnown else { throw AccountsError.deviceNotFound }
    }

    /// Compared against where there is no account: no password makes its key.
    private static let nobody = {
        let text =
            "$scrypt$ln=14,r=8,p=5$AAAAAAAAAAAAAAAAAAAAAA$"
            + String(repeating: "A", count: 43)
        guard let hash = PasswordHash(parsing: text) else {
            preconditionFailure("The form of stored passwords changed.")
        }
        return hash
    }()
}
