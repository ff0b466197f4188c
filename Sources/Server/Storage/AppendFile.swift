#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file of lines that only grows and outlives a restore of the database: DATA/revoked.
package struct AppendFile: Sendable {
    let path: String

    package init(path: String) { self.path = path }

    /// Adds one line, durable when this returns.
    ///
    /// A line that a crash cut off before is ended first, and marked, so that nobody takes it for a
    /// whole one. Blocks. `line` has no line break of its own.
    package func append(_ line: String) throws(StorageError) {
        let number = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        let file = try OpenFile(checking: number, path)
        let mark = try endsWhole(file) ? "" : " (cut off)\n"
        try Array((mark + line + "\n").utf8).withBytes { bytes throws(StorageError) in
            try file.write(bytes)
        }
        try file.sync()
        try OpenFile.openFolder(Files.parent(of: path)).syncEntries()
    }

    private func endsWhole(_ file: OpenFile) throws(StorageError) -> Bool {
        let byteCount = try file.byteCount()
        guard byteCount > 0 else { return true }
        let last = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
        defer { last.deallocate() }
        return try file.read(into: last, at: byteCount - 1) == 1 && last[0] == UInt8(ascii: "\n")
    }

    /// Blocks.
    package func exists() throws(StorageError) -> Bool { try Files.look(path) != nil }

    /// All whole lines; none when there is no file.
    ///
    /// A line cut off by a crash is left out. Blocks.
    package func lines() throws(StorageError) -> [String] {
        guard let found = try Files.look(path) else { return [] }
        let file = try OpenFile.openForReading(path)
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Int(found.byteCount), alignment: 1)
        defer { buffer.deallocate() }
        let count = try file.read(into: buffer, at: 0)
        let text = String(decoding: buffer[..<count], as: UTF8.self)
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            .map(String.init)
    }
}
