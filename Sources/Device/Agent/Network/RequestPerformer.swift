import AsyncHTTPClient
import NIOHTTP1
import Records
import Status
import SyncEngine
import Wire

/// What answers the engine's requests.
///
/// `post` is called from any thread.
struct RequestPerformer: Sendable {
    let client: ServerClient
    let disk: DeviceDisk
    let pool: WorkPool
    let device: DeviceID
    let zone: ZoneID
    var limits = TransferLimits()
    /// What receipts are checked with.
    let receipts: ReceiptChecker
    /// Hears that the server wants something back.
    var wanted: WantedBlobs?

    /// One request, answered once.
    ///
    /// `progress` says how many bytes have moved so far.
    func perform(
        _ request: Request, progress: @escaping @Sendable (Int64) -> Void
    ) async throws(RequestFailure) -> Reply {
        switch request {
        case .reportState(let status, let runs): return try await reportState(status, runs)
        case .changes(let token): return .changes(try await changes(after: token))
        case .have(let digests):
            let call = try client.call(.POST, API.have, json: DigestsRequest(digests: digests))
            return .missing(try await client.decoded(HaveReply.self, call).missing)
        case .pack(let files): return .packed(try await pack(files, progress))
        case .put(let file): return .stored(try await put(file, progress))
        case .createUpload(let id, let file): return try await createUpload(id, file)
        case .uploadOffset(let id):
            return try offset(of: try await client.send(uploadCall(.HEAD, id)))
        case .uploadPart(let id, let file, let offset, let byteCount):
            return try await uploadPart(
                id, file, range: offset..<offset + byteCount, progress)
        case .commit(let groups, let token):
            let call = client.call(
                .POST, "\(API.zones)/\(zone.text)/commits",
                jsonBytes: RecordCoding.encode(CommitRequest(groups: groups, after: token)))
            let reply = try await client.decoded(call, RecordCoding.commitReply)
            return .committed(reply.results, token: reply.token)
        case .receipts(let digests): return .receipts(try await checkedReceipts(for: digests))
        case .download(let digest, let byteCount, let temporary):
            let (found, count) = try await Downloading(
                client: client, disk: disk, pool: pool, limit: limits.download
            )
            .run(digest, byteCount: byteCount, into: temporary, progress: progress)
            return .downloaded(found, byteCount: count)
        }
    }

    /// Tells the server alone what a device waits for whose engine cannot run.
    static func report(
        _ status: LibraryStatus, of device: DeviceID, _ client: ServerClient
    ) async {
        let call = try? client.call(
            .PUT, "\(API.devices)/\(device.text)/state",
            json: StateRequest(version: MartletVersion.text, status: status))
        guard let call else { return }
        // Told again later: nothing here depends on the answer.
        _ = try? await client.decoded(StateReply.self, call)
    }

    private func reportState(
        _ status: LibraryStatus, _ runs: [UInt64]
    ) async throws(RequestFailure) -> Reply {
        let call = try client.call(
            .PUT, "\(API.devices)/\(device.text)/state",
            json: StateRequest(
                version: MartletVersion.text, status: status,
                runs: runs.isEmpty ? nil : runs.map { String($0, radix: 16) }))
        let reply = try await client.decoded(StateReply.self, call)
        guard let zone = reply.zones.first(where: { $0.id == zone }) else { throw .notFound }
        if reply.blobsWanted > 0 { wanted?.ask() }
        var notice = ServerNotice()
        notice.usedByteCount = reply.account?.usedByteCount ?? 0
        notice.quotaByteCount = reply.account?.quotaByteCount
        notice.sharedWith = reply.account?.sharedWith ?? []
        notice.fullAt = reply.account?.fullAt
        notice.clockSuspectSince = reply.server?.clockSuspectSince
        notice.version = reply.server?.version ?? ""
        notice.isCloned = reply.isCloned ?? false
        notice.troubles = (reply.server?.services ?? []).map { service in
            ServiceTrouble(
                service: service.title, health: service.state, since: service.since,
                percentileMilliseconds: service.percentileMilliseconds)
        }
        notice.backup = reply.backup.map {
            BackupNotice(madeAt: $0.madeAt, originalsOn: $0.originalsOn)
        }
        notice.devicesWithServiceOff = reply.servicesOff?["photos"] ?? []
        notice.deniedSince = reply.servicesDenied?["photos"]
        notice.eventVersion = reply.noticeVersion
        return .stateReported(
            epoch: zone.epoch, head: zone.head, token: zone.token, notice: notice)
    }

