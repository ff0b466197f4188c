#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Keeps two servers from sharing one embedded data folder: an advisory lock (flock) that ends
/// with its process, whatever happens to it.
package final class DataFolderLock: Sendable {
    private let file: Int32

    /// Throws `dataFolderInUse` with the words that the other server left in the file.
    ///
    /// Those that are `shared` only refuse one that is not, and are refused by it. Blocks not.
    package init(path: String, isShared: Bool = false) throws(ServerError) {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else {
            throw ServerError(
                .dataFolderUnusable,
                "The lock \(path) cannot be opened (\(String(cString: strerror(errno)))): "
                    + "check who owns the data folder.")
        }
        guard flock(file, (isShared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0 else {
            let other = Self.read(file)
            close(file)
            throw ServerError(
                .dataFolderInUse,
                "Another server uses this data folder (\(other)): stop it, or name another folder.")
        }
        self.file = file
    }

    deinit { close(file) }

    /// Says who holds the lock.
    package func describe(_ text: String) {
        let bytes = Array(text.utf8)
        guard ftruncate(file, 0) == 0 else { return }
        _ = bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) }
    }

    /// The words of the server that has the folder for itself; `nil` when none has.
    ///
    /// Makes nothing. Of servers that share a folder it says nothing. Blocks not.
    static func holder(of path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return nil }
        defer { close(file) }
        return flock(file, LOCK_SH | LOCK_NB) == 0 ? nil : read(file)
    }

    private static func read(_ file: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 200)
        let count = buffer.withUnsafeMutableBytes { pread(file, $0.baseAddress, $0.count, 0) }
        let text = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        return text.isEmpty ? "it has not said who it is" : text
    }
}
