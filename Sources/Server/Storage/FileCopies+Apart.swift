import CMartlet
package import Records

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What has a name already, as far as it matters to a file that wants it.
package enum NameUse: Hashable, Sendable {
    case free
    /// A file of the same bytes.
    case same
    case other
}

// Copies that never take the place of anything, under names of any bytes.
extension FileCopies {
    /// The time of a staged file's last change.
    package func setModified(_ staged: Staged, to time: Timestamp) throws(StorageError) {
        let (seconds, rest) = time.milliseconds.quotientAndRemainder(dividingBy: 1_000)
        let floor = rest < 0 ? seconds - 1 : seconds
        let value = timespec(
            tv_sec: Int(floor), tv_nsec: Int((time.milliseconds - floor * 1_000) * 1_000_000))
        guard utimensat(AT_FDCWD, staged.path, [value, value], AT_SYMLINK_NOFOLLOW) == 0 else {
            throw StorageError(errno: errno, doing: "set the time of", staged.path)
        }
    }

    /// All staged bytes are on the medium when it returns.
    package func syncStaged() throws(StorageError) {
        if OpenFile.canSyncFileSystem { try OpenFile.openFolder(staging).syncFileSystem() }
    }

    /// Gives a staged file a name in a folder, unless something has it: then returns `false`.
    ///
    /// The folder is the caller's to sync.
    package func place(
        _ staged: Staged, in folder: String, as name: [UInt8]
    ) throws(StorageError) -> Bool {
        let (from, to) = (try OpenFile.openFolder(staging), try OpenFile.openFolder(folder))
        let source = String(staged.path.dropFirst(staging.utf8.count + 1))
        let result = Self.withName(name) { target in
            martlet_rename_exclusive(from.number, source, to.number, target)
        }
        if result == 0 { return true }
        if errno == EEXIST { return false }
        throw StorageError(errno: errno, doing: "name a file in", folder)
    }

    /// Reads a file of that name and size to its end, so that “the same” is proven.
    package static func use(
        of name: [UInt8], in folder: String, by digest: Digest, _ byteCount: Int64
    ) throws(StorageError) -> NameUse {
        guard try Files.look(folder) != nil else { return .free }
        let folder = try OpenFile.openFolder(folder)
        var information = stat()
        let result = withName(name) {
            fstatat(folder.number, $0, &information, AT_SYMLINK_NOFOLLOW)
        }
        if result != 0 {
            if errno == ENOENT { return .free }
            throw StorageError(errno: errno, doing: "look at", text(name))
        }
        guard information.st_mode & S_IFMT == S_IFREG, Int64(information.st_size) == byteCount
        else { return .other }
        let number = withName(name) {
            openat(folder.number, $0, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        }
        let file = try OpenFile(checking: number, text(name))
        return try file.digest() == digest ? .same : .other
    }

    private static func text(_ name: [UInt8]) -> String { String(decoding: name, as: UTF8.self) }

    private static func withName<R>(_ name: [UInt8], _ body: (UnsafePointer<CChar>) -> R) -> R {
        (name.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else {
                preconditionFailure("A buffer with a NUL in it has a beginning.")
            }
            return body(start)
        }
    }
}

extension OpenFile {
    /// What its bytes are.
    fileprivate func digest() throws(StorageError) -> Digest {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Limits.streamStepByteCount, alignment: 4_096)
        defer { buffer.deallocate() }
        var hasher = Digest.Hasher()
        var offset: Int64 = 0
        while true {
            let count = try read(into: buffer, at: offset)
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += Int64(count)
            if count < buffer.count { return hasher.digest() }
        }
    }
}