    private func checkedReceipts(
        for digests: [Digest]
    ) async throws(RequestFailure) -> [ServerReceipt] {
        let call = try client.call(.POST, API.receipts, json: DigestsRequest(digests: digests))
        let reply = try await client.decoded(ReceiptsReply.self, call)
        return receipts.check(reply.receipts)
    }

    private func changes(after token: ChangeToken?) async throws(RequestFailure) -> ChangePage {
        let query = "limit=\(Limits.recordsPerPageMax)" + (token.map { "&after=\($0.text)" } ?? "")
        return try await client.decoded(
            ServerClient.Call(path: "\(API.zones)/\(zone.text)/changes?\(query)"),
            RecordCoding.changePage)
    }

    private func pack(
        _ files: [FileToSend], _ progress: @escaping @Sendable (Int64) -> Void
    ) async throws(RequestFailure) -> [PackedResult] {
        let body = PackBody(
            files: files, disk: disk, pool: pool, limit: limits.upload, progress: progress)
        let reply = try await client.decoded(
            PackReply.self,
            ServerClient.Call(
                method: .POST, path: API.pack,
                headers: [("Content-Type", API.packMediaType)],
                body: .stream(body, length: .known(body.byteCount))))
        guard reply.results.map(\.digest) == files.map(\.digest) else { throw .interrupted }
        let failed = body.failed
        return reply.results.map { result in
            let failure = result.error.map { RequestFailure(blob: result.digest, $0) }
            return PackedResult(
                digest: result.digest, failure: failure.map { failed[result.digest] ?? $0 })
        }
    }

    private func put(
        _ file: FileToSend, _ progress: @escaping @Sendable (Int64) -> Void
    ) async throws(RequestFailure) -> Digest {
        let body = FileBody(
            disk: disk, pool: pool, file: file, range: 0..<file.byteCount, limit: limits.upload,
            progress: progress)
        let call = ServerClient.Call(
            method: .PUT, path: "\(API.blobs)/\(file.digest.text)",
            headers: [("Content-Type", "application/octet-stream")],
            body: .stream(body, length: .known(file.byteCount)))
        _ = try await sendBytes(call, of: file.digest)
        return file.digest
    }

    /// A refusal because of the bytes names the blob.
    private func sendBytes(
        _ call: ServerClient.Call, of digest: Digest
    ) async throws(RequestFailure) -> HTTPClientResponse {
        do throws(RequestFailure) {
            return try await client.send(call)
        } catch .refused(let code, let message) {
            throw RequestFailure(blob: digest, ErrorReply(code: code, message: message))
        }
    }

    // MARK: tus 1.0

    private func uploadCall(_ method: HTTPMethod, _ id: UploadID) -> ServerClient.Call {
        ServerClient.Call(
            method: method, path: "\(API.uploads)/\(id.text)",
            headers: [("Tus-Resumable", API.tusVersion)])
    }

    private func createUpload(
        _ id: UploadID, _ file: FileToSend
    ) async throws(RequestFailure) -> Reply {
        var call = uploadCall(.POST, id)
        call.headers.append(("Upload-Length", String(file.byteCount)))
        let response = try await client.send(call)
        return response.headers.contains(name: "Upload-Offset")
            ? try offset(of: response) : .uploadOffset(0)
    }

    private func uploadPart(
        _ id: UploadID, _ file: FileToSend, range: Range<Int64>,
        _ progress: @escaping @Sendable (Int64) -> Void
    ) async throws(RequestFailure) -> Reply {
        let body = FileBody(
            disk: disk, pool: pool, file: file, range: range, limit: limits.upload,
            progress: progress)
        let isLast = range.upperBound == file.byteCount
        var call = uploadCall(.PATCH, id)
        call.headers += [
            ("Content-Type", "application/offset+octet-stream"),
            ("Upload-Offset", String(range.lowerBound)),
        ]
        if isLast { call.headers.append((API.digestHeader, file.digest.text)) }
        call.body = .stream(body, length: .known(range.upperBound - range.lowerBound))
        let response = try await sendBytes(call, of: file.digest)
        return isLast ? .stored(file.digest) : try offset(of: response)
    }

    private func offset(of response: HTTPClientResponse) throws(RequestFailure) -> Reply {
        guard let text = response.headers.first(name: "Upload-Offset"), let offset = Int64(text)
        else { throw .interrupted }
        return .uploadOffset(offset)
    }
}

extension RequestFailure {
    /// Why one blob was refused.
    init(blob digest: Digest, _ error: ErrorReply) {
        switch error.code {
        case "digestMismatch": self = .digestMismatch(digest)
        case "overQuota", "stagedFull": self = .accountFull
        case "serverStorageFull": self = .serverStorageFull
        default: self = .refused(code: error.code, message: error.message)
        }
    }
}
