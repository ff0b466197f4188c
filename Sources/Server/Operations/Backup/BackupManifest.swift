package import Records
import Storage

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What a whole backup consists of (Documentation/formats.md).
///
/// It is written last, at one moment, when all that it names is on the medium: a folder without one is
/// no backup, and one whose backup was interrupted still holds those before.
package struct BackupManifest: Hashable, Sendable, Codable {
    package struct File: Hashable, Sendable, Codable {
        /// In the backup's folder.
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
    /// Throws `notABackup` for a folder without one, and for one of another version.
    package static func read(
        in folder: String, madeAt: Timestamp? = nil
    ) throws(BackupError) -> BackupManifest {
        let name = madeAt.map { Self.name(madeAt: $0) } ?? Self.name
        // Before there were several, the one in the folder had no other name.
        if let madeAt, (try? PlainFiles.byteCount(folder + "/" + name)) == nil,
            let newest = try? read(in: folder), newest.madeAt == madeAt
        {
            return newest
        }
        let bytes: [UInt8]
        do {
            bytes = try PlainFiles.read(
                folder + "/" + name, byteCountMax: Limits.backupManifestByteCountMax)
        } catch {
            throw BackupError(
                .notABackup, "There is no whole backup in \(folder): it has no \(name).")
        }
        guard let manifest = try? JSONDecoder().decode(Self.self, from: Data(bytes)),
            manifest.format == format
        else {
            throw BackupError(
                .notABackup,
                "The backup in \(folder) is damaged, or made by a newer Martlet: its \(name) "
                    + "cannot be understood.")
        }
        return manifest
    }

    /// Throws `backupDamaged` unless its database and its list are what it says.
    ///
    /// Blocks.
    package func check(in folder: String) throws(BackupError) {
        for file in [database, list] { try check(file, in: folder) }
    }

    func check(_ file: File, in folder: String) throws(BackupError) {
        let found = try? PlainFiles.digest(folder + "/" + file.name)
        guard let found, found == (file.digest, file.byteCount) else {
            throw BackupError(
                .backupDamaged,
                "\(file.name) in \(folder) is not what the backup says: take another backup.")
        }
    }

    /// Makes it a whole backup, and then the newest.
    func write(in folder: String) throws {
        try writeKept(in: folder)
        try PlainFiles.write(try bytes(), to: folder + "/" + Self.name)
    }

    func writeKept(in folder: String) throws {
        try PlainFiles.write(try bytes(), to: folder + "/" + Self.name(madeAt: madeAt))
    }

    private func bytes() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
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
        /// Something else writes into the folder.
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
