import CMartlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// An open file or folder; closed with its last reference.
///
/// Every call blocks.
final class OpenFile: Sendable {
    let number: Int32

    private init(_ number: Int32) { self.number = number }

    convenience init(checking number: Int32, _ path: String) throws(StorageError) {
        guard number >= 0 else { throw StorageError(errno: errno, doing: "open", path) }
        self.init(number)
    }

    static var canSyncFileSystem: Bool { martlet_has_sync_file_system() != 0 }

    deinit { _ = close(number) }

    static func openFolder(_ path: String) throws(StorageError) -> OpenFile {
        try OpenFile(checking: open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path)
    }

    static func openForReading(_ path: String) throws(StorageError) -> OpenFile {
        try OpenFile(checking: open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), path)
    }

    /// Reads past the page cache where the file system can; else drops what is cached first.
    ///
    /// Reads must be aligned to 4 KiB.
    static func openForVerifying(_ path: String) throws(StorageError) -> OpenFile {
        let direct = martlet_open_direct(path)
        if direct >= 0 { return OpenFile(direct) }
        if errno != EINVAL { throw StorageError(errno: errno, doing: "open", path) }
        let file = try openForReading(path)
        guard martlet_drop_cache(file.number) == 0 else {
            throw StorageError(errno: errno, doing: "drop the cache of", path)
        }
        return file
    }

    /// A new file; throws when the name is taken.
    static func create(_ path: String) throws(StorageError) -> OpenFile {
        try OpenFile(checking: open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600), path)
    }

    static func create(_ name: String, in folder: OpenFile) throws(StorageError) -> OpenFile {
        try OpenFile(
            checking: openat(folder.number, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600),
            name)
    }

    static func openForAppending(
        _ path: String, creates: Bool
    ) throws(StorageError) -> OpenFile {
        let flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW | (creates ? O_CREAT : 0)
        return try OpenFile(checking: open(path, flags, 0o600), path)
    }

    /// Writes all bytes, at `offset` or, without, at the file's end of writing.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64? = nil) throws(StorageError) {
        guard let start = bytes.baseAddress else { return }
        var done = 0
        while done < bytes.count {
            let count =
                if let offset {
                    pwrite(number, start + done, bytes.count - done, off_t(offset) + off_t(done))
                } else {
                    systemWrite(number, start + done, bytes.count - done)
                }
            if count < 0 && errno == EINTR { continue }
            // A write of nothing is a full disk on some file systems.
            guard count > 0 else {
                throw StorageError(errno: count < 0 ? errno : ENOSPC, doing: "write", "an object")
            }
            done += count
        }
    }

    /// Reads up to the buffer's size; fewer only at the end of the file.
    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(StorageError) -> Int {
        guard let start = buffer.baseAddress else { return 0 }
        var done = 0
        while done < buffer.count {
            let count = pread(
                number, start + done, buffer.count - done, off_t(offset) + off_t(done))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw StorageError(errno: errno, doing: "read", "an object") }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// One system call's worth, for reads past the page cache; 0 at the end of the file.
    func readOnce(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(StorageError) -> Int {
        while true {
            let count = pread(number, buffer.baseAddress, buffer.count, off_t(offset))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw StorageError(errno: errno, doing: "read", "an object") }
            return count
        }
    }

    func byteCount() throws(StorageError) -> Int64 {
        var information = stat()
        guard fstat(number, &information) == 0 else {
            throw StorageError(errno: errno, doing: "look at", "an object")
        }
        return Int64(information.st_size)
    }

    func cut(to byteCount: Int64) throws(StorageError) {
        guard ftruncate(number, off_t(byteCount)) == 0 else {
            throw StorageError(errno: errno, doing: "shorten", "an upload")
        }
    }

    /// A file's bytes and size.
    func sync() throws(StorageError) {
        guard martlet_sync_file(number) == 0 else {
            throw StorageError(errno: errno, doing: "sync", "an object")
        }
    }

    /// A folder's entries.
    func syncEntries() throws(StorageError) {
        guard fsync(number) == 0 else {
            throw StorageError(errno: errno, doing: "sync", "a folder")
        }
    }

    func syncFileSystem() throws(StorageError) {
        guard martlet_sync_file_system(number) == 0 else {
            throw StorageError(errno: errno, doing: "sync", "the disk")
        }
    }

    func startWriteback(from offset: Int64, byteCount: Int64) {
        martlet_start_writeback(number, offset, byteCount)
    }

    /// Whether the file system could do it.
    func setDirect(_ isDirect: Bool) -> Bool { martlet_set_direct(number, isDirect ? 1 : 0) == 0 }

    func remove(_ name: String) throws(StorageError) {
        guard unlinkat(number, name, 0) == 0 || errno == ENOENT else {
            throw StorageError(errno: errno, doing: "remove", name)
        }
    }
}

