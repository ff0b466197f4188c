import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Records
import SyncEngine
import Wire

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Brings one blob into a temporary file, going on behind what is there already.
struct Downloading: Sendable {
    let client: ServerClient
    let disk: DeviceDisk
    let pool: WorkPool
    var limit: RateLimit?
    /// The temporary file lies at the top of a folder that isn't a library.
    var isExport = false

    /// Returns the digest and size of what lies in the file now; nothing is synced.
    func run(
        _ digest: Digest, byteCount: Int64, into temporary: TemporaryName,
        progress: @escaping @Sendable (Int64) -> Void
    ) async throws(RequestFailure) -> (Digest, Int64) {
        do {
            let (disk, isExport) = (disk, isExport)
            let file = try await pool.run { () throws(DiskError) in
                let flags = O_RDWR | O_CREAT
                return try PartialFile(
                    isExport
                        ? disk.openPartial(temporary, flags: flags)
                        : disk.openTemporary(temporary, flags: flags),
                    byteCountMax: byteCount)
            }
            var state = file
            if state.byteCount < byteCount {
                let response = try await request(digest, from: state.byteCount)
                if state.byteCount > 0 && response.status != .partialContent {
                    let old = state
                    state = try await pool.run { () throws(DiskError) in try old.startedOver() }
                }
                state = try await receive(response.body, state, byteCountMax: byteCount, progress)
            }
            guard state.byteCount >= byteCount else { throw RequestFailure.interrupted }
            return (state.hasher.digest(), state.byteCount)
        } catch {
            throw RequestFailure(transport: error)
        }
    }

    private func request(
        _ digest: Digest, from offset: Int64
    ) async throws(RequestFailure) -> HTTPClientResponse {
        var call = ServerClient.Call(path: "\(API.blobs)/\(digest.text)")
        if offset > 0 { call.headers.append(("Range", "bytes=\(offset)-")) }
        return try await client.send(call)
    }

    private func receive(
        _ body: HTTPClientResponse.Body, _ start: PartialFile, byteCountMax: Int64,
        _ progress: @Sendable (Int64) -> Void
    ) async throws -> PartialFile {
        var (state, gathered) = (start, ByteBuffer())
        for try await part in body {
            gathered.writeImmutableBuffer(part)
            if gathered.readableBytes >= Limits.streamStepByteCount {
                try await limit?.pass(gathered.readableBytes)
                state = try await write(&gathered, state, byteCountMax: byteCountMax)
                progress(state.byteCount)
            }
        }
        return try await write(&gathered, state, byteCountMax: byteCountMax)
    }

    private func write(
        _ gathered: inout ByteBuffer, _ state: PartialFile, byteCountMax: Int64
    ) async throws -> PartialFile {
        let bytes = gathered
        gathered.clear()
        guard state.byteCount + Int64(bytes.readableBytes) <= byteCountMax else {
            throw RequestFailure.interrupted
        }
        return try await pool.run { () throws(DiskError) in try state.appending(bytes) }
    }
}

/// A temporary file with the hash of what is in it.
private struct PartialFile: Sendable {
    let file: Descriptor
    private(set) var byteCount: Int64
    private(set) var hasher: Digest.Hasher

    /// Reads what an earlier try left.
    ///
    /// Blocks.
    init(_ file: Descriptor, byteCountMax: Int64) throws(DiskError) {
        self.file = file
        if try FileStamp(file.information()).byteCount > byteCountMax { try file.cut(to: 0) }
        let read = try FileHashing.read(file)
        (byteCount, hasher) = (read.byteCount, read.hasher)
    }

    func startedOver() throws(DiskError) -> PartialFile {
        try file.cut(to: 0)
        var copy = self
        (copy.byteCount, copy.hasher) = (0, Digest.Hasher())
        return copy
    }

    func appending(_ bytes: ByteBuffer) throws(DiskError) -> PartialFile {
        var copy = self
        var failure: DiskError?
        bytes.withUnsafeReadableBytes { buffer in
            copy.hasher.update(buffer)
            do throws(DiskError) {
                try file.write(buffer, at: byteCount)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        copy.byteCount += Int64(bytes.readableBytes)
        return copy
    }
}
