import NIOCore
import Records
import Storage
import Synchronization

/// Says how full the disk of a `FullDiskStore` is.
final class FullDisk: Sendable {
    private let state = Mutex<(isFull: Bool, free: Int64?)>((false, nil))

    var isFull: Bool {
        get { state.withLock { $0.isFull } }
        set { state.withLock { $0.isFull = newValue } }
    }

    /// `nil`: none when full, else as much as the real disk has.
    var freeByteCount: Int64? {
        get { state.withLock { $0.free ?? ($0.isFull ? 0 : nil) } }
        set { state.withLock { $0.free = newValue } }
    }

    func check() throws(StorageError) {
        guard isFull else { return }
        throw StorageError(.diskFull, "The disk of the objects is full: free some space.")
    }
}

/// A directory store whose disk can be full.
struct FullDiskStore: ObjectStore {
    let base: any ObjectStore
    let disk: FullDisk

    func makeWriter() async throws(StorageError) -> any ObjectWriter {
        FullDiskWriter(base: try await base.makeWriter(), disk: disk)
    }

    func storePack(_ blobs: [PackedBlob]) async throws(StorageError) -> [PackedResult] {
        try disk.check()
        return try await base.storePack(blobs)
    }

    func stagedByteCount(of upload: UploadID) async throws(StorageError) -> Int64? {
        try await base.stagedByteCount(of: upload)
    }

    func appendStaged(
        _ upload: UploadID, at offset: Int64
    ) async throws(StorageError) -> any StagedWriter {
        try disk.check()
        return try await base.appendStaged(upload, at: offset)
    }

    func finishStaged(_ upload: UploadID) async throws(StorageError) -> StoredObject {
        try await base.finishStaged(upload)
    }

    func discardStaged(_ upload: UploadID) async throws(StorageError) {
        try await base.discardStaged(upload)
    }

    func stagedUploads() async throws(StorageError) -> [UploadID] {
        try await base.stagedUploads()
    }

    func read(_ key: ObjectKey, _ range: Range<Int64>) -> ObjectBytes { base.read(key, range) }

    func byteCount(of key: ObjectKey) async throws(StorageError) -> Int64 {
        try await base.byteCount(of: key)
    }

    func verify(_ key: ObjectKey) async throws(StorageError) -> StoredObject {
        try await base.verify(key)
    }

    func remove(_ keys: [ObjectKey]) async throws(StorageError) { try await base.remove(keys) }

    func list(
        after key: ObjectKey?, limit: Int
    ) async throws(StorageError) -> [ListedObject] {
        try await base.list(after: key, limit: limit)
    }

    func localPath(of key: ObjectKey) -> String? { base.localPath(of: key) }

    func freeByteCount() async throws(StorageError) -> Int64? {
        if let free = disk.freeByteCount { return free }
        return try await base.freeByteCount()
    }
}

struct FullDiskWriter: ObjectWriter {
    let base: any ObjectWriter
    let disk: FullDisk

    func append(_ bytes: ByteBuffer) async throws(StorageError) {
        try disk.check()
        try await base.append(bytes)
    }

    func finish() async throws(StorageError) -> StoredObject { try await base.finish() }

    func finish(expecting digest: Digest) async throws(StorageError) -> PackedResult {
        try await base.finish(expecting: digest)
    }

    func discard() async { await base.discard() }
}
