import NIOCore
import NIOPosix
import Records
import Synchronization

/// One blob on its way into a directory store.
///
/// Pieces come one at a time and in order, so the lock is never waited for; it is held while a
/// thread of the pool hashes and writes.
final class DirectoryObjectWriter: ObjectWriter {
    private struct State {
        var hasher = Digest.Hasher()
        var writer: SequentialWriter
        var isEnded = false
    }

    private let store: DirectoryObjectStore
    private let path: String
    private let file: OpenFile
    private let state: Mutex<State>

    init(store: DirectoryObjectStore, path: String) throws(StorageError) {
        self.store = store
        self.path = path
        let file = try OpenFile.create(path)
        self.file = file
        state = Mutex(State(writer: SequentialWriter(file)))
    }

    deinit {
        if !state.withLock({ $0.isEnded }) { try? Files.remove(path) }
    }

    func append(_ bytes: ByteBuffer) async throws(StorageError) {
        try await store.onThread { () throws(StorageError) in
            try self.state.withLock { state throws(StorageError) in
                try bytes.withBytes { bytes throws(StorageError) in
                    try state.writer.append(bytes)
                    state.hasher.update(bytes)
                }
            }
        }
    }

    func finish() async throws(StorageError) -> StoredObject {
        try await store.onThread { () throws(StorageError) in
            try self.state.withLock { state throws(StorageError) in
                try self.place(&state)
            }
        }
    }

    func finish(expecting digest: Digest) async throws(StorageError) -> PackedResult {
        try await store.onThread { () throws(StorageError) in
            try self.state.withLock { state throws(StorageError) in
                let actual = state.hasher.digest()
                guard actual == digest else {
                    state.isEnded = true
                    try Files.remove(self.path)
                    return .digestMismatch(actual: actual)
                }
                return .stored(try self.place(&state))
            }
        }
    }

    private func place(_ state: inout State) throws(StorageError) -> StoredObject {
        try state.writer.finish()
        try file.sync()
        let stored = try store.place(
            path, digest: state.hasher.digest(), byteCount: state.writer.end)
        state.isEnded = true
        return stored
    }

    func discard() async {
        // Not cut short by cancellation: this is what a cancelled request calls.
        store.threads.submit { _ in
            self.state.withLock { state in
                guard !state.isEnded else { return }
                state.isEnded = true
                try? Files.remove(self.path)
            }
        }
    }
}

extension OpenFile {
    /// Begins to write out whole steps of 8 MiB; returns up to where.
    func writeBack(from begun: Int64, to byteCount: Int64) -> Int64 {
        let step = Int64(8 << 20)
        guard byteCount - begun >= step else { return begun }
        startWriteback(from: begun, byteCount: byteCount - begun)
        return byteCount
    }
}

extension ByteBuffer {
    /// The readable bytes in place, without a copy.
    func withBytes<R>(
        _ body: (UnsafeRawBufferPointer) throws(StorageError) -> R
    ) throws(StorageError) -> R {
        do {
            return try withUnsafeReadableBytes { try body($0) }
        } catch {
            throw error as? StorageError
                ?? StorageError(.failed, "The bytes cannot be read.", cause: error)
        }
    }
}
