import HTTPTypes
import Hummingbird
import Kernel
import NIOCore
import Records
import Storage

/// Resumable uploads: announced, sent in parts, finished by their digest.
///
/// - An upload belongs to its account and its client's id; the store stages it under an id of the
///   server's own, so equal ids of two accounts never meet.
/// - A part that breaks off keeps what arrived; a part whose checksum is wrong leaves nothing.
/// - The part that reaches the end finishes: the whole is read back from the medium once, and that
///   read is also the receipt's.
/// - Announcing or finishing again what the account holds already answers that it is complete.
struct UploadsService: Sendable {
    let parts: ServiceParts
    let active: ActiveUploads

    struct Progress: Hashable {
        let offset: Int64
        let byteCount: Int64
        /// `nil` once it is finished.
        let expiresAt: Timestamp?
    }

    struct Part {
        let offset: Int64
        /// Of the whole; may come with any part, and at last with the final one.
        let digest: Digest?
        let checksum: PartChecksum?
    }

    /// Announces an upload, or finds the one that has this id.
    func create(
        _ id: UploadID, byteCount: Int64, digest: Digest?, metadata: String,
        for account: AccountID
    ) async throws -> Progress {
        if let digest, let held = try await heldByteCount(digest, of: account) {
            return Progress(offset: held, byteCount: held, expiresAt: nil)
        }
        try await parts.checkSpace(for: byteCount)
        let now = parts.now()
        let upload = try await parts.database.write { [kernel = parts.kernel] transaction in
            try kernel.createUpload(
                id, byteCount: byteCount, digest: digest, metadata: metadata, for: account,
                at: now, in: transaction)
        }
        return try await progress(of: upload)
    }

    func progress(of id: UploadID, for account: AccountID) async throws -> Progress {
        try await progress(of: try await find(id, for: account))
    }

    /// Takes one part; returns the state after it.
    ///
    /// A part of no bytes finishes what is complete.
    func append(
        _ part: Part, to id: UploadID, from request: Request, for account: AccountID
    ) async throws -> Progress {
        let upload: Upload
        do {
            upload = try await find(id, for: account)
        } catch let error as KernelError where error.code == .uploadNotFound {
            // The reply to the last part was lost: what it finished is held.
            guard let digest = part.digest,
                let held = try await heldByteCount(digest, of: account)
            else { throw error }
            return Progress(offset: held, byteCount: held, expiresAt: nil)
        }
        guard active.begin(upload.stagedAs) else {
            throw APIError(
                .locked, "uploadInUse", "Another request sends to this upload: try again shortly.",
                retryAfterSeconds: 2)
        }
        defer { active.end(upload.stagedAs) }
        let offset = try await take(part, upload: upload, from: request)
        guard offset == upload.byteCount else {
            try await extend(upload, for: account)
            return Progress(
                offset: offset, byteCount: upload.byteCount, expiresAt: upload.expiresAt)
        }
        try await finish(upload, digest: part.digest ?? upload.digest, for: account)
        return Progress(offset: offset, byteCount: upload.byteCount, expiresAt: nil)
    }

    /// Gives an upload up.
    func remove(_ id: UploadID, for account: AccountID) async throws {
        let upload = try await find(id, for: account)
        guard active.begin(upload.stagedAs) else {
            throw APIError(
                .locked, "uploadInUse", "A request sends to this upload: end it first.",
                retryAfterSeconds: 2)
        }
        defer { active.end(upload.stagedAs) }
        try await end(upload, for: account)
        try await parts.store.discardStaged(upload.stagedAs)
    }

    // MARK: - Parts

    private func take(_ part: Part, upload: Upload, from request: Request) async throws -> Int64 {
        let staged = try await parts.store.stagedByteCount(of: upload.stagedAs) ?? 0
        guard part.offset == staged else {
            throw APIError(
                .conflict, "offsetMismatch", "The upload has \(staged) bytes: go on from there.",
                fields: ["Upload-Offset", String(staged)])
        }
        let left = upload.byteCount - staged
        let maximum = min(Int64(Limits.uploadPartByteCountMax), left)
        try BodyReader.checkLength(of: request, byteCountMax: maximum, tooLarge: "partTooLarge")
        try await parts.checkSpace(for: maximum)
        let writer = try await parts.store.appendStaged(upload.stagedAs, at: staged)
        var checksum = part.checksum
        do {
            try await BodyReader.forEachStep(
                of: request, byteCountMax: maximum, tooLarge: "partTooLarge",
                observe: { checksum?.update($0) },
                take: { try await writer.append($0) })
        } catch {
            // Bytes with a checksum that never came whole cannot be trusted.
            if part.checksum == nil {
                _ = try? await writer.finish()
            } else {
                try? await cut(upload, to: staged)
            }
            throw error
        }
        let offset = try await writer.finish()
        guard checksum?.isRight ?? true else {
            try await cut(upload, to: staged)
            throw APIError(
                .checksumMismatch, "checksumMismatch",
                "The part is not what its checksum says: send it again.")
        }
        return offset
    }

    private func cut(_ upload: Upload, to offset: Int64) async throws {
        _ = try await parts.store.appendStaged(upload.stagedAs, at: offset).finish()
    }

    private func finish(
        _ upload: Upload, digest: Digest?, for account: AccountID
    ) async throws {
        let object = try await parts.store.finishStaged(upload.stagedAs)
        if let digest, digest != object.digest {
            try await parts.store.remove([object.key])
            try await end(upload, for: account)
            throw BlobsService.digestMismatch(digest, actual: object.digest)
        }
        try await parts.hold(
            [object], verifiedAt: parts.now(), isAnnounced: true, for: account)
        try await end(upload, for: account)
    }

    // MARK: - Rows

    private func find(_ id: UploadID, for account: AccountID) async throws -> Upload {
        try await parts.database.read { [kernel = parts.kernel] transaction in
            try kernel.upload(id, for: account, in: transaction)
        }
    }

    private func progress(of upload: Upload) async throws -> Progress {
        Progress(
            offset: try await parts.store.stagedByteCount(of: upload.stagedAs) ?? 0,
            byteCount: upload.byteCount, expiresAt: upload.expiresAt)
    }

    private func extend(_ upload: Upload, for account: AccountID) async throws {
        let now = parts.now()
        try await parts.database.write { [kernel = parts.kernel] transaction in
            try kernel.extendUpload(upload.id, for: account, at: now, in: transaction)
        }
    }

    private func end(_ upload: Upload, for account: AccountID) async throws {
        try await parts.database.write { [kernel = parts.kernel] transaction in
            try kernel.endUpload(upload.id, for: account, in: transaction)
        }
    }

    private func heldByteCount(_ digest: Digest, of account: AccountID) async throws -> Int64? {
        try await parts.database.read { [kernel = parts.kernel] transaction in
            try kernel.locations([digest], for: account, in: transaction).first?.byteCount
        }
    }
}
