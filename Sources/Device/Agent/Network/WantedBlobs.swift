import Library
import NIOHTTP1
import Records
import Status
import SyncEngine
import Synchronization
import Wire

/// Sends what the server has lost and this device still has, and says what it has not.
///
/// The server says with each answer to a report how many blobs it wants back, and again when that
/// changes; which ones is asked for here. Every file is read once more while it goes, and the server
/// takes nothing but the bytes of the digest. It changes neither rows nor files.
final class WantedBlobs: Sendable {
    private let asked: AsyncStream<Void>
    private let asking: AsyncStream<Void>.Continuation
    private let wasAsked = Mutex(false)

    init() { (asked, asking) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    /// The server wants some; called from any thread.
    func ask() {
        wasAsked.withLock { $0 = true }
        asking.yield()
    }

    /// No question comes any more: `serve` returns after one last look, for what was read meanwhile.
    func end() {
        if wasAsked.withLock({ $0 }) { asking.yield() }
        asking.finish()
    }

    /// Serves until `end`, or until its task is cancelled.
    func serve(_ loop: AgentLoop, _ performer: @Sendable () -> RequestPerformer) async {
        var lacked: Set<Digest> = []
        for await _ in asked {
            guard await isAllowed(loop) else { continue }
            // A failure is over by the next report, which is answered with the same question.
            lacked = (try? await send(loop, performer(), lacked)) ?? lacked
        }
    }

    /// Bytes go only when this device sends others, too.
    private func isAllowed(_ loop: AgentLoop) async -> Bool {
        guard let state = try? await loop.status().state else { return false }
        return state != .paused && state != .waiting
    }

    /// Returns which of those that are wanted this device has told the server that it lacks.
    private func send(
        _ loop: AgentLoop, _ performer: RequestPerformer, _ told: Set<Digest>
    ) async throws -> Set<Digest> {
        var lacked: Set<Digest> = []
        var after: Digest?
        while true {
            let reply = try await performer.wanted(after: after)
            var new: [Digest] = []
            for digest in reply.digests {
                if try await send(digest, loop, performer) { continue }
                lacked.insert(digest)
                if !told.contains(digest) { new.append(digest) }
            }
            if !new.isEmpty { try await performer.lack(new) }
            guard reply.more, let last = reply.digests.last else { return lacked }
            after = last
        }
    }

    /// `false`: no file here has these bytes.
    private func send(
        _ digest: Digest, _ loop: AgentLoop, _ performer: RequestPerformer
    ) async throws -> Bool {
        let copies = try await loop.withRows { (rows) throws(RowsError) in
            try rows.copies(of: digest)
        }
        for place in copies {
            do throws(RequestFailure) {
                guard let file = try performer.file(at: place, digest) else { continue }
                try await performer.sendWhole(file)
                return true
            } catch {
                switch error {
                case .fileChanged, .fileUnreadable, .digestMismatch, .disk: continue
                default: throw error
                }
            }
        }
        return false
    }
}

extension DatabaseRows {
    /// The files whose bytes had this digest when they were read, previews among them.
    func copies(of digest: Digest) throws(RowsError) -> [Place] {
        let files = try connection.rows(
            "SELECT root, folder, name FROM localFile WHERE digest = ? ORDER BY root, folder, name",
            [.blob(digest.bytes)]
        ) { row in
            Place(
                root: RootID(rawValue: row.integer(0)),
                path: RelativePath(bytes: row.blob(1)).appending(row.blob(2)))
        }
        let previews = try connection.rows(
            "SELECT asset FROM preview WHERE digest = ? AND isPlaced = 1", [.blob(digest.bytes)]
        ) { (row) throws(RowsError) in
            Place(root: .library, path: PreviewName(try row.identifier(0)).path)
        }
        return files + previews
    }
}

extension RequestPerformer {
    func wanted(after: Digest?) async throws(RequestFailure) -> WantedReply {
        let query = after.map { "?after=\($0.text)" } ?? ""
        return try await client.decoded(
            WantedReply.self, ServerClient.Call(path: API.wanted + query))
    }

    /// Says which of the wanted ones are nowhere on this device.
    func lack(_ digests: [Digest]) async throws(RequestFailure) {
        for start in stride(from: 0, to: digests.count, by: Limits.digestsPerRequestMax) {
            let page = Array(digests[start...].prefix(Limits.digestsPerRequestMax))
            _ = try await client.send(
                client.call(.POST, API.wanted, json: DigestsRequest(digests: page)))
        }
    }

    /// The file as it is now; the server finds out whether it still has these bytes.
    func file(at place: Place, _ digest: Digest) throws(RequestFailure) -> FileToSend? {
        do throws(DiskError) {
            guard case .file(let stamp)? = try disk.entry(at: place)?.kind else { return nil }
            return FileToSend(place: place, stamp: stamp, digest: digest)
        } catch {
            throw RequestFailure(reading: place, error)
        }
    }

    /// A file's bytes at once, however many they are.
    func sendWhole(_ file: FileToSend) async throws(RequestFailure) {
        guard file.byteCount > Limits.uploadPartByteCountMax else {
            _ = try await perform(.put(file)) { _ in }
            return
        }
        // The same upload for the same bytes: one that broke off goes on where it was.
        let upload = UploadID(bytes: Array(file.digest.bytes.prefix(16)))
        guard let upload else { return }
        var reply = try await perform(.createUpload(upload, file)) { _ in }
        while case .uploadOffset(let offset) = reply, offset < file.byteCount {
            let count = min(Int64(Limits.uploadPartByteCountMax), file.byteCount - offset)
            reply = try await perform(
                .uploadPart(upload, file, offset: offset, byteCount: count)
            ) { _ in }
        }
    }
}
