import Hummingbird
import Kernel
import NIOCore
import Records
import Storage
import Wire

/// Packs: many small blobs in one body, stored with one durability barrier for each slice.
///
/// A pack without its end is refused as a whole; what of it was stored by then stays held, so the
/// device's next `have` finds it and nothing is sent twice.
struct PackService: Sendable {
    let parts: ServiceParts
    /// For the blobs of all packs that wait to be stored.
    let memory: ByteBudget

    private struct Slice {
        var blobs: [PackedBlob] = []
        var byteCount = 0
    }

    /// Results in the pack's order.
    func receive(_ request: Request, for account: AccountID) async throws -> [BlobResult] {
        let maximum = Int64(Limits.packByteCountMax)
        try BodyReader.checkLength(of: request, byteCountMax: maximum, tooLarge: "packTooLarge")
        var reader = PackReader()
        var slice = Slice()
        var results: [BlobResult] = []
        defer { memory.giveBack(slice.byteCount) }
        for try await part in RequestParts(request) {
            for blob in try reader.read(part.readableBytesView) {
                if !memory.tryTake(blob.bytes.count) {
                    // Whoever waits holds nothing, so those who hold something can end.
                    results += try await store(&slice, for: account)
                    await memory.take(blob.bytes.count)
                }
                slice.blobs.append(PackedBlob(claimed: blob.digest, bytes: blob.bytes))
                slice.byteCount += blob.bytes.count
                if slice.byteCount >= Limits.packSliceByteCount {
                    results += try await store(&slice, for: account)
                }
            }
        }
        try reader.finish()
        results += try await store(&slice, for: account)
        return results
    }

    /// Stores the slice and empties it.
    private func store(_ slice: inout Slice, for account: AccountID) async throws -> [BlobResult] {
        let full = slice
        slice = Slice()
        defer { memory.giveBack(full.byteCount) }
        guard !full.blobs.isEmpty else { return [] }
        do {
            try await parts.checkQuota(for: Int64(full.byteCount), of: account)
        } catch let error as KernelError where error.code != .storage {
            return Self.refused(full.blobs, error)
        }
        try await parts.checkSpace(for: Int64(full.byteCount))
        let stored = try await parts.store.storePack(full.blobs)
        var objects: [StoredObject] = []
        var results: [BlobResult] = []
        for (blob, result) in zip(full.blobs, stored) {
            switch result {
            case .stored(let object):
                objects.append(object)
                results.append(BlobResult(digest: blob.claimed))
            case .digestMismatch(let actual):
                let error = BlobsService.digestMismatch(blob.claimed, actual: actual).reply
                results.append(BlobResult(digest: blob.claimed, error: error))
            }
        }
        do {
            try await parts.hold(objects, verifiedAt: nil, for: account)
        } catch let error as KernelError where error.code == .overQuota {
            return Self.refused(full.blobs, error)
        }
        return results
    }

    private static func refused(_ blobs: [PackedBlob], _ error: KernelError) -> [BlobResult] {
        let reply = ErrorReply(code: error.code.rawValue, message: error.message)
        return blobs.map { BlobResult(digest: $0.claimed, error: reply) }
    }
}
