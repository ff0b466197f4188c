package import Records
import NIOCore
import Synchronization

/// Resumable uploads of a directory store: one staged file each, its size the truth about it.
extension DirectoryObjectStore {
    package func stagedByteCount(of upload: UploadID) async throws(StorageError) -> Int64? {
        try await onThread { () throws(StorageError) in
            try Files.look(self.stagedPath(upload))?.byteCount
        }
    }

    package func appendStaged(
        _ upload: UploadID, at offset: Int64
    ) async throws(StorageError) -> any StagedWriter {
        try await onThread { () throws(StorageError) in
            try DirectoryStagedWriter(store: self, path: self.stagedPath(upload), offset: offset)
        }
    }

    package func finishStaged(_ upload: UploadID) async throws(StorageError) -> StoredObject {
        try await onThread { () throws(StorageError) in
            let path = self.stagedPath(upload)
            // The last part may have come with an earlier process that did not end it.
            try OpenFile.openForAppending(path, creates: false).sync()
            let (digest, byteCount) = try Verification.read(path)
            return try self.place(path, digest: digest, byteCount: byteCount)
        }
    }

    package func discardStaged(_ upload: UploadID) async throws(StorageError) {
        try await onThread { () throws(StorageError) in
            try Files.remove(self.stagedPath(upload))
        }
    }

    package func stagedUploads() async throws(StorageError) -> [UploadID] {
        try await onThread { () throws(StorageError) in
            try Files.names(in: self.root + "/staging")
                .filter { $0.hasSuffix(".part") }
                .compactMap { try? UploadID(parsing: String($0.dropLast(".part".count))) }
        }
    }
}

/// A part of a resumable upload on its way in.
final class DirectoryStagedWriter: StagedWriter {
    private let store: DirectoryObjectStore
    private let file: OpenFile
    private let isNew: Bool
    private let writer: Mutex<SequentialWriter>

    init(store: DirectoryObjectStore, path: String, offset: Int64) throws(StorageError) {
        self.store = store
        isNew = offset == 0
        let file = try OpenFile.openForAppending(path, creates: isNew)
        self.file = file
        let byteCount = try file.byteCount()
        guard (0...byteCount).contains(offset) else {
            throw StorageError(
                .offsetMismatch, "The upload has \(byteCount) bytes: go on from there.")
        }
        if byteCount > offset { try file.cut(to: offset) }
        // Only what is large comes in parts, and the whole is read back from the disk at the end.
        writer = Mutex(SequentialWriter(file, offset: offset, directFrom: offset))
    }

    func append(_ bytes: ByteBuffer) async throws(StorageError) {
        try await store.onThread { () throws(StorageError) in
            try self.writer.withLock { writer throws(StorageError) in
                try bytes.withBytes { bytes throws(StorageError) in try writer.append(bytes) }
            }
        }
    }

    func finish() async throws(StorageError) -> Int64 {
        try await store.onThread { () throws(StorageError) in
            let end = try self.writer.withLock { writer throws(StorageError) in
                try writer.finish()
                return writer.end
            }
            try self.file.sync()
            if self.isNew {
                try OpenFile.openFolder(self.store.root + "/staging").syncEntries()
            }
            return end
        }
    }
}
