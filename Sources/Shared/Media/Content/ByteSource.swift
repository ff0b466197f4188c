#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Bytes that can be read at any place, so that a large file is never read whole.
package protocol ByteSource {
    var byteCount: Int64 { get }

    /// The bytes from `offset` on: `count` of them, or fewer where the source ends; none behind it.
    func read(at offset: Int64, count: Int) throws(MediaError) -> [UInt8]
}

/// Bytes in memory.
package struct MemorySource: ByteSource {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package var byteCount: Int64 { Int64(bytes.count) }

    package func read(at offset: Int64, count: Int) throws(MediaError) -> [UInt8] {
        guard offset >= 0, offset < byteCount, count > 0 else { return [] }
        let start = Int(offset)
        return Array(bytes[start..<start + min(count, bytes.count - start)])
    }
}

/// A regular file, read at places without moving a position; closed with its last reference.
///
/// Folders, pipes and devices are refused: they could keep a reader waiting for ever. Reading
/// blocks on the disk: keep it off Swift's cooperative threads.
package final class FileSource: ByteSource {
    package let byteCount: Int64
    private let file: Int32

    /// Opens `path`; throws `unreadable` for what isn't a regular file or can't be opened.
    package init(path: String) throws(MediaError) {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw Self.unreadable("opened", errno) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(file)
            throw MediaError(.unreadable, "Only regular files are read, and this is none.")
        }
        self.file = file
        byteCount = Int64(status.st_size)
    }

    deinit { close(file) }

    package func read(at offset: Int64, count: Int) throws(MediaError) -> [UInt8] {
        guard offset >= 0, offset < byteCount, count > 0 else { return [] }
        let wanted = Int(min(Int64(count), byteCount - offset))
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
            while filled < wanted {
                let got = pread(
                    file, buffer.baseAddress.map { $0 + filled }, wanted - filled,
                    off_t(offset) + off_t(filled))
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = errno }
                if got <= 0 { return }
                filled += got
            }
        }
        if failure != 0 { throw Self.unreadable("read", failure) }
        return bytes
    }

    private static func unreadable(_ act: String, _ code: Int32) -> MediaError {
        MediaError(
            .unreadable,
            "The file can't be \(act) (\(String(cString: strerror(code)))); check that it is there "
                + "and that its rights and its disk allow it.")
    }
}
