import Kernel
import Records
import Storage
import Wire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Receipts: signed proof that objects were read back from the medium (P2).
struct ReceiptsService: Sendable {
    let parts: ServiceParts
    let signer: ReceiptSigner

    /// Receipts for what the account holds.
    ///
    /// What was never read back is read now, up to `Limits.receiptReadByteCountMax`; the rest is
    /// named in `later`.
    func receipts(
        for digests: [Digest], of account: AccountID
    ) async throws -> ReceiptsReply {
        try BlobsService.checkCount(digests)
        let locations = try await parts.database.read { [kernel = parts.kernel] transaction in
            try kernel.locations(digests, for: account, in: transaction)
        }
        var later: Set<Digest> = []
        var lost: Set<Digest> = []
        var unread = Limits.receiptReadByteCountMax
        for location in locations where location.verifiedAt == nil {
            // At least one, however large, or a large blob would never get its receipt.
            let isFirst = unread == Limits.receiptReadByteCountMax
            guard isFirst || location.byteCount <= unread else {
                later.insert(location.digest)
                continue
            }
            unread -= location.byteCount
            if try await !verify(location) { lost.insert(location.digest) }
        }
        let held = Set(locations.map(\.digest)).subtracting(lost)
        let ready = digests.filter { held.contains($0) && !later.contains($0) }
        return ReceiptsReply(
            receipts: try await issue(ready, of: account),
            missing: digests.filter { !held.contains($0) },
            later: digests.filter(later.contains))
    }

    /// Reads an object back; `false` when it is not what it should be: it is marked as lost, so
    /// that a device that still has it sends it again.
    private func verify(_ location: ObjectLocation) async throws -> Bool {
        let now = parts.now()
        let found: StoredObject?
        do {
            found = try await parts.store.verify(location.key)
        } catch {
            guard error.code == .objectNotFound else { throw error }
            found = nil
        }
        let isGood = found?.digest == location.digest
        try await parts.database.write { [kernel = parts.kernel] transaction in
            if isGood {
                try kernel.setVerified(
                    location.digest, key: location.key, at: now, in: transaction)
            } else {
                try kernel.markLost(location.digest, key: location.key, in: transaction)
            }
        }
        return isGood
    }

    private func issue(
        _ digests: [Digest], of account: AccountID
    ) async throws -> [ReceiptDescription] {
        let now = parts.now()
        let receipts = try await parts.database.read { [kernel = parts.kernel] transaction in
            try digests.map { try kernel.receipt($0, for: account, at: now, in: transaction) }
        }
        return try receipts.map { receipt in
            ReceiptDescription(
                digest: receipt.digest, byteCount: receipt.byteCount,
                verifiedAt: receipt.verifiedAt, epoch: receipt.epoch,
                copies: receipt.copies,
                receipt: Data(try signer.sign(receipt)).base64EncodedString())
        }
    }
}
