import Records
package import Storage

// Where backups are made, read and kept.
extension ServerPlace {
    /// Reads an absolute path or `s3://BUCKET[/PREFIX]`, the latter with its key from the
    /// environment.
    ///
    /// Throws `invalidPlace`, with a sentence about what is missing.
    package func backupPlace(
        _ text: String, environment: [String: String],
        _ surroundings: ServerSurroundings = .system
    ) throws(StorageError) -> any BackupPlace {
        try Self.backupPlace(
            text, environment: environment, workFolder: folder.path, surroundings)
    }

    /// The same; `workFolder`: where files for a bucket lie on their way.
    package static func backupPlace(
        _ text: String, environment: [String: String], workFolder: String,
        _ surroundings: ServerSurroundings = .system
    ) throws(StorageError) -> any BackupPlace {
        guard text.hasPrefix("s3://") else {
            return FolderBackupPlace(text, lockFile: backupLock)
        }
        let place = try S3Place(parsing: text, environment: environment, for: .backups)
        // Each place has its own: two may be worked with at once.
        let name = Digest(of: Array(place.address(of: place.prefix).utf8)).text.prefix(16)
        return BucketBackupPlace(
            place, work: "\(workFolder)/backing-up-\(name)",
            surroundings: surroundings.ofBuckets, lockFile: backupLock)
    }

    private static let backupLock: BackupFileLock = { path, work throws(StorageError) in
        do throws(ServerError) {
            let lock = try DataFolderLock(path: path)
            lock.describe(work)
            return lock
        } catch {
            if error.code == .dataFolderInUse { return nil }
            let folder = path.split(separator: "/").dropLast().joined(separator: "/")
            throw StorageError(
                .readOnly, "/\(folder) cannot be written to: check its disk and who owns it.",
                cause: error)
        }
    }
}

extension ServerSurroundings {
    /// As stores in buckets get them.
    var ofBuckets: S3Surroundings {
        S3Surroundings(now: now, clock: clock, randomNumber: randomNumber)
    }
}
