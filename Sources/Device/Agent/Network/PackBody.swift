package import NIOCore
package import Records
import Synchronization
package import SyncEngine
import Wire

/// A pack of small files as a request's body, about a step at a time.
///
/// A file that changes or goes while the pack is under way is filled up with zeros: the server then
/// refuses that blob alone, because it is not what its digest says, and the others arrive (P7).
package final class PackBody: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer

    let files: [FileToSend]
    private let disk: DeviceDisk
    private let pool: WorkPool
    private let progress: @Sendable (Int64) -> Void
    private let limit: RateLimit?
    private let failures = Mutex<[Digest: RequestFailure]>([:])

    package init(
        files: [FileToSend], disk: DeviceDisk, pool: WorkPool, limit: RateLimit? = nil,
        progress: @escaping @Sendable (Int64) -> Void
    ) {
        self.files = files
        self.disk = disk
        self.pool = pool
        self.progress = progress
        self.limit = limit
    }

    package var byteCount: Int64 { PackFormat.byteCount(ofBlobs: files.map(\.byteCount)) }

    /// Why files could not be sent as they were.
    package var failed: [Digest: RequestFailure] { failures.withLock { $0 } }

    package func makeAsyncIterator() -> Iterator { Iterator(body: self) }

    package struct Iterator: AsyncIteratorProtocol {
        let body: PackBody
        var index = -1
        var byteCount: Int64 = 0

        package mutating func next() async throws -> ByteBuffer? {
            let (body, first) = (body, index)
            guard first <= body.files.count else { return nil }
            let (buffer, next, moved) = try await body.pool.run { () throws(DiskError) in
                body.step(from: first)
            }
            try await body.limit?.pass(Int(moved))
            index = next
            byteCount += moved
            body.progress(byteCount)
            return buffer
        }
    }

    /// -1 is the magic, `files.count` the end.
    private func step(from first: Int) -> (ByteBuffer, next: Int, byteCount: Int64) {
        var buffer = ByteBufferAllocator().buffer(
            capacity: Limits.streamStepByteCount + (64 << 10))
        var (index, byteCount) = (first, Int64(0))
        if index == -1 {
            buffer.writeBytes(PackFormat.magic)
            index = 0
        }
        while index < files.count,
            buffer.readableBytes + Int(files[index].byteCount) <= Limits.streamStepByteCount
                || buffer.readableBytes <= PackFormat.magic.count
        {
            append(files[index], to: &buffer)
            byteCount += files[index].byteCount
            index += 1
        }
        if index == files.count {
            buffer.writeBytes(PackFormat.end(blobCount: files.count))
            index += 1
        }
        return (buffer, index, byteCount)
    }

    private func append(_ file: FileToSend, to buffer: inout ByteBuffer) {
        let count = Int(file.byteCount)
        buffer.writeBytes(PackFormat.frame(digest: file.digest, byteCount: count))
        let whole = buffer.writerIndex + count
        do throws(DiskError) {
            let descriptor = try disk.open(file.place, file.stamp)
            try descriptor.read(byteCount: count, at: 0, into: &buffer)
            guard try descriptor.stamp() == file.stamp else { throw .changed }
        } catch {
            failures.withLock { $0[file.digest] = RequestFailure(reading: file.place, error) }
            buffer.writeRepeatingByte(0, count: whole - buffer.writerIndex)
        }
    }
}