/// Operations on names.
///
/// Every call blocks.
enum Files {
    static func makeFolder(_ path: String) throws(StorageError) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw StorageError(errno: errno, doing: "make", path)
        }
    }

    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Moves a file within one file system, never over another of our names: keys are unique.
    static func move(_ path: String, to other: String) throws(StorageError) {
        guard rename(path, other) == 0 else {
            throw StorageError(errno: errno, doing: "move", path)
        }
    }

    static func remove(_ path: String) throws(StorageError) {
        guard unlink(path) == 0 || errno == ENOENT else {
            throw StorageError(errno: errno, doing: "remove", path)
        }
    }

    /// An empty one; it may be gone already.
    static func removeFolder(_ path: String) throws(StorageError) {
        guard rmdir(path) == 0 || errno == ENOENT else {
            throw StorageError(errno: errno, doing: "remove", path)
        }
    }

    /// The number of the file system that a path lies on.
    static func fileSystem(_ path: String) throws(StorageError) -> UInt64 {
        var information = stat()
        guard stat(path, &information) == 0 else {
            throw StorageError(errno: errno, doing: "look at", path)
        }
        return UInt64(truncatingIfNeeded: information.st_dev)
    }

    /// Names in a folder, sorted, without those that begin with a dot.
    ///
    /// None when it is not there.
    static func names(in path: String) throws(StorageError) -> [String] {
        guard let folder = opendir(path) else {
            if errno == ENOENT { return [] }
            throw StorageError(errno: errno, doing: "list", path)
        }
        defer { closedir(folder) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    /// Size and time of the last change (milliseconds since 1970); `nil` when it is not there.
    static func look(_ path: String) throws(StorageError) -> (byteCount: Int64, modified: Int64)? {
        var information = stat()
        guard lstat(path, &information) == 0 else {
            if errno == ENOENT { return nil }
            throw StorageError(errno: errno, doing: "look at", path)
        }
        #if os(Linux)
        let time = information.st_mtim
        #else
        let time = information.st_mtimespec
        #endif
        let milliseconds = Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
        return (Int64(information.st_size), milliseconds)
    }

    static func freeByteCount(_ path: String) throws(StorageError) -> Int64 {
        var information = statvfs()
        guard statvfs(path, &information) == 0 else {
            throw StorageError(errno: errno, doing: "ask the free space of", path)
        }
        return Int64(clamping: UInt64(information.f_bavail) * UInt64(information.f_frsize))
    }
}

private func systemWrite(_ file: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    #if canImport(Glibc)
    Glibc.write(file, bytes, count)
    #elseif canImport(Musl)
    Musl.write(file, bytes, count)
    #else
    Darwin.write(file, bytes, count)
    #endif
}

extension StorageError {
    /// The error of this layer for a system call's `errno`.
    package init(errno number: Int32, doing verb: String, _ path: String) {
        let reason = String(cString: strerror(number))
        let text = "Cannot \(verb) \(path) (\(reason))"
        switch number {
        case ENOSPC, EDQUOT:
            self.init(.diskFull, "The disk of the objects is full: free some space.")
        case ENOENT:
            self.init(.objectNotFound, "\(text): the object is not in the store.")
        case EROFS, EACCES, EPERM:
            self.init(.readOnly, "\(text): check who owns the data folder.")
        default:
            self.init(.inputOutput, "\(text): check the disk.")
        }
    }
}
