package import NIOPosix
import Records
import Synchronization

/// Objects as plain whole files of one folder.
///
///     objects/00012/<digest>-<16 random digits>    folders of about 1,000 files, filled in turn
///     staging/<upload>.part                        resumable uploads
///     staging/<random>.new                         blobs on their way in; swept at the start
///
/// Folders are filled in turn, not by digest: a pack then writes into one folder instead of
/// thousands. A crash can leave an object that no row knows; `list` finds it for the collector.
package final class DirectoryObjectStore: ObjectStore {
    let root: String
    let threads: NIOThreadPool
    let randomNumber: @Sendable () -> UInt64
    private let current: Mutex<CurrentFolder>

    private struct CurrentFolder {
        var number: Int
        var count: Int
        /// Folders up to this number are known to be durable.
        var durableNumber: Int
    }

    /// Opens or makes the store in `path` and sweeps what a crash left on its way in.
    ///
    /// Where other servers write as well (`isShared`) it sweeps nothing: it may be theirs. Blocks.
    package init(
        path: String, isShared: Bool = false, randomNumber: @escaping @Sendable () -> UInt64,
        threads: NIOThreadPool = .storage
    ) throws(StorageError) {
        root = path
        self.threads = threads
        self.randomNumber = randomNumber
        for folder in [path, path + "/objects", path + "/staging"] {
            try Files.makeFolder(folder)
        }
        for name in try Files.names(in: path + "/staging") where name.hasSuffix(".new") && !isShared
        {
            try Files.remove(path + "/staging/" + name)
        }
        let last = try Files.names(in: path + "/objects").last
        let count = try last.map { name throws(StorageError) in
            try Files.names(in: path + "/objects/" + name).count
        }
        // What an earlier process made and did not come to sync.
        for folder in [path + "/objects", path, Files.parent(of: path)] {
            try OpenFile.openFolder(folder).syncEntries()
        }
        let number = last.flatMap { Int($0) } ?? 0
        current = Mutex(
            CurrentFolder(
                number: number, count: count ?? 0, durableNumber: last == nil ? -1 : number))
    }

    // MARK: - Places

    /// A folder for `count` more files, made durable when it is new.
    ///
    /// Blocks.
    func takeFolder(for count: Int) throws(StorageError) -> String {
        let (number, isDurable) = current.withLock { current in
            if current.count >= Limits.objectsPerFolder {
                current.number += 1
                current.count = 0
            }
            current.count += count
            return (current.number, current.number <= current.durableNumber)
        }
        let digits = String(number)
        let name = String(repeating: "0", count: max(0, 5 - digits.count)) + digits
        let path = root + "/objects/" + name
        // Who finds the folder made by another that has yet to sync it, syncs it as well.
        if !isDurable {
            try Files.makeFolder(path)
            try OpenFile.openFolder(root + "/objects").syncEntries()
            current.withLock { $0.durableNumber = max($0.durableNumber, number) }
        }
        return name
    }

    func newName(_ digest: Digest) -> String {
        digest.text + "-" + Hexadecimal.encode(Hexadecimal.bytes(of: randomNumber()))
    }

    func newStagingPath() -> String {
        root + "/staging/" + Hexadecimal.encode(Hexadecimal.bytes(of: randomNumber())) + ".new"
    }

    func stagedPath(_ upload: UploadID) -> String { root + "/staging/" + upload.text + ".part" }

    func path(of key: ObjectKey) -> String { root + "/objects/" + key.text }

    /// Gives a synced file its key and makes the name durable.
    ///
    /// Blocks.
    func place(
        _ staged: String, digest: Digest, byteCount: Int64
    ) throws(StorageError) -> StoredObject {
        let folder = try takeFolder(for: 1)
        let key = ObjectKey(text: folder + "/" + newName(digest))
        try Files.move(staged, to: path(of: key))
        try OpenFile.openFolder(root + "/objects/" + folder).syncEntries()
        return StoredObject(key: key, digest: digest, byteCount: byteCount)
    }

    // MARK: - Whole objects

    package func makeWriter() async throws(StorageError) -> any ObjectWriter {
        try await onThread { () throws(StorageError) in
            try DirectoryObjectWriter(store: self, path: self.newStagingPath())
        }
    }

    package func read(_ key: ObjectKey, _ range: Range<Int64>) -> ObjectBytes {
        let path = path(of: key)
        return ObjectBytes { [threads] in FileReading(path: path, range: range, threads: threads) }
    }

    package func byteCount(of key: ObjectKey) async throws(StorageError) -> Int64 {
        try await onThread { () throws(StorageError) in
            guard let found = try Files.look(self.path(of: key)) else {
                throw StorageError(.objectNotFound, "The object \(key.text) is not in the store.")
            }
            return found.byteCount
        }
    }

    package func verify(_ key: ObjectKey) async throws(StorageError) -> StoredObject {
        try await onThread { () throws(StorageError) in
            let (digest, byteCount) = try Verification.read(self.path(of: key))
            return StoredObject(key: key, digest: digest, byteCount: byteCount)
        }
    }

    package func remove(_ keys: [ObjectKey]) async throws(StorageError) {
        try await onThread { () throws(StorageError) in
            for key in keys { try Files.remove(self.path(of: key)) }
        }
    }

    package func localPath(of key: ObjectKey) -> String? { path(of: key) }

    package func freeByteCount() async throws(StorageError) -> Int64? {
        try await onThread { () throws(StorageError) in try Files.freeByteCount(self.root) }
    }

    /// In the folder of blobs on their way in, so that probes fill no folders of objects.
    package func probe(_ bytes: [UInt8]) async throws(StorageError) {
        let path = newStagingPath()
        try await onThread { () throws(StorageError) in
            do throws(StorageError) {
                let file = try OpenFile.create(path)
                try bytes.withBytes { (buffer) throws(StorageError) in
                    try file.write(buffer)
                }
                try file.sync()
                try OpenFile.openFolder(Files.parent(of: path)).syncEntries()
                let (digest, _) = try Verification.read(path)
                guard digest == Digest(of: bytes) else { throw .probeDamaged }
            } catch {
                try? Files.remove(path)
                throw error
            }
            try Files.remove(path)
        }
    }

    package func list(
        after key: ObjectKey?, limit: Int
    ) async throws(StorageError) -> [ListedObject] {
        try await onThread { () throws(StorageError) in
            var found: [ListedObject] = []
            for folder in try Files.names(in: self.root + "/objects") {
                if let key, key.text.prefix(while: { $0 != "/" }) > folder { continue }
                for name in try Files.names(in: self.root + "/objects/" + folder) {
                    let candidate = ObjectKey(text: folder + "/" + name)
                    if let key, candidate <= key { continue }
                    guard found.count < limit else { return found }
                    guard let look = try Files.look(self.path(of: candidate)) else { continue }
                    found.append(
                        ListedObject(
                            key: candidate, byteCount: look.byteCount,
                            modifiedAt: Timestamp(milliseconds: look.modified)))
                }
            }
            return found
        }
    }

    /// Runs `body` where blocking is allowed.
    func onThread<R: Sendable>(
        _ body: @escaping @Sendable () throws(StorageError) -> R
    ) async throws(StorageError) -> R {
        try await threads.run(body)
    }
}

extension NIOThreadPool {
    /// For waiting on disks: more threads than cores, so that readers need not wait while packs are
    /// synced.
    ///
    /// Never ends.
    package static let storage: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: Limits.storageThreadsMax)
        pool.start()
        return pool
    }()

    /// Runs `body` on one of the threads; an error of the pool's own is `interrupted`.
    func run<R: Sendable>(
        _ body: @escaping @Sendable () throws(StorageError) -> R
    ) async throws(StorageError) -> R {
        do {
            return try await runIfActive { try body() }
        } catch let error as StorageError {
            throw error
        } catch {
            throw StorageError(.interrupted, "The request was cancelled.", cause: error)
        }
    }
}
