import HTTPTypes
import Hummingbird
import Kernel
import Operations
import Records
import Storage
import Wire

/// Blobs: which are missing, and whole ones in and out.
struct BlobsService: Sendable {
    let parts: ServiceParts

    /// Those of `digests` that the account does not hold; the others are pinned.
    func missing(_ digests: [Digest], for account: AccountID) async throws -> [Digest] {
        try Self.checkCount(digests)
        let now = parts.now()
        return try await parts.database.write { [kernel = parts.kernel] transaction in
            try kernel.have(digests, for: account, at: now, in: transaction)
        }
    }

    /// Takes one whole blob.
    ///
    /// The bytes are always read to the end and hashed, even when the server has them: knowing a
    /// digest gives nothing.
    func put(_ digest: Digest, from request: Request, for account: AccountID) async throws {
        let announced = request.headers[.contentLength].flatMap { Int64($0) } ?? 0
        try await parts.checkQuota(for: announced, of: account)
        try await parts.checkSpace(for: announced)
        let writer = try await parts.store.makeWriter()
        let result: PackedResult
        do {
            try await BodyReader.forEachStep(
                of: request, byteCountMax: Limits.blobByteCountMax, tooLarge: "blobTooLarge",
                take: { try await writer.append($0) })
            result = try await writer.finish(expecting: digest)
        } catch {
            await writer.discard()
            throw error
        }
        switch result {
        case .digestMismatch(let actual):
            throw Self.digestMismatch(digest, actual: actual)
        case .stored(let object):
            if announced == 0 { try await checkQuota(of: object, for: account) }
            try await parts.hold([object], verifiedAt: nil, for: account)
        }
    }

    /// A body without a length could not be checked before it came.
    private func checkQuota(of object: StoredObject, for account: AccountID) async throws {
        do {
            try await parts.checkQuota(for: object.byteCount, of: account)
        } catch {
            try? await parts.store.remove([object.key])
            throw error
        }
    }

    /// Where the account's blob lies; throws `blobNotFound` for all that it does not hold.
    func location(of digest: Digest, for account: AccountID) async throws -> ObjectLocation {
        try await parts.database.read { [kernel = parts.kernel] transaction in
            try kernel.object(digest, for: account, in: transaction)
        }
    }

    /// `after`: the last one that was told of before.
    func wanted(from account: AccountID, after: Digest?) async throws -> WantedReply {
        let limit = Limits.wantedPerReplyMax
        let digests = try await parts.database.read { [kernel = parts.kernel] transaction in
            try kernel.wanted(
                for: account, after: after, limit: limit + 1, in: transaction)
        }
        return WantedReply(digests: Array(digests.prefix(limit)), more: digests.count > limit)
    }

    /// The device has none of these, which the server has lost.
    func lacked(_ digests: [Digest], by actor: Actor) async throws {
        try Self.checkCount(digests)
        let now = parts.now()
        try await parts.database.write { transaction in
            try LostBlobs.answer(digests, lackedBy: actor, at: now, in: transaction)
        }
    }

    static func checkCount(_ digests: [Digest]) throws {
        guard digests.count <= Limits.digestsPerRequestMax else {
            throw APIError(
                .contentTooLarge, "tooManyDigests",
                "Ask for at most \(Limits.digestsPerRequestMax) digests at once.",
                fields: ["digests"])
        }
    }

    static func digestMismatch(_ digest: Digest, actual: Digest) -> APIError {
        APIError(
            .unprocessableContent, "digestMismatch",
            "The bytes are not what their digest says: read the file again and send it anew.",
            fields: [digest.text, actual.text])
    }
}
