package import Records

/// Copies files durably, many at a time: their bytes are written beside, synced together, and only
/// then get their names.
///
/// What has its name is whole and on the medium, whatever happens: a later run may trust it. Every
/// call blocks.
package struct FileCopies: Sendable {
    /// A file on its way in.
    package struct Staged: Sendable {
        let path: String
        let target: String
    }

    let staging: String

    /// `staging`: a folder of its own on the targets' file system; what an earlier run left there
    /// is removed.
    package init(staging: String) throws(StorageError) {
        self.staging = staging
        try Files.makeFolder(staging)
        for name in try Files.names(in: staging) { try Files.remove(staging + "/" + name) }
    }

    /// Copies one file and says what its bytes are; `number` tells it from others on their way.
    ///
    /// Throws `objectNotFound` when it is not there.
    package func stage(
        _ source: String, as number: Int, for target: String
    ) throws(StorageError) -> (staged: Staged, digest: Digest, byteCount: Int64) {
        let path = staging + "/\(number)"
        let input = try OpenFile.openForReading(source)
        try Files.remove(path)
        let output = try OpenFile.create(path)
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Limits.streamStepByteCount, alignment: 4_096)
        defer { buffer.deallocate() }
        var hasher = Digest.Hasher()
        var offset: Int64 = 0
        while true {
            let count = try input.read(into: buffer, at: offset)
            if count == 0 { break }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            hasher.update(bytes)
            try output.write(bytes)
            offset += Int64(count)
            if count < buffer.count { break }
        }
        if !OpenFile.canSyncFileSystem { try output.sync() }
        return (Staged(path: path, target: target), hasher.digest(), offset)
    }

    /// Forgets one.
    package func discard(_ staged: Staged) throws(StorageError) { try Files.remove(staged.path) }

    /// Gives all their names; durable when it returns.
    package func settle(_ staged: [Staged]) throws(StorageError) {
        guard !staged.isEmpty else { return }
        if OpenFile.canSyncFileSystem { try OpenFile.openFolder(staging).syncFileSystem() }
        var folders: Set<String> = []
        for file in staged {
            let folder = Files.parent(of: file.target)
            if folders.insert(folder).inserted {
                try Files.makeFolder(folder)
                folders.insert(Files.parent(of: folder))
            }
            try Files.move(file.path, to: file.target)
        }
        for folder in folders.sorted() { try OpenFile.openFolder(folder).syncEntries() }
    }

    /// Takes away the folder of what is on its way.
    package func end() throws(StorageError) {
        for name in try Files.names(in: staging) { try Files.remove(staging + "/" + name) }
        try Files.removeFolder(staging)
    }
}

/// What backups and restores need to know and do about files by their names.
///
/// Every call blocks.
package enum PlainFiles {
    /// The size of a file; `nil` when it is not there.
    package static func byteCount(_ path: String) throws(StorageError) -> Int64? {
        try Files.look(path)?.byteCount
    }

    /// When it was changed last, by its file system's clock; `nil` when it is not there.
    package static func modified(_ path: String) throws(StorageError) -> Timestamp? {
        try Files.look(path).map { Timestamp(milliseconds: $0.modified) }
    }

    /// Names in a folder, sorted, without those that begin with a dot.
    package static func names(in path: String) throws(StorageError) -> [String] {
        try Files.names(in: path)
    }

    package static func makeFolder(_ path: String) throws(StorageError) {
        try Files.makeFolder(path)
    }

    /// What its bytes are, read from the medium.
    package static func digest(_ path: String) throws(StorageError) -> (Digest, Int64) {
        try Verification.read(path)
    }

    package static func move(_ path: String, to other: String) throws(StorageError) {
        try Files.move(path, to: other)
    }

    package static func remove(_ path: String) throws(StorageError) { try Files.remove(path) }

    /// The folder's entries are on the medium when it returns.
    package static func syncFolder(_ path: String) throws(StorageError) {
        try OpenFile.openFolder(path).syncEntries()
    }

    /// The file's bytes are on the medium when it returns.
    package static func sync(_ path: String) throws(StorageError) {
        try OpenFile.openForAppending(path, creates: false).sync()
    }

    package static func read(_ path: String, byteCountMax: Int) throws(StorageError) -> [UInt8] {
        let file = try OpenFile.openForReading(path)
        let byteCount = try file.byteCount()
        guard byteCount <= byteCountMax else {
            throw StorageError(.damaged, "\(path) has \(byteCount) bytes: it is none of Martlet's.")
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Int(byteCount), alignment: 1)
        defer { buffer.deallocate() }
        let count = try file.read(into: buffer, at: 0)
        return Array(buffer[..<count])
    }

    /// Puts a file of these bytes in the place of what has the name, at one moment and durably.
    package static func write(_ bytes: [UInt8], to path: String) throws(StorageError) {
        let other = path + ".new"
        try Files.remove(other)
        let file = try OpenFile.create(other)
        try bytes.withBytes { (buffer) throws(StorageError) in try file.write(buffer) }
        try file.sync()
        try Files.move(other, to: path)
        try OpenFile.openFolder(Files.parent(of: path)).syncEntries()
    }

    package static func freeByteCount(_ path: String) throws(StorageError) -> Int64 {
        try Files.freeByteCount(path)
    }

    package static func isOnSameFileSystem(
        _ path: String, _ other: String
    ) throws(StorageError) -> Bool {
        try Files.fileSystem(path) == Files.fileSystem(other)
    }
}
