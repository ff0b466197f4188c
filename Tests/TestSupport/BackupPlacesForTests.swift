import Foundation
package import Records
package import Storage
import Synchronization

/// Places for the backups of a test.
package enum BackupPlacesForTests {
    /// Nobody else wants it.
    package static func folder(_ path: String) -> FolderBackupPlace {
        FolderBackupPlace(path) { _, _ in true }
    }

    /// In the bucket, below the test folder's name and a word.
    ///
    /// `work`: of another machine, unless it is the same; the locks are those of one process.
    package static func bucket(
        _ folder: TemporaryFolder, _ word: String = "backup", work: String = "work",
        clock: any Clock<Duration> = ContinuousClock(),
        now: @escaping @Sendable () -> Timestamp = { TestTime.now },
        leaseSeconds: Int64 = Limits.leaseSeconds
    ) throws -> BucketBackupPlace {
        let server = try S3TestServer.shared()
        return BucketBackupPlace(
            try S3Place(
                parsing: server.place("\(folder.name)/\(word)"), environment: server.environment,
                for: .backups),
            work: folder.file(work),
            surroundings: S3Surroundings(
                now: now, clock: clock, randomNumber: { UInt64.random(in: 0 ... .max) }),
            leaseSeconds: leaseSeconds
        ) { path, _ in FileLock(path) }
    }

    /// As a lock on a file, which ends with whoever has it.
    private final class FileLock: Sendable {
        private static let taken = Mutex<Set<String>>([])
        private let path: String

        init?(_ path: String) {
            guard Self.taken.withLock({ $0.insert(path).inserted }) else { return nil }
            self.path = path
        }

        deinit { _ = Self.taken.withLock { $0.remove(path) } }
    }
}
