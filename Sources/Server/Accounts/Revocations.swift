import Kernel
import Records
package import Storage

/// What was revoked, beside the database: a restored one must not open what was closed since.
///
/// One line each of the journal, its parts separated by a space:
///
///     token <ACCOUNT> <MILLISECONDS> <SHA-256 OF THE TOKEN>
///     password <ACCOUNT> <MILLISECONDS> <PHC STRING OF THE NEW PASSWORD>
///     removed <ACCOUNT> <MILLISECONDS>
package struct Revocations: Sendable {
    enum Entry: Hashable, Sendable {
        case token(AccountID, Timestamp, Digest)
        case password(AccountID, Timestamp, String)
        case removed(AccountID, Timestamp)
    }

    private let journal: (any RevocationJournal)?

    /// `nil` keeps nothing: for a database in memory.
    package init(journal: (any RevocationJournal)?) { self.journal = journal }

    /// Durable when it returns.
    func add(_ entries: [Entry]) async throws {
        guard let journal, !entries.isEmpty else { return }
        try await journal.add(revoked: entries.map(\.line))
    }

    /// Repeats everything that was revoked; changes nothing where the database knows it already.
    package func apply(to database: any Database) async throws {
        guard let lines = try await journal?.revoked() else { return }
        let entries = lines.compactMap(Entry.init(parsing:))
        guard !entries.isEmpty else { return }
        try await database.write { transaction in
            for entry in entries { try entry.apply(in: transaction) }
        }
    }
}

extension Revocations.Entry {
    fileprivate var line: String {
        switch self {
        case .token(let account, let at, let digest):
            "token \(account.text) \(at.milliseconds) \(digest.text)"
        case .password(let account, let at, let password):
            "password \(account.text) \(at.milliseconds) \(password)"
        case .removed(let account, let at):
            "removed \(account.text) \(at.milliseconds)"
        }
    }

    /// `nil` for a line of a later version.
    fileprivate init?(parsing line: String) {
        let parts = line.split(separator: " ")
        guard parts.count >= 3, let account = try? AccountID(parsing: String(parts[1])),
            let milliseconds = Int64(parts[2])
        else { return nil }
        let at = Timestamp(milliseconds: milliseconds)
        switch (parts[0], parts.count) {
        case ("token", 4):
            guard let digest = try? Digest(parsing: String(parts[3])) else { return nil }
            self = .token(account, at, digest)
        case ("password", 4):
            self = .password(account, at, String(parts[3]))
        case ("removed", 3):
            self = .removed(account, at)
        default:
            return nil
        }
    }

    /// Only a row that changes is sealed anew: a damaged one stays known as that.
    fileprivate func apply(in transaction: any Transaction) throws {
        switch self {
        case .token(let account, let at, let digest):
            let device = try transaction.firstRow(
                "SELECT id FROM device WHERE account = ? AND token = ?",
                [SQLValue(account), SQLValue(digest)])
            guard let device else { return }
            try transaction.execute(
                "UPDATE device SET token = NULL, revokedAt = ? WHERE account = ? AND token = ?",
                [SQLValue(at), SQLValue(account), SQLValue(digest)])
            try SummedTable.device.seal([SQLValue(account), device[0]], in: transaction)
        case .password(let account, let at, let password):
            let count = try transaction.execute(
                "UPDATE credential SET password = ?, changedAt = ? "
                    + "WHERE account = ? AND changedAt < ?",
                [.text(password), SQLValue(at), SQLValue(account), SQLValue(at)])
            if count > 0 { try CredentialRow.seal(account, in: transaction) }
        case .removed(let account, _):
            try transaction.execute(
                "DELETE FROM credential WHERE account = ?", [SQLValue(account)])
        }
    }
}
