import NIOCore
import NIOPosix
package import Records

// Copies of what lies in a store.
extension FileCopies {
    /// Copies bytes as they come and says what they are; `number` tells them from others on their
    /// way.
    ///
    /// Never blocks the caller's thread. Throws what reading them throws.
    package func stage(
        _ bytes: ObjectBytes, as number: Int, for target: String
    ) async throws(StorageError) -> (staged: Staged, digest: Digest, byteCount: Int64) {
        let path = staging + "/\(number)"
        let output = try await NIOThreadPool.storage.run { () throws(StorageError) in
            try Files.remove(path)
            return try OpenFile.create(path)
        }
        var hasher = Digest.Hasher()
        var byteCount: Int64 = 0
        var iterator = bytes.makeAsyncIterator()
        while let step = try await iterator.next() {
            step.withUnsafeReadableBytes { hasher.update($0) }
            byteCount += Int64(step.readableBytes)
            try await NIOThreadPool.storage.run { () throws(StorageError) in
                try step.withBytes { (buffer) throws(StorageError) in try output.write(buffer) }
            }
        }
        if !OpenFile.canSyncFileSystem {
            try await NIOThreadPool.storage.run { () throws(StorageError) in try output.sync() }
        }
        return (Staged(path: path, target: target), hasher.digest(), byteCount)
    }
}
