import NIOCore
import Records
import SyncEngine

/// A part of a file as a request's body, a step at a time, read on the disk's threads.
///
/// Fails with `RequestFailure` when the file is not, or no longer, what its stamp says.
struct FileBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    let disk: DeviceDisk
    let pool: WorkPool
    let file: FileToSend
    let range: Range<Int64>
    var limit: RateLimit?
    let progress: @Sendable (Int64) -> Void

    func makeAsyncIterator() -> Iterator { Iterator(body: self, offset: range.lowerBound) }

    struct Iterator: AsyncIteratorProtocol {
        let body: FileBody
        var offset: Int64
        var descriptor: Descriptor?

        mutating func next() async throws -> ByteBuffer? {
            let (file, range) = (body.file, body.range)
            guard offset < range.upperBound else { return nil }
            let (disk, start, known) = (body.disk, offset, descriptor)
            let count = Int(
                Swift.min(Int64(Limits.streamStepByteCount), range.upperBound - start))
            try await body.limit?.pass(count)
            let step = await Result.catching {
                try await body.pool.run { () throws(DiskError) in
                    let descriptor =
                        if let known { known } else { try disk.open(file.place, file.stamp) }
                    let buffer = try descriptor.readBuffer(byteCount: count, at: start)
                    let isLast = start + Int64(count) == range.upperBound
                    if isLast {
                        guard try descriptor.stamp() == file.stamp else { throw .changed }
                    }
                    return (descriptor, buffer)
                }
            }
            switch step {
            case .success(let (descriptor, buffer)):
                self.descriptor = descriptor
                offset += Int64(count)
                body.progress(offset - range.lowerBound)
                return buffer
            case .failure(let error):
                throw RequestFailure(reading: file.place, error)
            }
        }
    }
}

extension Descriptor {
    func readBuffer(byteCount: Int, at offset: Int64) throws(DiskError) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: byteCount)
        try read(byteCount: byteCount, at: offset, into: &buffer)
        return buffer
    }

    /// Appends exactly so many bytes; a file that has become shorter is `changed`, and what was
    /// read of it is appended all the same.
    func read(
        byteCount: Int, at offset: Int64, into buffer: inout ByteBuffer
    ) throws(DiskError) {
        var failure: DiskError?
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: byteCount) { room in
            do throws(DiskError) {
                let target = UnsafeMutableRawBufferPointer(rebasing: room[..<byteCount])
                let count = try read(into: target, at: offset)
                if count < byteCount { failure = .changed }
                return count
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
    }
}

extension RequestFailure {
    /// A file that was to be sent could not be read as it was.
    init(reading place: Place, _ error: any Error) {
        switch error as? DiskError {
        case .changed, .notFound: self = .fileChanged(place)
        case let error?: self = .fileUnreadable(place, error)
        case nil: self = .interrupted
        }
    }
}

extension Result where Failure == any Error {
    static func catching(_ body: () async throws -> Success) async -> Self {
        do { return .success(try await body()) } catch { return .failure(error) }
    }
}
