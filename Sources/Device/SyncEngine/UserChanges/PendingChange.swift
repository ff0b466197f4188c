package import Library
package import Records

/// What this device's user decided about one record, until the server has it.
///
/// It is an observation (E1): the user said so. It goes when the server has saved it, or when there
/// is nothing left to say, because the record is as it was asked for, or is gone for good.
package struct PendingChange: Hashable, Sendable {
    package enum Action: Hashable, Sendable {
        /// Lays a patch over the record.
        ///
        /// An album or a membership that is not there yet begins with it; an asset never does, it
        /// waits for its bytes.
        case patch(RecordPatch)
        /// Albums, memberships: nothing of theirs is worth keeping.
        case delete
        /// Delete Now, which only a person asks for.
        ///
        /// `original`: the bytes that they saw. Other bytes are somebody's edit, and stay.
        case purge(original: Digest?)
        /// The asset of this id turned out to be a part of another: seen, not asked for.
        case join(into: RecordID, as: BlobRole)
        /// A wrong pair: the part is an asset of its own again.
        case split(BlobRole)
    }

    /// From which state it was sent: until an answer comes it is repeated as exactly this, so that
    /// the server knows it again (P8).
    package enum Attempt: Hashable, Sendable {
        case none
        case made(from: Base?)
    }

    package let key: RecordKey
    package var action: Action
    package var madeAt: Timestamp
    package var attempt = Attempt.none
    /// After a new epoch: the state, in the epoch before, that it sends again.
    package var derivedFrom: Base?
    /// Its move to the trash is an answer in favour of this asset: it comes to nothing when that one
    /// is gone by then, so that two answers never let go of both.
    package var keeping: RecordID?

    package init(
        key: RecordKey, action: Action, madeAt: Timestamp, attempt: Attempt = .none,
        keeping: RecordID? = nil
    ) {
        self.key = key
        self.action = action
        self.madeAt = madeAt
        self.attempt = attempt
        self.keeping = keeping
    }

    /// The same record, decided about again.
    package func followed(by newer: PendingChange) -> PendingChange {
        var change = newer
        change.attempt = .none
        change.derivedFrom = newer.derivedFrom ?? derivedFrom
        if case .patch(let earlier) = action, case .patch(let later) = newer.action {
            change.action = .patch(earlier.followed(by: later))
            if later.trashed == nil { change.keeping = keeping }
        }
        return change
    }

    /// The record as its person sees it at once; `nil`: it is gone.
    package func applied(to record: Record) -> Record? {
        switch action {
        case .patch(let patch): patch.applied(to: record, at: madeAt)
        case .delete, .purge: nil
        case .join, .split: record
        }
    }
}

extension UserChangesRows {
    /// Notes a decision; what was decided before about the same record stays, field by field.
    package func note(_ change: PendingChange) throws(RowsError) {
        let earlier = try pendingChange(change.key)
        try save(earlier?.followed(by: change) ?? change)
    }
}

extension RecordType {
    /// Only of pending changes, so that they never meet what was decided about the asset itself.
    static let join = RecordType(rawValue: "join")
    static let split = RecordType(rawValue: "split")
}

extension PendingChange {
    package static func join(
        _ part: RecordID, into whole: RecordID, as role: BlobRole, at now: Timestamp
    ) -> PendingChange {
        PendingChange(
            key: RecordKey(type: .join, id: part), action: .join(into: whole, as: role),
            madeAt: now)
    }

    package static func split(_ whole: RecordID, _ role: BlobRole, at now: Timestamp)
        -> PendingChange
    {
        PendingChange(
            key: RecordKey(type: .split, id: whole), action: .split(role), madeAt: now)
    }
}
