package import Records
import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A folder that holds backups.
package final class FolderBackupPlace: BackupPlace {
    package let text: String
    private let lockFile: BackupFileLock
    private let taken = Mutex<(any Sendable)?>(nil)

    /// `path`: absolute.
    package init(_ path: String, lockFile: @escaping BackupFileLock) {
        text = path
        self.lockFile = lockFile
    }

    private func path(_ name: String) -> String { text + "/" + name }

    package func localPath(_ name: String) -> String? { path(name) }

    package func workPath(_ name: String) -> String { path(name) }

    package func prepare() async throws(StorageError) {
        do {
            try FileManager.default.createDirectory(
                atPath: text, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw StorageError(
                .readOnly, "\(text) cannot be made: check its disk and who owns it.", cause: error)
        }
    }

    package func isThere() async throws(StorageError) -> Bool {
        try PlainFiles.byteCount(text) != nil
    }

    package func take(for work: String) async throws(StorageError) -> Bool {
        guard let lock = try lockFile(path("lock"), work) else { return false }
        taken.withLock { $0 = lock }
        return true
    }

    /// The system keeps the lock as long as the process lives.
    package func confirm() async throws(StorageError) {}

    package func release() async { taken.withLock { $0 = nil } }

    package func files() async throws(StorageError) -> [BackupFile] {
        var found: [BackupFile] = []
        for name in try PlainFiles.names(in: text) where name != "objects" {
            guard let byteCount = try PlainFiles.byteCount(path(name)) else { continue }
            found.append(BackupFile(name: name, byteCount: byteCount))
        }
        return found
    }

    package func objects(
        after name: String?, limit: Int
    ) async throws(StorageError) -> [BackupFile] {
        var found: [BackupFile] = []
        for folder in try PlainFiles.names(in: path("objects")) {
            let prefix = "objects/\(folder)/"
            if let name, name > prefix, !name.hasPrefix(prefix) { continue }
            for entry in try PlainFiles.names(in: path("objects/" + folder)) {
                let object = prefix + entry
                if let name, object <= name { continue }
                guard let byteCount = try PlainFiles.byteCount(path(object)) else { continue }
                found.append(BackupFile(name: object, byteCount: byteCount))
                if found.count >= limit { return found }
            }
        }
        return found
    }

    package func byteCount(_ name: String) async throws(StorageError) -> Int64? {
        try PlainFiles.byteCount(path(name))
    }

    package func read(
        _ name: String, byteCountMax: Int
    ) async throws(StorageError) -> [UInt8] {
        try PlainFiles.read(path(name), byteCountMax: byteCountMax)
    }

    package func bytes(_ name: String, _ range: Range<Int64>) -> ObjectBytes {
        ObjectBytes(file: path(name), range: range)
    }

    package func digest(_ name: String) async throws(StorageError) -> (Digest, Int64) {
        try PlainFiles.digest(path(name))
    }

    package func put(_ bytes: [UInt8], as name: String) async throws(StorageError) {
        try PlainFiles.write(bytes, to: path(name))
    }

    /// It was made in its place.
    package func putFile(
        _ source: String, as name: String
    ) async throws(StorageError) -> (Digest, Int64) {
        if source != path(name) {
            let copies = try FileCopies(staging: path("incoming"))
            try copies.settle([try copies.stage(source, as: 0, for: path(name)).staged])
            try copies.end()
        }
        return try PlainFiles.digest(path(name))
    }

    package func remove(_ names: [String]) async throws(StorageError) {
        var folders: Set<String> = []
        for name in names {
            try PlainFiles.remove(path(name))
            folders.insert(Files.parent(of: path(name)))
        }
        for folder in folders.sorted() where try PlainFiles.byteCount(folder) != nil {
            try PlainFiles.syncFolder(folder)
        }
    }

    package func copies() async throws(StorageError) -> any BackupCopies {
        try PlainFiles.makeFolder(path("objects"))
        return FolderBackupCopies(folder: text, try FileCopies(staging: path("incoming")))
    }

    package func freeByteCount() async throws(StorageError) -> Int64? {
        try PlainFiles.freeByteCount(text)
    }
}

/// Objects on their way into a folder, which are synced many at a time.
private final class FolderBackupCopies: BackupCopies {
    private let folder: String
    private let copies: FileCopies
    private let staged = Mutex<[FileCopies.Staged]>([])

    init(folder: String, _ copies: FileCopies) {
        self.folder = folder
        self.copies = copies
    }

    func add(
        _ source: BackupBytes, as name: String, number: Int, digest: Digest
    ) async throws(StorageError) -> Bool {
        let target = folder + "/" + name
        let copy =
            if let path = source.path {
                try copies.stage(path, as: number, for: target)
            } else {
                try await copies.stage(source.bytes, as: number, for: target)
            }
        guard copy.digest == digest else {
            try copies.discard(copy.staged)
            return false
        }
        staged.withLock { $0.append(copy.staged) }
        return true
    }

    func settle() async throws(StorageError) {
        let batch = staged.withLock { staged in
            defer { staged = [] }
            return staged
        }
        try copies.settle(batch)
    }

    func end() async throws(StorageError) { try copies.end() }
}
