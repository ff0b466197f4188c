import Kernel
import Operations
import Records
package import Storage

/// Where a server keeps its blobs: `--blobs`.
package enum BlobsPlace: Sendable {
    /// In the data folder.
    case directory
    case bucket(S3Place)

    /// Reads `directory` or `s3://BUCKET[/PREFIX]`, the latter with its key from the environment.
    ///
    /// Throws `invalidPlace`, with a sentence about what is missing.
    package init(parsing text: String, environment: [String: String]) throws(StorageError) {
        self =
            text == "directory"
            ? .directory : .bucket(try S3Place(parsing: text, environment: environment))
    }

    /// As the manifest says it.
    var kind: Manifest.Blobs {
        switch self {
        case .directory: .directory
        case .bucket: .bucket
        }
    }

    /// Blocks.
    func open(
        in folder: DataFolder, _ surroundings: ServerSurroundings
    ) throws(StorageError) -> any ObjectStore {
        switch self {
        case .directory:
            try DirectoryObjectStore(
                path: folder.blobs, isShared: folder.isShared,
                randomNumber: surroundings.randomNumber)
        case .bucket(let place):
            S3ObjectStore(place: place, surroundings: surroundings.ofBuckets)
        }
    }

    /// The same, where nothing is swept: others may write there.
    ///
    /// Blocks.
    func openForReading(
        in folder: DataFolder, _ surroundings: ServerSurroundings
    ) throws(StorageError) -> any ObjectStore {
        try open(
            in: DataFolder(path: folder.path, database: folder.place, isShared: true),
            surroundings)
    }

    /// Throws unless this is where the database's objects are, and the place can be used.
    ///
    /// A server that looked for its objects elsewhere would take every one for lost.
    func check(
        _ store: any ObjectStore, of database: any Database, _ keepsakes: BucketKeepsakes? = nil
    ) async throws {
        try await checkKeys(in: database)
        guard let bucket = store as? S3ObjectStore else { return }
        // Before anything is put there: it may be another bucket than that of the other servers.
        try await bucket.tryPlace()
        try await keepsakes?.requireKeyOrNoDevices()
        let server = try await database.read { transaction in
            try transaction.first("SELECT id FROM server").map { Hexadecimal.encode($0.blob(0)) }
        }
        try await bucket.prepare(server: server ?? "")
    }

    /// Throws `wrongPlace` when the database's objects are in the other kind of place.
    package func checkKeys(in database: any Database) async throws {
        try await checkSharing(in: database)
        let key = try await database.read { transaction in
            try transaction.first("SELECT objectKey FROM object LIMIT 1").map { $0.text(0) }
        }
        guard let key else { return }
        switch self {
        case .directory where S3ObjectStore.isKey(key):
            throw Self.isInBucket
        case .bucket where !S3ObjectStore.isKey(key):
            throw StorageError(
                .wrongPlace,
                "This server keeps its blobs in its own folder: leave out --blobs, or say directory."
            )
        default: return
        }
    }

    /// Throws `wrongPlace` when servers of the database share a bucket, and this is none.
    func checkSharing(in database: any Database) async throws {
        // In SQLite such a row came with a backup and says nothing.
        guard case .directory = self, database is PostgresDatabase else { return }
        guard try await !database.read({ try BucketKeepsakes.areUsed(in: $0) }) else {
            throw Self.isInBucket
        }
    }

    private static let isInBucket = StorageError(
        .wrongPlace,
        "This server keeps its blobs in a bucket: name it by --blobs s3://BUCKET/PREFIX.")
}
