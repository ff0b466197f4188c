package import Kernel
package import Operations
import Records
package import Storage
import Wire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Where a server keeps everything; with PostgreSQL, everything else.
///
/// Where records and blobs are both elsewhere, no other server needs anything of it, and nothing is
/// missed after this one's end.
///
///     DATA/database.sqlite     records, accounts, projections
///     DATA/blobs/              the objects, plain whole files
///     DATA/manifest.jsonl      the names of all originals, for a recovery without the database
///     DATA/revoked             what was revoked; outlives a restore of the database
///     DATA/receipt.key         signs receipts; no restore touches it
///     DATA/lock                held by the server that runs
package struct DataFolder: Sendable {
    package let path: String
    package let place: DatabasePlace
    /// Other servers of the same PostgreSQL database use it as well.
    package let isShared: Bool

    package init(path: String, database: DatabasePlace = .sqlite, isShared: Bool = false) {
        self.path = path
        place = database
        self.isShared = isShared
    }

    package var database: String { path + "/database.sqlite" }
    package var blobs: String { path + "/blobs" }
    package var revoked: String { path + "/revoked" }
    package var receiptKey: String { path + "/receipt.key" }
    /// The names of all originals; written anew each night.
    package var manifest: String { path + "/manifest.jsonl" }
    package var lock: String { path + "/lock" }
    package var temporary: String {
        path + (isShared ? "/temporary-\(ProcessIdentity.name)" : "/temporary")
    }
    /// While a restore into the folder, or a repair of its database, has not ended.
    package var restoreMark: String { path + "/restore.mark" }

    /// Whether a server has kept its data here before.
    package var holdsServer: Bool {
        switch place {
        case .sqlite:
            // While one takes the other's place there may be none.
            FileManager.default.fileExists(atPath: database)
                || FileManager.default.fileExists(atPath: restoreMark)
        case .postgres: FileManager.default.fileExists(atPath: path)
        }
    }

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

    /// Opens the database of the server, wherever it is.
    ///
    /// Blocks.
    package func openAnyDatabase(
        for purpose: DatabasePurpose = .serving
    ) throws(StorageError) -> any Database {
        switch place {
        case .sqlite:
            return try openDatabase(for: purpose)
        case .postgres(let address):
            return try PostgresDatabase(
                address, migrations: MartletServer.migrations, for: purpose)
        }
    }

    /// Opens the embedded database, or makes it.
    ///
    /// Refuses one into which a backup is being restored. Blocks.
    package func openDatabase(
        for purpose: DatabasePurpose = .serving
    ) throws(StorageError) -> SQLiteDatabase {
        guard try !Restore.isUnderWay(mark: restoreMark) else {
            throw StorageError(
                .cannotOpen,
                "A restore into \(path), or a repair of it, has not ended: run martlet restore, or "
                    + "martlet doctor --server --fix, again.")
        }
        return try SQLiteDatabase(
            path: database, migrations: MartletServer.migrations, for: purpose)
    }

    /// What a recovery reads: no database, so that it may be lost.
    package var recoverySource: Recovery.Source {
        Recovery.Source(folder: path, manifest: manifest, objects: blobs + "/objects")
    }

    /// Writes the manifest of a server whose blobs are in `place`.
    package func manifestWriter(
        _ database: any Database, _ kernel: Kernel, blobs place: BlobsPlace,
        _ surroundings: ServerSurroundings
    ) -> ManifestWriter {
        ManifestWriter(
            database: database, kernel: kernel, path: manifest, blobs: place.kind,
            version: MartletVersion.text, now: surroundings.now,
            randomNumber: surroundings.randomNumber)
    }

    package var keepsakes: FileKeepsakes {
        FileKeepsakes(receiptKey: receiptKey, revoked: revoked)
    }

    package var restoreTarget: Restore.Target {
        Restore.Target(
            folder: path, database: database, objects: blobs + "/objects", revoked: revoked,
            receiptKey: receiptKey, mark: restoreMark)
    }

    /// Keeps servers off the folder for as long as the lock is kept.
    ///
    /// Throws `dataFolderInUse` while one runs. Blocks.
    func take(for work: String) throws(ServerError) -> DataFolderLock {
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
        lock.describe("process \(ProcessIdentity.number), \(work)")
        return lock
    }

    package static func kernel(_ surroundings: ServerSurroundings) -> Kernel {
        Kernel(randomNumber: surroundings.randomNumber, schemas: MartletServer.schemas)
    }
}

extension DataFolder {
    /// What servers of one PostgreSQL database hear of each other by; `nil` with SQLite.
    ///
    /// `receiptKey`: the public half, `nil` where it is not known yet. Throws `busy` while another one
    /// runs that must not be beside this. Blocks.
    package func listener(
        receiptKey: [UInt8]?
    ) throws(StorageError) -> PostgresListener? {
        guard case .postgres(let address) = place else { return nil }
        return try PostgresListener(
            address, folderNumber: receiptKey.map(Self.number), isShared: isShared)
    }

    /// Servers that share a folder have its key; those that have another folder haven't.
    static func number(of receiptKey: [UInt8]) -> Int64 {
        receiptKey.prefix(4).reduce(Int64(0)) { $0 << 8 | Int64($1) } >> 1 | 1
    }
}
