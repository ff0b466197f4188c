import Records

/// Packs of a directory store.
extension DirectoryObjectStore {
    /// Below this many files, syncing each is quicker than syncing the whole file system.
    private static let filesSyncedAloneMax = 4

    package func storePack(_ blobs: [PackedBlob]) async throws(StorageError) -> [PackedResult] {
        try await onThread { () throws(StorageError) in try self.writePack(blobs) }
    }

    /// Files get their final names at once: nobody knows their keys before the answer, and what a
    /// crash leaves is found as an object without a row.
    private func writePack(_ blobs: [PackedBlob]) throws(StorageError) -> [PackedResult] {
        guard !blobs.isEmpty else { return [] }
        let folderName = try takeFolder(for: blobs.count)
        let folder = try OpenFile.openFolder(root + "/objects/" + folderName)
        let syncsEach =
            blobs.count <= Self.filesSyncedAloneMax || !OpenFile.canSyncFileSystem
        var results: [PackedResult] = []
        results.reserveCapacity(blobs.count)
        do {
            for blob in blobs {
                results.append(
                    try write(blob, into: folder, named: folderName, syncs: syncsEach))
            }
            if syncsEach { try folder.syncEntries() } else { try folder.syncFileSystem() }
        } catch {
            for case .stored(let object) in results { try? Files.remove(path(of: object.key)) }
            throw error
        }
        return results
    }

    private func write(
        _ blob: PackedBlob, into folder: OpenFile, named folderName: String, syncs: Bool
    ) throws(StorageError) -> PackedResult {
        let digest = Digest(of: blob.bytes)
        guard digest == blob.claimed else { return .digestMismatch(actual: digest) }
        let name = newName(digest)
        let file = try OpenFile.create(name, in: folder)
        do {
            try blob.bytes.withBytes { bytes throws(StorageError) in try file.write(bytes) }
            if syncs { try file.sync() }
        } catch {
            try? folder.remove(name)
            throw error
        }
        return .stored(
            StoredObject(
                key: ObjectKey(text: folderName + "/" + name), digest: digest,
                byteCount: Int64(blob.bytes.count)))
    }
}

extension [UInt8] {
    func withBytes<R>(
        _ body: (UnsafeRawBufferPointer) throws(StorageError) -> R
    ) throws(StorageError) -> R {
        do {
            return try withUnsafeBytes { try body($0) }
        } catch {
            throw error as? StorageError
                ?? StorageError(.failed, "The bytes cannot be read.", cause: error)
        }
    }
}
