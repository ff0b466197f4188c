package import Records

/// `POST /zones/{zone}/commits`.
package struct CommitRequest: Hashable, Sendable, Codable {
    package let groups: [ChangeGroup]
    /// How far the device has read the feed: proves to a server that was rolled back that it was.
    ///
    /// Absent: nothing is proven.
    package let after: ChangeToken?

    package init(groups: [ChangeGroup], after: ChangeToken? = nil) {
        self.groups = groups
        self.after = after
    }
}

package struct CommitReply: Hashable, Sendable, Codable {
    /// In the request's order.
    package let results: [GroupResult]
    package let token: ChangeToken

    package init(results: [GroupResult], token: ChangeToken) {
        self.results = results
        self.token = token
    }
}

/// `POST /blobs/have` and `POST /blobs/receipts`: at most `Limits.digestsPerRequestMax`.
package struct DigestsRequest: Hashable, Sendable, Codable {
    package let digests: [Digest]
    package init(digests: [Digest]) { self.digests = digests }
}

/// Those that the account does not hold.
///
/// The others are pinned for `Limits.pinHours`.
package struct HaveReply: Hashable, Sendable, Codable {
    package let missing: [Digest]
    package init(missing: [Digest]) { self.missing = missing }
}

/// `POST /blobs/pack`, `PUT /blobs/{digest}`: what became of one blob.
package struct BlobResult: Hashable, Sendable, Codable {
    package let digest: Digest
    /// `nil`: stored, durable (P1) and held by the account.
    package let error: ErrorReply?

    package init(digest: Digest, error: ErrorReply? = nil) {
        self.digest = digest
        self.error = error
    }
}

package struct PackReply: Hashable, Sendable, Codable {
    /// In the pack's order.
    package let results: [BlobResult]
    package init(results: [BlobResult]) { self.results = results }
}

/// Signed proof that an object was read back from its medium (P2); Documentation/formats.md.
package struct ReceiptDescription: Hashable, Sendable, Codable {
    package let digest: Digest
    package let byteCount: Int64
    package let verifiedAt: Timestamp
    package let epoch: Epoch
    package let copies: Int
    /// The signed bytes and the signature, base64.
    package let receipt: String

    package init(
        digest: Digest, byteCount: Int64, verifiedAt: Timestamp, epoch: Epoch, copies: Int,
        receipt: String
    ) {
        self.digest = digest
        self.byteCount = byteCount
        self.verifiedAt = verifiedAt
        self.epoch = epoch
        self.copies = copies
        self.receipt = receipt
    }
}

package struct ReceiptsReply: Hashable, Sendable, Codable {
    package let receipts: [ReceiptDescription]
    /// Asked for, but not held by the account.
    package let missing: [Digest]
    /// Held, but not read back from the medium yet, and too many bytes for one request: ask again.
    package let later: [Digest]

    package init(receipts: [ReceiptDescription], missing: [Digest], later: [Digest] = []) {
        self.receipts = receipts
        self.missing = missing
        self.later = later
    }
}

/// `GET /blobs/wanted`: blobs that the server has lost and a device may still have.
package struct WantedReply: Hashable, Sendable, Codable {
    package let digests: [Digest]
    /// There are more than these.
    package let more: Bool

    package init(digests: [Digest], more: Bool) {
        self.digests = digests
        self.more = more
    }
}
