package import Accounts
import Kernel
import Records
import Storage

extension ServerPlace {
    /// Accounts beside the server, running or not: the database has its own locks.
    ///
    /// Throws `wrongPlace` where what is revoked would not reach the server.
    package func openAccounts(
        _ surroundings: ServerSurroundings = .system
    ) async throws -> Accounts {
        if !isElsewhere, !folder.holdsServer { try folder.prepare() }
        let database = try folder.openAnyDatabase()
        let kernel = DataFolder.kernel(surroundings)
        let now = surroundings.now()
        try await database.write { transaction in
            _ = try kernel.prepare(at: now, in: transaction)
        }
        return Accounts(
            database: database, kernel: kernel,
            revocations: Revocations(journal: try await journal(database, surroundings)),
            now: surroundings.now, randomBytes: surroundings.randomBytes)
    }

    private func journal(
        _ database: any Database, _ surroundings: ServerSurroundings
    ) async throws -> any RevocationJournal {
        guard isElsewhere else {
            try await blobs.checkSharing(in: database)
            return folder.keepsakes
        }
        let store = try blobs.openForReading(in: folder, surroundings)
        let kept = keepsakes(database, store)
        _ = try await kept.receiptKey()
        return kept
    }
}
