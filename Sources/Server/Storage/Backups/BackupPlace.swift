package import Records

/// A file of a backup's place; the name is below the place, such as `objects/4f/4f0c…`.
package struct BackupFile: Hashable, Sendable {
    package let name: String
    package let byteCount: Int64
}

/// Where backups lie: a folder, or a bucket below a prefix, by the same names in both.
///
/// - What has a name is whole and durable; what was put in the place of another replaces it at one
///   moment.
/// - Who writes or removes has taken the place before, and releases it at the end. Writing fails with
///   `busy` once another has it.
/// - Files of a folder are read and written on the caller's thread: it blocks.
package protocol BackupPlace: Sendable {
    /// How people name it; holds no key.
    var text: String { get }

    /// The file as one of this machine, there or not; `nil`: the place has no files.
    func localPath(_ name: String) -> String?

    /// Where a large file is made before `putFile`; the place is taken.
    func workPath(_ name: String) -> String

    /// Throws unless the place can be used, and is nothing else's; makes a folder.
    func prepare() async throws(StorageError)

    /// Whether a backup can be looked for there: a folder may be on a disk that is away.
    func isThere() async throws(StorageError) -> Bool

    /// Keeps all others off it until `release`; `false`: another has it.
    ///
    /// Throws `readOnly` or `objectStoreRefused` where nothing can be written.
    func take(for work: String) async throws(StorageError) -> Bool

    /// Throws `busy` unless it is still taken, as the place itself says.
    func confirm() async throws(StorageError)

    func release() async

    /// Everything but the objects, in the order of names.
    func files() async throws(StorageError) -> [BackupFile]

    /// Objects in the order of their names, from behind `name` on, at most `limit`.
    ///
    /// Those below one that was put meanwhile may be left out.
    func objects(after name: String?, limit: Int) async throws(StorageError) -> [BackupFile]

    /// `nil` when it is not there.
    func byteCount(_ name: String) async throws(StorageError) -> Int64?

    /// All of a small file.
    ///
    /// Throws `objectNotFound`, and `damaged` for one that is larger than it can be.
    func read(_ name: String, byteCountMax: Int) async throws(StorageError) -> [UInt8]

    /// Throws at the first step when it is not there.
    func bytes(_ name: String, _ range: Range<Int64>) -> ObjectBytes

    /// What its bytes are, read from the medium.
    func digest(_ name: String) async throws(StorageError) -> (Digest, Int64)

    func put(_ bytes: [UInt8], as name: String) async throws(StorageError)

    /// Puts a file of this machine there and says what its bytes are.
    func putFile(_ path: String, as name: String) async throws(StorageError) -> (Digest, Int64)

    /// One that is not there counts as removed; all are when it returns.
    func remove(_ names: [String]) async throws(StorageError)

    /// For objects; the place is taken.
    func copies() async throws(StorageError) -> any BackupCopies

    /// `nil` when the place does not know.
    func freeByteCount() async throws(StorageError) -> Int64?
}

/// Objects on their way into a backup's place; several may come at once.
package protocol BackupCopies: Sendable {
    /// Puts an object there if its bytes have this digest; `false`: they have another.
    ///
    /// It has its name for sure when `settle` has returned. `number` tells it from others on their
    /// way. Throws what reading its bytes throws.
    func add(
        _ source: BackupBytes, as name: String, number: Int, digest: Digest
    ) async throws(StorageError) -> Bool

    func settle() async throws(StorageError)

    /// Call it at the end, behind `settle`.
    func end() async throws(StorageError)
}

/// Bytes that go into a backup's place.
package struct BackupBytes: Sendable {
    /// As a file of this machine, when they are one.
    let path: String?
    let bytes: ObjectBytes

    package init(path: String?, bytes: ObjectBytes) {
        self.path = path
        self.bytes = bytes
    }
}

extension BackupPlace {
    /// Stages a file of the place as one of this machine, and says what its bytes are.
    package func stage(
        _ name: String, byteCount: Int64, as number: Int, for target: String, _ copies: FileCopies
    ) async throws(StorageError) -> (staged: FileCopies.Staged, digest: Digest, byteCount: Int64) {
        if let path = localPath(name) { return try copies.stage(path, as: number, for: target) }
        return try await copies.stage(bytes(name, 0..<byteCount), as: number, for: target)
    }
}

/// Keeps two processes of one machine from the same work until it is let go of.
///
/// Gets the path of a file for it, and words for people; `nil`: another has it. Throws `readOnly`
/// where it cannot be made.
package typealias BackupFileLock =
    @Sendable (_ path: String, _ work: String) throws(StorageError) -> (any Sendable)?
