package import Kernel
package import Records
package import Storage

/// A service that who runs the server has switched off for an account.
package struct DeniedService: Hashable, Sendable {
    /// The kind of its zones, such as `photos`.
    package let service: String
    package let since: Timestamp

    /// Of one account, by name.
    package static func all(
        of account: AccountID, in transaction: any Transaction
    ) throws(KernelError) -> [DeniedService] {
        try transaction.all(
            "SELECT service, since FROM deniedService WHERE account = ? ORDER BY service",
            [SQLValue(account)]
        ).map { DeniedService(service: $0.text(0), since: $0.timestamp(1)) }
    }
}

extension Accounts {
    /// The services that an account can have; `account` itself is none.
    package static let services = ["photos"]

    package func deniedServices(of name: AccountName) async throws -> [DeniedService] {
        try await database.read { transaction in
            let row = try CredentialRow.require(name, in: transaction)
            return try DeniedService.all(of: row.account, in: transaction)
        }
    }

    /// Switches a service on or off for an account: what it has there is kept, and nothing of it is
    /// read or changed while it is off.
    ///
    /// Throws `serviceNotFound` for one that there is not.
    package func setService(
        _ service: String, isAllowed: Bool, for name: AccountName
    ) async throws {
        guard Self.services.contains(service) else {
            throw AccountsError(
                .serviceNotFound,
                "There is no service “\(service)”: name one of "
                    + "\(Self.services.joined(separator: ", ")).")
        }
        let now = now()
        try await database.write { transaction in
            let account = try CredentialRow.require(name, in: transaction).account
            if isAllowed {
                try SummedTable.deniedService.remove(
                    where: "account = ? AND service = ?",
                    [SQLValue(account), .text(service)], in: transaction)
            } else {
                try transaction.execute(
                    """
                    INSERT INTO deniedService (account, service, since) VALUES (?, ?, ?)
                    ON CONFLICT (account, service) DO NOTHING
                    """, [SQLValue(account), .text(service), SQLValue(now)])
                try SummedTable.deniedService.seal(
                    [SQLValue(account), .text(service)], in: transaction)
            }
        }
    }
}
