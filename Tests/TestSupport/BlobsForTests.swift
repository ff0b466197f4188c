import Foundation
import Records
package import Storage

/// The object store of a test's server: a folder, or with MARTLET_TEST_BLOBS=s3 a bucket.
package enum BlobsForTests {
    package static var areInBucket: Bool {
        ProcessInfo.processInfo.environment["MARTLET_TEST_BLOBS"] == "s3"
    }

    /// `path`: of the store in a folder; in the bucket it has the test folder's name.
    package static func open(
        _ folder: TemporaryFolder, path: String, randomNumber: @escaping @Sendable () -> UInt64
    ) throws -> any ObjectStore {
        guard areInBucket else {
            return try DirectoryObjectStore(path: path, randomNumber: randomNumber)
        }
        return try bucket(folder)
    }

    /// In the bucket, below the folder's name.
    package static func bucket(
        _ folder: TemporaryFolder, clock: any Clock<Duration> = ContinuousClock()
    ) throws -> S3ObjectStore {
        let server = try S3TestServer.shared()
        let place = try S3Place(
            parsing: server.place(folder.name), environment: server.environment)
        // A test's own numbers begin anew with each server of its folder: keys would come again.
        return S3ObjectStore(
            place: place,
            surroundings: S3Surroundings(
                now: { TestTime.now }, clock: clock,
                randomNumber: { UInt64.random(in: 0 ... .max) }))
    }
}
