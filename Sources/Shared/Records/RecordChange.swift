/// One change to one record: a patch, never a whole record.
package struct RecordChange: Hashable, Sendable, Codable {
    package enum Action: String, Sendable, Codable {
        /// Creates the record, or patches it.
        case save
        /// Leaves a tombstone. With blobs: refused (`notInTrash`) unless 30 days in the trash.
        case delete
        /// Delete Now, asked for by a person: a tombstone at once; the bytes rest 7 days.
        case purge
    }

    package var key: RecordKey
    package var action: Action
    /// The state that the change was made from; `nil`: the record is new to the device.
    package var base: Base?
    /// After a new epoch: the base in the epoch before.
    package var derivedFrom: Base?
    package var set: Fields
    package var unset: [String]
    package var setBlobs: [String: BlobReference]
    package var unsetBlobs: [String]
    /// `true` moves to Recently Deleted, `false` restores, `nil` leaves as it is.
    package var trashed: Bool?
    package var requires: Int?
    /// Of a `delete`: the record that this one becomes part of.
    package var joinedInto: RecordID?

    package init(
        key: RecordKey, action: Action = .save, base: Base? = nil, derivedFrom: Base? = nil,
        set: Fields = [:], unset: [String] = [], setBlobs: [String: BlobReference] = [:],
        unsetBlobs: [String] = [], trashed: Bool? = nil, requires: Int? = nil,
        joinedInto: RecordID? = nil
    ) {
        self.key = key
        self.action = action
        self.base = base
        self.derivedFrom = derivedFrom
        self.set = set
        self.unset = unset
        self.setBlobs = setBlobs
        self.unsetBlobs = unsetBlobs
        self.trashed = trashed
        self.requires = requires
        self.joinedInto = joinedInto
    }

    private enum CodingKeys: String, CodingKey {
        case key, action, base, derivedFrom, set, unset, setBlobs, unsetBlobs, trashed, requires
        case joinedInto
    }

    /// Absent keys mean: nothing of that kind.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        key = try container.decode(RecordKey.self, forKey: .key)
        action = try container.decodeIfPresent(Action.self, forKey: .action) ?? .save
        base = try container.decodeIfPresent(Base.self, forKey: .base)
        derivedFrom = try container.decodeIfPresent(Base.self, forKey: .derivedFrom)
        set = try container.decodeIfPresent(Fields.self, forKey: .set) ?? [:]
        unset = try container.decodeIfPresent([String].self, forKey: .unset) ?? []
        setBlobs =
            try container.decodeIfPresent([String: BlobReference].self, forKey: .setBlobs) ?? [:]
        unsetBlobs = try container.decodeIfPresent([String].self, forKey: .unsetBlobs) ?? []
        trashed = try container.decodeIfPresent(Bool.self, forKey: .trashed)
        requires = try container.decodeIfPresent(Int.self, forKey: .requires)
        joinedInto = try container.decodeIfPresent(RecordID.self, forKey: .joinedInto)
    }
}

/// Changes that are applied together or not at all.
///
/// Groups of one request don't affect each other.
package struct ChangeGroup: Hashable, Sendable, Codable {
    /// From the client: the same id again is the same group (P8).
    package let id: GroupID
    package var changes: [RecordChange]

    package init(id: GroupID, changes: [RecordChange]) {
        self.id = id
        self.changes = changes
    }
}

/// What became of one group.
package struct GroupResult: Hashable, Sendable, Codable {
    package enum Status: String, Sendable, Codable {
        case saved
        /// The base is not the record's latest state; `records` has the server's.
        case recordChanged
        case invalidRecord
        /// `digests` names the bytes that the account does not hold.
        case blobsMissing
        case overQuota
        case notAllowed
        case notInTrash
    }

    package let id: GroupID
    package let status: Status
    /// Of a saved group: the sequence of its commit.
    package let sequence: Int64?
    /// A sentence for people, unless saved.
    package let message: String?
    package let records: [Record]
    package let digests: [Digest]

    package init(
        id: GroupID, status: Status, sequence: Int64? = nil, message: String? = nil,
        records: [Record] = [], digests: [Digest] = []
    ) {
        self.id = id
        self.status = status
        self.sequence = sequence
        self.message = message
        self.records = records
        self.digests = digests
    }
}

/// One page of a zone's feed.
///
/// Only a page with `more == false` leaves a state that existed.
package struct ChangePage: Hashable, Sendable, Codable {
    package let records: [Record]
    package let token: ChangeToken
    package let more: Bool

    package init(records: [Record], token: ChangeToken, more: Bool) {
        self.records = records
        self.token = token
        self.more = more
    }
}
