/// The kind of a record: `asset`, `facts`, `album`, … Unknown types are stored and relayed (P11).
package struct RecordType: RawRepresentable, Hashable, Sendable, Codable {
    package let rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }
}

/// What a blob is to its record: `original`, `pairedVideo`, … Unknown roles are stored and relayed.
package struct BlobRole: RawRepresentable, Hashable, Sendable, Codable {
    package let rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }
}

/// The place of a record within its zone.
package struct RecordKey: Hashable, Sendable, Codable, Comparable {
    package let type: RecordType
    package let id: RecordID

    package init(type: RecordType, id: RecordID) {
        self.type = type
        self.id = id
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.type.rawValue, left.id) < (right.type.rawValue, right.id)
    }
}

/// A record's claim to some stored bytes.
package struct BlobReference: Hashable, Sendable, Codable {
    /// SHA-256 of the stored bytes.
    package let digest: Digest
    package let byteCount: Int64
    /// IANA media type, such as `image/jpeg`.
    package let mediaType: String

    package init(digest: Digest, byteCount: Int64, mediaType: String) {
        self.digest = digest
        self.byteCount = byteCount
        self.mediaType = mediaType
    }
}

/// What the kernel itself reads of a record, in every zone.
package struct Envelope: Hashable, Sendable, Codable {
    /// The sequence of the commit that changed the record last.
    package var sequence: Int64
    package var createdAt: Timestamp
    package var createdBy: AccountID
    package var changedAt: Timestamp
    package var changedBy: DeviceID
    /// When the record was moved to Recently Deleted; `nil` outside it.
    package var trashedAt: Timestamp?
    /// The lowest protocol that may rewrite the record (P11).
    package var requires: Int
    package var keyEpoch: Int
    /// After a new epoch: the base, in the epoch before, of the device that sent this state again.
    package var derivedFrom: Base?

    package init(
        sequence: Int64, createdAt: Timestamp, createdBy: AccountID, changedAt: Timestamp,
        changedBy: DeviceID, trashedAt: Timestamp? = nil, requires: Int = 1, keyEpoch: Int = 0,
        derivedFrom: Base? = nil
    ) {
        self.sequence = sequence
        self.createdAt = createdAt
        self.createdBy = createdBy
        self.changedAt = changedAt
        self.changedBy = changedBy
        self.trashedAt = trashedAt
        self.requires = requires
        self.keyEpoch = keyEpoch
        self.derivedFrom = derivedFrom
    }
}

/// One record in its latest state, or the tombstone of a deleted one (`fields == nil`).
package struct Record: Hashable, Sendable, Codable {
    package var key: RecordKey
    package var envelope: Envelope
    /// `nil` is a tombstone.
    package var fields: Fields?
    /// By role; empty for a tombstone.
    package var blobs: [String: BlobReference]
    /// Of a tombstone: the record that this one was joined into; its files stay.
    package var joinedInto: RecordID?

    package init(
        key: RecordKey, envelope: Envelope, fields: Fields?,
        blobs: [String: BlobReference] = [:], joinedInto: RecordID? = nil
    ) {
        self.key = key
        self.envelope = envelope
        self.fields = fields
        self.blobs = blobs
        self.joinedInto = joinedInto
    }

    package var isDeleted: Bool { fields == nil }
    package var isTrashed: Bool { envelope.trashedAt != nil }

    package func blob(_ role: BlobRole) -> BlobReference? { blobs[role.rawValue] }
}
