package import Records
package import Storage

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What a whole backup consists of (Documentation/formats.md).
///
/// It is written last, at one moment, when all that it names is on the medium: a place without one is
/// no backup, and one whose backup was interrupted still holds those before.
package struct BackupManifest: Hashable, Sendable, Codable {
    package struct File: Hashable, Sendable, Codable {
        /// Below the backup's place.
        package let name: String
        package let byteCount: Int64
        package let digest: Digest
    }

    package struct ZoneHead: Hashable, Sendable, Codable {
        package let zone: ZoneID
        package let head: Int64
    }

    static let format = "martlet backup 1"
    /// Of the newest backup.
    static let name = "manifest.json"
    // What of a server outlives its database, as all backups of the place have it.
    static let receiptKey = "receipt.key"
    static let revoked = "revoked"

    /// Of each whole backup, the newest among them.
    static func name(madeAt: Timestamp) -> String { "manifest-\(madeAt.milliseconds).json" }

    package let format: String
    /// The server's id, which a restore keeps.
    package let server: String
    /// Of the software that made it.
    package let version: String
    package let madeAt: Timestamp
    package let epoch: Epoch
    package let zones: [ZoneHead]
    package let database: File
    /// The list of objects: a line for each, in the order of their digests.
    package let list: File
    package let objectCount: Int
    package let objectByteCount: Int64
    /// Objects that the server itself no longer had, or not as they should be.
    package let missing: [Digest]

    /// The newest backup's, or that of the one that was made then.
    ///
    /// Throws `BackupError.notABackup` for a place without one, and for one of another version.
    package static func read(
        in place: any BackupPlace, madeAt: Timestamp? = nil
    ) async throws -> BackupManifest {
        guard let manifest = try await find(in: place, madeAt: madeAt) else {
            let name = madeAt.map { Self.name(madeAt: $0) } ?? Self.name
            throw BackupError(
                .notABackup, "There is no whole backup in \(place.text): it has no \(name).")
        }
        return manifest
    }

    /// The same; `nil` where there is none.
    static func find(
        in place: any BackupPlace, madeAt: Timestamp? = nil
    ) async throws -> BackupManifest? {
        let name = madeAt.map { Self.name(madeAt: $0) } ?? Self.name
        let bytes: [UInt8]
        do {
            bytes = try await place.read(name, byteCountMax: Limits.backupManifestByteCountMax)
        } catch {
            // A bucket that does not answer says nothing of what is in it.
            guard error.code == .objectNotFound || place.localPath(name) != nil else { throw error }
            // Before there were several, the one in the folder had no other name.
            guard let madeAt, let newest = try await find(in: place), newest.madeAt == madeAt
            else { return nil }
            return newest
        }
        guard let manifest = try? JSONDecoder().decode(Self.self, from: Data(bytes)),
            manifest.format == format
        else {
            throw BackupError(
                .notABackup,
                "The backup in \(place.text) is damaged, or made by a newer Martlet: its \(name) "
                    + "cannot be understood.")
        }
        return manifest
    }

    /// Throws `BackupError.backupDamaged` unless its database and its list are what it says.
    ///
    /// What comes from a bucket is hashed when it is put to use; here its size must be right.
    package func check(in place: any BackupPlace) async throws {
        for file in [database, list] {
            let isGood =
                if place.localPath(file.name) != nil {
                    try await isAsWritten(file, in: place)
                } else {
                    try await place.byteCount(file.name) == file.byteCount
                }
            guard isGood else { throw Self.damaged(file, in: place) }
        }
    }

    /// Reads it from the medium.
    func isAsWritten(_ file: File, in place: any BackupPlace) async throws -> Bool {
        do {
            return try await place.digest(file.name) == (file.digest, file.byteCount)
        } catch {
            guard error.isOfBackup else { throw error }
            return false
        }
    }

    static func damaged(_ file: File, in place: any BackupPlace) -> BackupError {
        BackupError(
            .backupDamaged,
            "\(file.name) in \(place.text) is not what the backup says: take another backup.")
    }

    /// Puts a copy of its database there; `staging`: a folder of its own on the same disk.
    func fetchDatabase(
        from place: any BackupPlace, to path: String, staging: String
    ) async throws {
        let copies = try FileCopies(staging: staging)
        let copy = try await place.stage(
            database.name, byteCount: database.byteCount, as: 0, for: path, copies)
        guard copy.digest == database.digest else { throw Self.damaged(database, in: place) }
        try copies.settle([copy.staged])
        try copies.end()
    }

    /// Makes it a whole backup, and then the newest.
    func write(in place: any BackupPlace) async throws {
        try await writeKept(in: place)
        try await place.put(try bytes(), as: Self.name)
    }

    func writeKept(in place: any BackupPlace) async throws {
        try await place.put(try bytes(), as: Self.name(madeAt: madeAt))
    }

    private func bytes() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }
}

extension StorageError {
    /// Whether the backup is bad, and not what it is tried with.
    var isOfBackup: Bool {
        [.objectNotFound, .inputOutput, .damaged, .notOurDatabase].contains(code)
    }
}

/// Why a backup or a restore cannot be made.
package struct BackupError: Error, Sendable {
    package enum Code: String, Sendable, CaseIterable {
        case notABackup
        /// The backup would lie on the disk that it is for.
        case sameDisk
        case invalidFolder
        /// There is a database that can be read where the backup should go.
        case databaseInPlace
        case backupDamaged
        /// What says which backups are kept, or when they are made.
        case invalidRule
        /// Where backups are made each night there is no folder, or no backup any more.
        case folderAway
        /// Something else writes there.
        case folderBusy
    }

    package let code: Code
    /// A sentence that says what to do.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
