import NIOPosix
package import Records

/// Writes a file of any size in steps; what had its name before stays until the new one is whole and
/// on the medium.
///
/// It is written beside, as `PATH.RANDOM.new`: what a crash leaves is swept by a later one when it is
/// a day old, since before it may be another process's. Never blocks the caller's thread.
package final class ReplacingFile: Sendable {
    private let path: String
    private let temporary: String
    private let file: OpenFile

    private init(path: String, temporary: String, file: OpenFile) {
        self.path = path
        self.temporary = temporary
        self.file = file
    }

    /// `now`: of the clock that files' times come from.
    package static func create(
        _ path: String, randomNumber: UInt64, now: Timestamp
    ) async throws(StorageError) -> ReplacingFile {
        try await NIOThreadPool.storage.run { () throws(StorageError) in
            try sweep(path, before: now.adding(milliseconds: -Timestamp.millisecondsPerDay))
            let random = Hexadecimal.encode(Hexadecimal.bytes(of: randomNumber))
            let temporary = path + "." + random + ".new"
            return ReplacingFile(
                path: path, temporary: temporary, file: try OpenFile.create(temporary))
        }
    }

    private static func sweep(_ path: String, before: Timestamp) throws(StorageError) {
        let folder = Files.parent(of: path)
        let prefix = path.dropFirst(folder.utf8.count + 1) + "."
        for name in try Files.names(in: folder)
        where name.hasPrefix(prefix) && name.hasSuffix(".new") {
            guard let look = try Files.look(folder + "/" + name),
                look.modified < before.milliseconds
            else { continue }
            try Files.remove(folder + "/" + name)
        }
    }

    package func append(_ bytes: [UInt8]) async throws(StorageError) {
        try await write(bytes, at: nil)
    }

    /// Writes over the file's beginning, which has been appended before.
    package func replaceBeginning(_ bytes: [UInt8]) async throws(StorageError) {
        try await write(bytes, at: 0)
    }

    private func write(_ bytes: [UInt8], at offset: Int64?) async throws(StorageError) {
        try await NIOThreadPool.storage.run { [file] () throws(StorageError) in
            try bytes.withBytes { (buffer) throws(StorageError) in
                try file.write(buffer, at: offset)
            }
        }
    }

    /// Gives it its name, durably.
    package func settle() async throws(StorageError) {
        try await NIOThreadPool.storage.run { [self] () throws(StorageError) in
            try file.sync()
            try Files.move(temporary, to: path)
            try OpenFile.openFolder(Files.parent(of: path)).syncEntries()
        }
    }

    package func discard() async {
        try? await NIOThreadPool.storage.run { [temporary] () throws(StorageError) in
            try Files.remove(temporary)
        }
    }
}
