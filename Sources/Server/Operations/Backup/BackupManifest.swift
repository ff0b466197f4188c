package import Records
import Storage

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What a whole backup consists of (Documentation/formats.md).
///
/// It is written last, at one moment, when all that it names is on the medium: a folder without it is
/// no backup, and one whose backup was interrupted still is the one before.
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
    static let name = "manifest.json"

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

    /// Throws `notABackup` for a folder without one, and for one of another version.
    package static func read(in folder: String) throws(BackupError) -> BackupManifest {
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
        for file in [database, list] {
            let found = try? PlainFiles.digest(folder + "/" + file.name)
            guard let found, found == (file.digest, file.byteCount) else {
                throw BackupError(
                    .backupDamaged,
                    "\(file.name) in \(folder) is not what the backup says: take another backup.")
            }
        }
    }

    func write(in folder: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        try PlainFiles.write(
            Array(try encoder.encode(self)) + [UInt8(ascii: "\n")], to: folder + "/" + Self.name)
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
    }

    package let code: Code
    /// A sentence that says what to do.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
