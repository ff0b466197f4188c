package import Accounts
import Kernel
import Records
package import Storage

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Where an embedded server keeps everything.
///
///     DATA/database.sqlite     records, accounts, projections
///     DATA/blobs/              the objects, plain whole files
///     DATA/revoked             what was revoked; outlives a restore of the database
///     DATA/receipt.key         signs receipts; no restore touches it
///     DATA/lock                held by the server that runs
package struct DataFolder: Sendable {
    package let path: String

    package init(path: String) { self.path = path }

    package var database: String { path + "/database.sqlite" }
    package var blobs: String { path + "/blobs" }
    package var revoked: String { path + "/revoked" }
    package var receiptKey: String { path + "/receipt.key" }
    package var lock: String { path + "/lock" }
    package var temporary: String { path + "/temporary" }

    /// Whether a server has kept its data here before.
    package var holdsServer: Bool { FileManager.default.fileExists(atPath: database) }

    /// Makes the folder, readable by its owner only.
    ///
    /// Blocks.
    package func prepare() throws(ServerError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            // What an earlier process left there is of no use to anybody.
            if FileManager.default.fileExists(atPath: temporary) {
                try FileManager.default.removeItem(atPath: temporary)
            }
            try FileManager.default.createDirectory(
                atPath: temporary, withIntermediateDirectories: true)
        } catch {
            throw ServerError(
                .dataFolderUnusable,
                "The data folder \(path) cannot be used: check that it may be written.",
                cause: error)
        }
    }

    /// Opens the database, or makes it.
    ///
    /// Blocks.
    package func openDatabase() throws(StorageError) -> SQLiteDatabase {
        try SQLiteDatabase(path: database, migrations: MartletServer.migrations)
    }

    /// Accounts beside the server, running or not: the database has its own locks.
    package static func openAccounts(
        _ path: String, surroundings: ServerSurroundings = .system
    ) async throws -> Accounts {
        let folder = DataFolder(path: path)
        if !folder.holdsServer { try folder.prepare() }
        let database = try folder.openDatabase()
        let kernel = Kernel(
            randomNumber: surroundings.randomNumber, schemas: MartletServer.schemas)
        let now = surroundings.now()
        try await database.write { transaction in
            _ = try kernel.prepare(at: now, in: transaction)
        }
        return Accounts(
            database: database, kernel: kernel,
            revocations: Revocations(file: AppendFile(path: folder.revoked)),
            now: surroundings.now, randomBytes: surroundings.randomBytes)
    }
}
