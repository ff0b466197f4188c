package import NIOCore
package import Records

/// Where an object lies in its store.
///
/// Opaque; unique for each upload, so that a removal can never hit the bytes of another.
package struct ObjectKey: Hashable, Sendable, Comparable {
    package let text: String

    package init(text: String) { self.text = text }

    package static func < (left: Self, right: Self) -> Bool { left.text < right.text }
}

/// Bytes that are durable: written, synced with their name, and hashed on the way (P1).
package struct StoredObject: Hashable, Sendable {
    package let key: ObjectKey
    package let digest: Digest
    package let byteCount: Int64

    package init(key: ObjectKey, digest: Digest, byteCount: Int64) {
        self.key = key
        self.digest = digest
        self.byteCount = byteCount
    }
}

/// One small blob to store, with the digest that its sender claims.
package struct PackedBlob: Sendable {
    package let claimed: Digest
    package let bytes: [UInt8]

    package init(claimed: Digest, bytes: [UInt8]) {
        self.claimed = claimed
        self.bytes = bytes
    }
}

/// What became of one blob of a pack.
package enum PackedResult: Hashable, Sendable {
    case stored(StoredObject)
    /// The bytes are not what their digest says; nothing was kept.
    case digestMismatch(actual: Digest)
}

package struct ListedObject: Hashable, Sendable {
    package let key: ObjectKey
    package let byteCount: Int64
    package let modifiedAt: Timestamp

    package init(key: ObjectKey, byteCount: Int64, modifiedAt: Timestamp) {
        self.key = key
        self.byteCount = byteCount
        self.modifiedAt = modifiedAt
    }
}

/// Bytes under keys, whole or not at all.
///
/// Never blocks the caller's thread.
package protocol ObjectStore: Sendable {
    /// For one blob in one stream. What is not finished leaves nothing behind.
    func makeWriter() async throws(StorageError) -> any ObjectWriter

    /// Stores many small blobs with one durability barrier; results in the same order.
    ///
    /// Throws when the store failed; then nothing was kept.
    func storePack(_ blobs: [PackedBlob]) async throws(StorageError) -> [PackedResult]

    /// How many bytes of a resumable upload are staged; `nil` when it has none.
    func stagedByteCount(of upload: UploadID) async throws(StorageError) -> Int64?

    /// Opens a resumable upload for the bytes from `offset` on (0 begins it). What lay behind the
    /// offset is cut off. Throws `offsetMismatch` when fewer bytes are there.
    func appendStaged(
        _ upload: UploadID, at offset: Int64
    ) async throws(StorageError) -> any StagedWriter

    /// Reads the whole upload back from the medium and makes it an object: the digest is that of
    /// the medium's bytes, good for a receipt. Throws `objectNotFound` when nothing is staged.
    func finishStaged(_ upload: UploadID) async throws(StorageError) -> StoredObject

    func discardStaged(_ upload: UploadID) async throws(StorageError)

    /// The uploads that have staged bytes.
    func stagedUploads() async throws(StorageError) -> [UploadID]

    /// The bytes of `range`, in steps of 1 MiB. Throws `objectNotFound` at the first step.
    func read(_ key: ObjectKey, _ range: Range<Int64>) -> ObjectBytes

    func byteCount(of key: ObjectKey) async throws(StorageError) -> Int64

    /// Reads the object from the medium itself, past every cache, and says what is there.
    func verify(_ key: ObjectKey) async throws(StorageError) -> StoredObject

    /// Removes objects; one that is not there counts as removed.
    func remove(_ keys: [ObjectKey]) async throws(StorageError)

    /// Objects in the order of their keys, from behind `key` on, at most `limit`.
    func list(after key: ObjectKey?, limit: Int) async throws(StorageError) -> [ListedObject]

    /// The object as a file of this machine, for reading; `nil` when the store has no files.
    func localPath(of key: ObjectKey) -> String?

    /// `nil` when the store does not know.
    func freeByteCount() async throws(StorageError) -> Int64?

    /// Writes these bytes durably where objects come from, reads them back, removes them. Throws
    /// `damaged` when others came back.
    func probe(_ bytes: [UInt8]) async throws(StorageError)
}

extension ObjectStore {
    package func probe(_ bytes: [UInt8]) async throws(StorageError) {
        let writer = try await makeWriter()
        try await writer.append(ByteBuffer(bytes: bytes))
        let stored = try await writer.finish()
        let found = try await verify(stored.key)
        try await remove([stored.key])
        guard found.digest == Digest(of: bytes) else { throw .probeDamaged }
    }
}

extension StorageError {
    static let probeDamaged = StorageError(
        .damaged, "The object store gives back other bytes than it was given: check its disk.")
}

/// Takes one blob in pieces of about 1 MiB, in order, one at a time.
package protocol ObjectWriter: Sendable {
    func append(_ bytes: ByteBuffer) async throws(StorageError)
    /// Durable when it returns. Not to be used afterwards.
    func finish() async throws(StorageError) -> StoredObject
    /// Finishes only if the bytes have this digest; else discards them and throws
    /// `digestMismatch` as a result.
    func finish(expecting digest: Digest) async throws(StorageError) -> PackedResult
    func discard() async
}

/// Takes a part of a resumable upload in pieces, in order, one at a time.
package protocol StagedWriter: Sendable {
    func append(_ bytes: ByteBuffer) async throws(StorageError)
    /// Makes durable what was appended; returns the upload's offset now. Call it for a part that
    /// was cut off as well: its bytes need not be sent again.
    func finish() async throws(StorageError) -> Int64
}
