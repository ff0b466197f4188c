package import Records
package import Status

/// A file whose bytes are to be sent; its stamp is checked when it is opened and after the last byte.
package struct FileToSend: Hashable, Sendable {
    package let place: Place
    package let stamp: FileStamp
    package let digest: Digest

    package init(place: Place, stamp: FileStamp, digest: Digest) {
        self.place = place
        self.stamp = stamp
        self.digest = digest
    }

    package var byteCount: Int64 { stamp.byteCount }
}

/// One request to the server.
///
/// All can be repeated (P8).
package enum Request: Hashable, Sendable {
    /// `runs`: those of this device that it knows of, the present one last; none: not yet durable.
    case reportState(LibraryStatus, runs: [UInt64] = [])
    case changes(after: ChangeToken?)
    /// At most `Limits.digestsPerRequestMax`.
    case have([Digest])
    /// At most `Limits.packByteCountMax` bytes, each blob at most `packedBlobByteCountMax`.
    case pack([FileToSend])
    /// One whole blob, up to `Limits.uploadPartByteCountMax`.
    case put(FileToSend)
    /// tus creation; creating an existing upload of the same id answers its offset.
    case createUpload(UploadID, FileToSend)
    /// tus HEAD.
    case uploadOffset(UploadID)
    /// tus PATCH; the part that reaches the file's end carries the digest and finishes.
    case uploadPart(UploadID, FileToSend, offset: Int64, byteCount: Int64)
    /// `after`: how far this device has read the feed, so that a server that was rolled back since
    /// says `changeTokenExpired` instead of building on another history.
    case commit([ChangeGroup], after: ChangeToken?)
    /// Signed proof that the server read these back from its medium; at most
    /// `Limits.digestsPerRequestMax`.
    case receipts([Digest])
    /// Into a temporary file, going on where an earlier try stopped.
    case download(Digest, byteCount: Int64, into: TemporaryName)
}

package enum Reply: Sendable {
    /// The photo zone's epoch and head, and what else the server has to say.
    case stateReported(
        epoch: Epoch, head: Int64, token: ChangeToken? = nil,
        notice: ServerNotice = ServerNotice())
    case changes(ChangePage)
    /// Those of the asked digests that the server lacks.
    case missing([Digest])
    /// A result for each blob of a pack, in order.
    case packed([PackedResult])
    case stored(Digest)
    case uploadOffset(Int64)
    case committed([GroupResult], token: ChangeToken)
    /// Of those of the asked digests that the server holds and has read back.
    case receipts([ServerReceipt])
    /// The digest of what lies in the temporary file now.
    case downloaded(Digest, byteCount: Int64)
}

/// What only the server knows of itself and the account.
package struct ServerNotice: Hashable, Sendable {
    /// Of the account's pool; `quotaByteCount` is `nil` without a limit.
    package var usedByteCount: Int64 = 0
    package var quotaByteCount: Int64?
    /// The names of the other accounts that share the pool.
    package var sharedWith: [String] = []
    /// When the pool will be full at the rate of the last weeks; `nil`: nothing can be said.
    package var fullAt: Timestamp?
    /// Since when its clocks have disagreed.
    package var clockSuspectSince: Timestamp?
    /// Of its software; empty when it did not say.
    package var version = ""
    /// It heard of a run of this device that this device never was.
    package var isCloned = false
    /// The account's other devices that have switched photos off too.
    package var devicesWithServiceOff: [String] = []
    /// Since when photos are switched off for the account on the server.
    package var deniedSince: Timestamp?
    /// Which version of all this it is, to be compared with `Event.noticeChanged`.
    package var eventVersion: String?
    /// Its services that are slow or fail.
    package var troubles: [ServiceTrouble] = []
    /// What there is beside the server's own copies; `nil`: it did not say.
    package var backup: BackupNotice?

    package init() {}
}

/// Where originals are beside the server.
package struct BackupNotice: Hashable, Sendable {
    /// When the last whole backup's snapshot was made; `nil`: there is none.
    package let madeAt: Timestamp?
    /// The account's other devices that have every original.
    package let originalsOn: [String]

    package init(madeAt: Timestamp?, originalsOn: [String]) {
        self.madeAt = madeAt
        self.originalsOn = originalsOn
    }
}

/// A service of the server that is not as it uses to be.
package struct ServiceTrouble: Hashable, Sendable {
    /// As people call it.
    package let service: String
    package let health: ServiceHealth
    package let since: Timestamp
    /// What one answer in 20 takes at least; `nil`: nothing was measured.
    package let percentileMilliseconds: Int64?

    package init(
        service: String, health: ServiceHealth, since: Timestamp, percentileMilliseconds: Int64?
    ) {
        self.service = service
        self.health = health
        self.since = since
        self.percentileMilliseconds = percentileMilliseconds
    }
}

/// Which of two is to be upgraded.
package enum ProtocolSide: String, Sendable {
    case device, server
}

/// The server's signed word that it has read an object back from its medium (P2).
package struct ServerReceipt: Hashable, Sendable {
    package let digest: Digest
    package let byteCount: Int64
    /// When the bytes were read back.
    package let verifiedAt: Timestamp
    package let epoch: Epoch
    /// How many copies are known.
    package let copies: Int
    /// The signed bytes and the signature, as they came.
    package let signed: String
    /// Why it proves nothing, as the end of a sentence; `nil`: it is the server's word.
    package let fault: String?

    package init(
        digest: Digest, byteCount: Int64, verifiedAt: Timestamp, epoch: Epoch, copies: Int,
        signed: String, fault: String? = nil
    ) {
        self.digest = digest
        self.byteCount = byteCount
        self.verifiedAt = verifiedAt
        self.epoch = epoch
        self.copies = copies
        self.signed = signed
        self.fault = fault
    }
}

package struct PackedResult: Hashable, Sendable {
    package let digest: Digest
    /// `nil`: stored, durable and held.
    package let failure: RequestFailure?

    package init(digest: Digest, failure: RequestFailure?) {
        self.digest = digest
        self.failure = failure
    }
}

/// Why a request did not do what it was to do.
package enum RequestFailure: Error, Hashable, Sendable {
    /// Refused, no route, no name; the system's words.
    case unreachable(String)
    case timedOut
    /// The connection broke in the middle.
    case interrupted
    case signInNeeded
    /// 403: photos are switched off for the account on the server.
    case appNotAllowed
    case changeTokenExpired
    /// 429 or 503; seconds of Retry-After.
    case retryLater(code: String, seconds: Int64?)
    /// 503 while the server's owner works on it.
    case maintenance(until: Timestamp, message: String?)
    /// The pool's quota would be passed.
    case accountFull
    /// 507: the server's disk is under its reserve.
    case serverStorageFull
    case versionTooOld(String, side: ProtocolSide = .device)
    /// The file was not what its stamp said.
    case fileChanged(Place)
    case fileUnreadable(Place, DiskError)
    /// The bytes were not what the digest said.
    case digestMismatch(Digest)
    case notFound
    /// This device's disk.
    case disk(DiskError)
    /// Any other refusal: stable code and a sentence.
    case refused(code: String, message: String)
}
