import AsyncHTTPClient
import NIOCore
import NIOHTTP1
package import Records
package import Status
package import SyncEngine
package import Wire

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

// What the doctor asks the server beyond the commands' questions.
extension ServerClient {
    package func systemStatus() async throws(RequestFailure) -> SystemStatusReply {
        try await decoded(SystemStatusReply.self, Call(path: API.systemStatus))
    }

    package func storage() async throws(RequestFailure) -> StorageReply {
        try await decoded(StorageReply.self, Call(path: API.storage))
    }

    /// Asks who runs the server for a plan.
    package func ask(
        forPlan plan: String
    ) async throws(RequestFailure) -> StorageReply.Request {
        let call = try call(.PUT, API.storageRequest, json: PlanQuestion(plan: plan))
        return try await decoded(StorageReply.Request.self, call)
    }

    package func withdrawPlanRequest() async throws(RequestFailure) {
        _ = try await send(Call(method: .DELETE, path: API.storageRequest))
    }

    package func zones() async throws(RequestFailure) -> ZonesReply {
        try await decoded(ZonesReply.self, Call(path: API.zones))
    }

    /// Says how the device is, as its agent does, and hears what only the server knows.
    package func report(
        _ status: LibraryStatus, of device: DeviceID
    ) async throws(RequestFailure) -> StateReply {
        let call = try call(
            .PUT, "\(API.devices)/\(device.text)/state",
            json: StateRequest(version: MartletVersion.text, status: status))
        return try await decoded(StateReply.self, call)
    }

    /// Sends a small blob and receives it back; it belongs to no record, so the server removes it
    /// by itself.
    ///
    /// Throws `digestMismatch` when other bytes come back.
    package func roundTrip(_ bytes: [UInt8]) async throws(RequestFailure) {
        let digest = Digest(of: bytes)
        let path = "\(API.blobs)/\(digest.text)"
        _ = try await send(
            Call(
                method: .PUT, path: path,
                headers: [("Content-Type", "application/octet-stream")],
                body: .bytes(ByteBuffer(bytes: bytes))))
        let response = try await send(Call(path: path))
        do {
            let body = try await response.body.collect(upTo: bytes.count)
            guard Array(body.readableBytesView) == bytes else {
                throw RequestFailure.digestMismatch(digest)
            }
        } catch {
            throw RequestFailure(transport: error)
        }
    }
}

/// The engine's own requests, made for a repair.
package struct RepairRequests: Sendable {
    private let performer: RequestPerformer
    private let disk: DeviceDisk
    private let pool: WorkPool
    private let surroundings: Surroundings

    /// Stop it with `stop`.
    package init(
        _ home: DeviceHome, _ configuration: DeviceConfiguration, _ settings: DeviceSettings,
        _ client: ServerClient, _ surroundings: Surroundings
    ) {
        disk = DeviceDisk(roots: [.library: DiskRoot(path: configuration.library)])
        pool = WorkPool(threadCount: 2)
        self.surroundings = surroundings
        performer = RequestPerformer(
            client: client, disk: disk, pool: pool, device: settings.device, zone: settings.zone,
            receipts: ReceiptChecker(account: settings.account) {
                (try? home.configuration())?.receiptKey
            })
    }

    package func stop() async { await pool.stop() }

    /// Those of `digests` that the server lacks.
    package func missing(of digests: [Digest]) async throws(RequestFailure) -> [Digest] {
        var missing: [Digest] = []
        for page in pages(of: digests) {
            let reply = try await performer.perform(.have(page)) { _ in }
            if case .missing(let some) = reply { missing += some }
        }
        return missing
    }

    /// Asks page by page for signed proof that the server read them back from its medium; `take`
    /// gets what it has proven of each page, and how many digests have been asked for so far.
    package func receipts(
        for digests: [Digest], take: ([ServerReceipt], Int) -> Void
    ) async throws(RequestFailure) {
        var count = 0
        for page in pages(of: digests, upTo: Limits.rereadPageMax) {
            let reply = try await performer.perform(.receipts(page)) { _ in }
            guard case .receipts(let receipts) = reply else { continue }
            count += page.count
            take(receipts.filter { $0.fault == nil }, count)
        }
    }

    private func pages(
        of digests: [Digest], upTo countMax: Int = Limits.digestsPerRequestMax
    ) -> [[Digest]] {
        stride(from: 0, to: digests.count, by: countMax).map {
            Array(digests[$0..<min($0 + countMax, digests.count)])
        }
    }

    /// Sends a file's bytes; they are read once more before, and while they go.
    package func send(_ file: AgreedFile) async throws(RequestFailure) {
        let sending = FileToSend(place: file.place, stamp: file.stamp, digest: file.digest)
        guard file.stamp.byteCount > Limits.uploadPartByteCountMax else {
            _ = try await performer.perform(.put(sending)) { _ in }
            return
        }
        let upload: UploadID = surroundings.identifier()
        var reply = try await performer.perform(.createUpload(upload, sending)) { _ in }
        while case .uploadOffset(let offset) = reply, offset < file.stamp.byteCount {
            let count = min(Int64(Limits.uploadPartByteCountMax), file.stamp.byteCount - offset)
            reply = try await performer.perform(
                .uploadPart(upload, sending, offset: offset, byteCount: count)
            ) { _ in }
        }
    }

    /// Brings good bytes into a file in the making, proven and durable.
    func fetch(
        _ digest: Digest, byteCount: Int64, modifiedAt: Int64, into temporary: TemporaryName
    ) async throws(RequestFailure) {
        let reply = try await performer.perform(
            .download(digest, byteCount: byteCount, into: temporary)
        ) { _ in }
        guard case .downloaded(let found, let count) = reply, found == digest, count == byteCount
        else {
            _ = try? disk.perform(.removeTemporary(temporary))
            throw .digestMismatch(digest)
        }
        do throws(DiskError) {
            _ = try disk.perform(.setTime(temporary, modifiedAt: modifiedAt))
            try disk.openTemporary(temporary, flags: O_RDWR).sync()
        } catch {
            throw .disk(error)
        }
    }
}
