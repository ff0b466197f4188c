package import Accounts
package import Kernel
package import Operations
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
    /// While a restore into the folder has not ended.
    package var restoreMark: String { path + "/restore.mark" }

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
    /// Refuses one into which a backup is being restored. Blocks.
    package func openDatabase() throws(StorageError) -> SQLiteDatabase {
        guard try !Restore.isUnderWay(mark: restoreMark) else {
            throw StorageError(
                .cannotOpen,
                "A restore into \(path) has not ended: run martlet restore again.")
        }
        return try SQLiteDatabase(path: database, migrations: MartletServer.migrations)
    }

    /// What a backup is made of.
    ///
    /// Blocks.
    package func backupSource() throws(StorageError) -> Backup.Source {
        Backup.Source(
            database: try openDatabase(), objects: blobs + "/objects", revoked: revoked,
            receiptKey: receiptKey, folder: path)
    }

    package var restoreTarget: Restore.Target {
        Restore.Target(
            folder: path, database: database, objects: blobs + "/objects", revoked: revoked,
            receiptKey: receiptKey, mark: restoreMark)
    }

    /// Keeps servers off the folder for as long as the lock is kept.
    ///
    /// Throws `dataFolderInUse` while one runs. Blocks.
    package func takeForRestore() throws(ServerError) -> DataFolderLock {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw ServerError(
                .dataFolderUnusable,
                "The data folder \(path) cannot be used: check that it may be written.",
                cause: error)
        }
        let lock = try DataFolderLock(path: self.lock)
        lock.describe("process \(ProcessIdentity.number), restoring a backup")
        return lock
    }

    package static func kernel(_ surroundings: ServerSurroundings) -> Kernel {
        Kernel(randomNumber: surroundings.randomNumber, schemas: MartletServer.schemas)
    }

    /// Accounts beside the server, running or not: the database has its own locks.
    package static func openAccounts(
        _ path: String, surroundings: ServerSurroundings = .system
    ) async throws -> Accounts {
        let folder = DataFolder(path: path)
        if !folder.holdsServer { try folder.prepare() }
        let database = try folder.openDatabase()
        let kernel = Self.kernel(surroundings)
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
