import NIOCore
import NIOPosix
import Storage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// An object as a file for the decoding children.
struct ReadableFile: Sendable {
    let path: String
    /// A copy is ours to remove.
    let isCopy: Bool

    func discard() {
        if isCopy { unlink(path) }
    }

    /// Copies the bytes to `path`, on a thread where blocking is allowed.
    func write(_ bytes: ObjectBytes) async throws {
        let pool = NIOThreadPool.singleton
        let path = path
        let descriptor = try await pool.runIfActive {
            open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        }
        guard descriptor >= 0 else { throw Self.failed }
        do {
            for try await step in bytes {
                try await pool.runIfActive { try Self.append(step, to: descriptor) }
            }
        } catch {
            close(descriptor)
            throw error
        }
        close(descriptor)
    }

    private static let failed = StorageError(
        .inputOutput, "A temporary copy cannot be written: look at the temporary folder's disk.")

    private static func append(_ step: ByteBuffer, to descriptor: Int32) throws {
        try step.withUnsafeReadableBytes { bytes in
            var done = 0
            while done < bytes.count {
                let count = systemWrite(
                    descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
                guard count > 0 else { throw failed }
                done += count
            }
        }
    }
}

/// The C library's, whose name the method above hides.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
