package import NIOCore
import NIOPosix
import Records

/// Reads an object in steps of 1 MiB, from its beginning or another offset to an end.
protocol ObjectReading {
    /// `nil` at the end.
    mutating func next() async throws(StorageError) -> ByteBuffer?
}

/// A range of an object's bytes, read as they are asked for, in steps of 1 MiB.
package struct ObjectBytes: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer

    private let open: @Sendable () -> any ObjectReading

    init(_ open: @escaping @Sendable () -> any ObjectReading) { self.open = open }

    /// A range of a plain file's bytes.
    package init(file path: String, range: Range<Int64>) {
        self.init { FileReading(path: path, range: range, threads: .storage) }
    }

    package func makeAsyncIterator() -> Iterator { Iterator(reading: open()) }

    /// Throws `objectNotFound`, or `damaged` when the object is shorter than the range.
    package struct Iterator: AsyncIteratorProtocol {
        var reading: any ObjectReading

        package mutating func next() async throws(StorageError) -> ByteBuffer? {
            try await reading.next()
        }
    }
}

/// Reads a file on threads where blocking is allowed.
struct FileReading: ObjectReading {
    let path: String
    let threads: NIOThreadPool
    private var file: OpenFile?
    private var offset: Int64
    private let end: Int64

    init(path: String, range: Range<Int64>, threads: NIOThreadPool) {
        self.path = path
        self.threads = threads
        offset = range.lowerBound
        end = range.upperBound
    }

    mutating func next() async throws(StorageError) -> ByteBuffer? {
        guard offset < end else { return nil }
        let count = Int(Swift.min(end - offset, Int64(Limits.streamStepByteCount)))
        let (opened, bytes) = try await threads.run {
            [path, file, offset] () throws(StorageError) in
            let file = if let file { file } else { try OpenFile.openForReading(path) }
            return (file, try Self.read(file, count: count, at: offset))
        }
        file = opened
        offset += Int64(count)
        return bytes
    }

    private static func read(
        _ file: OpenFile, count: Int, at offset: Int64
    ) throws(StorageError) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        var failure: StorageError?
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
            do throws(StorageError) {
                return try file.read(into: .init(rebasing: bytes[..<count]), at: offset)
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        guard buffer.readableBytes == count else {
            throw StorageError(
                .damaged, "The object ends before its size: let martlet doctor look at it.")
        }
        return buffer
    }
}
