import Records
package import SyncEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// An open file or folder by its number; closed with its last reference.
///
/// Every call blocks.
final class Descriptor: Sendable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { _ = close(number) }

    /// Opens `name` below an open folder; follows no symbolic link in the last component.
    static func open(
        _ name: [UInt8], in folder: Descriptor, flags: Int32, mode: mode_t = 0o600
    ) throws(DiskError) -> Descriptor {
        let number = withName(name) {
            openat(folder.number, $0, flags | O_CLOEXEC | O_NOFOLLOW, mode)
        }
        guard number >= 0 else { throw DiskError(errno: errno) }
        return Descriptor(number)
    }

    /// Opens a folder by its absolute path; links in the path are the user's own and are followed.
    static func openFolder(_ path: [UInt8]) throws(DiskError) -> Descriptor {
        let number = withName(path) {
            systemOpen($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
        guard number >= 0 else { throw DiskError(errno: errno) }
        return Descriptor(number)
    }

    /// Opens the folder of an absolute path; with it, the name in that folder.
    static func openParent(
        of path: String
    ) throws(DiskError) -> (folder: Descriptor, name: [UInt8]) {
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        let folder = try openFolder(Array(path[..<slash].utf8))
        return (folder, Array(path[path.index(after: slash)...].utf8))
    }

    func information() throws(DiskError) -> stat {
        var information = stat()
        guard fstat(number, &information) == 0 else { throw DiskError(errno: errno) }
        return information
    }

    /// Reads until the buffer is full or the file ends.
    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int {
        var done = 0
        while done < buffer.count {
            let count = pread(
                number, buffer.baseAddress?.advanced(by: done), buffer.count - done,
                off_t(offset) + off_t(done))
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw DiskError(errno: errno) }
            if count == 0 { break }
            done += count
        }
        return done
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError) {
        var done = 0
        while done < bytes.count {
            let count = pwrite(
                number, bytes.baseAddress?.advanced(by: done), bytes.count - done,
                off_t(offset) + off_t(done))
            if count < 0 && errno == EINTR { continue }
            // A write of nothing is a full disk on some file systems.
            guard count > 0 else { throw DiskError(errno: count < 0 ? errno : ENOSPC) }
            done += count
        }
    }

    /// Fewer only where the file ends.
    func bytes(at offset: Int64, byteCountMax: Int) throws(DiskError) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCountMax, alignment: 16)
        defer { buffer.deallocate() }
        let count = try read(into: buffer, at: offset)
        return Array(buffer[..<count])
    }

    func write(_ bytes: [UInt8], at offset: Int64) throws(DiskError) {
        var failure: DiskError?
        bytes.withUnsafeBytes { buffer in
            do throws(DiskError) { try write(buffer, at: offset) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    func cut(to byteCount: Int64) throws(DiskError) {
        guard ftruncate(number, off_t(byteCount)) == 0 else { throw DiskError(errno: errno) }
    }

    func sync() throws(DiskError) {
        guard fsync(number) == 0 else { throw DiskError(errno: errno) }
    }
}

/// Calls `body` with the C string of a name's bytes.
///
/// Names hold no NUL: they come from a file system or from `RelativePath`; what follows one is cut
/// off and simply not found.
func withName<R>(_ name: [UInt8], _ body: (UnsafePointer<CChar>) -> R) -> R {
    (name + [0]).withUnsafeBytes { bytes in
        bytes.withMemoryRebound(to: CChar.self) { characters in
            guard let start = characters.baseAddress else {
                preconditionFailure("A terminated name has at least one byte.")
            }
            return body(start)
        }
    }
}

private func systemOpen(_ path: UnsafePointer<CChar>, _ flags: Int32) -> Int32 {
    open(path, flags)
}

extension DiskError {
    init(errno number: Int32) {
        switch number {
        case ENOENT: self = .notFound
        case EEXIST, ENOTEMPTY: self = .alreadyExists
        case EACCES, EPERM: self = .notPermitted
        case ENOSPC, EDQUOT: self = .noSpace
        case EROFS: self = .readOnly
        case ENOTDIR: self = .notAFolder
        default: self = .inputOutput(errno: number)
        }
    }

    /// For people: what the system says.
    package var text: String {
        switch self {
        case .notFound: "it is not there"
        case .alreadyExists: "the name is taken"
        case .notPermitted: "this user may not do that"
        case .noSpace: "the disk is full"
        case .readOnly: "the disk is read-only"
        case .notAFolder: "it is not a folder"
        case .changed: "it changed meanwhile"
        case .inputOutput(let number): String(cString: strerror(number))
        }
    }
}

extension Entry.Kind {
    init(_ information: stat) {
        switch information.st_mode & S_IFMT {
        case S_IFREG: self = .file(FileStamp(information))
        case S_IFDIR: self = .folder
        case S_IFLNK: self = .symbolicLink
        default: self = .other
        }
    }
}

extension FileStamp {
    init(_ information: stat) {
        #if os(Linux)
        let (modified, changed) = (information.st_mtim, information.st_ctim)
        #else
        let (modified, changed) = (information.st_mtimespec, information.st_ctimespec)
        #endif
        self.init(
            inode: UInt64(information.st_ino), byteCount: Int64(information.st_size),
            modifiedAt: modified.nanoseconds, changedAt: changed.nanoseconds)
    }
}

extension timespec {
    /// Since 1970; saturates, since a file system may hold any nonsense.
    var nanoseconds: Int64 {
        let (product, overflow) = Int64(tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return tv_sec < 0 ? .min : .max }
        let (sum, more) = product.addingReportingOverflow(Int64(tv_nsec))
        return more ? .max : sum
    }

    init(nanoseconds: Int64) {
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        self.init(
            tv_sec: Int(rest < 0 ? seconds - 1 : seconds),
            tv_nsec: Int(rest < 0 ? rest + 1_000_000_000 : rest))
    }
}
