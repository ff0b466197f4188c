import Library
import Records

// A new epoch: the server's history is another than the one that was read, and what people decided
// since is sent again as if they decided it now. Bytes are sent again by the uploads.
//
// What is sent names the state that it comes from (`derivedFrom`), so that of two devices the one
// that had read further wins.

extension SyncEngine {
    /// The list lacks this record, which is about to be forgotten.
    mutating func resend(lost known: RemoteRecord, _ rows: any Rows) throws(RowsError) {
        let record = known.record
        guard record.key.type != .facts, record.key.type != .rendering,
            record.key.type == .asset || record.blobs.isEmpty
        else { return }
        try resend(Resending.patch(record), of: known, rows)
    }

    /// The list has this record in another epoch than the one in which it was known.
    mutating func resend(
        _ known: RemoteRecord, over listed: Record, _ rows: any Rows
    ) throws(RowsError) {
        let record = known.record
        guard record.key.type != .facts, record.key.type != .rendering, !listed.isDeleted else {
            return
        }
        let claimed = listed.envelope.derivedFrom.flatMap {
            $0.epoch == known.epoch ? $0.sequence : nil
        }
        // Another device has sent the same, or a later state, already.
        if let claimed, claimed >= record.envelope.sequence { return }
        let isAncestor =
            claimed != nil || listed.envelope.sequence <= record.envelope.sequence
        guard record.isDeleted else {
            let patch =
                isAncestor
                ? Resending.patch(record, overAncestor: listed)
                : Resending.patch(record, mergedWith: listed)
            return try resend(patch, of: known, rows)
        }
        // What was deleted and came back with the backup goes where it can be restored from.
        guard isAncestor, record.joinedInto == nil else { return }
        if record.key.type == .asset {
            try resend(RecordPatch(trashed: true), of: known, rows)
        } else {
            try resend(.delete, of: known, rows)
        }
    }

    private mutating func resend(
        _ patch: RecordPatch, of known: RemoteRecord, _ rows: any Rows
    ) throws(RowsError) {
        if !patch.isEmpty { try resend(.patch(patch), of: known, rows) }
    }

    private mutating func resend(
        _ action: PendingChange.Action, of known: RemoteRecord, _ rows: any Rows
    ) throws(RowsError) {
        var change = PendingChange(
            key: known.record.key, action: action, madeAt: known.record.envelope.changedAt)
        change.derivedFrom = known.base
        // What the user has decided since is later.
        if let later = try rows.pendingChange(change.key) { change = change.followed(by: later) }
        try rows.save(change)
        // Also long after the list: a tombstone that it left out is met when the record comes again.
        userChanges.pass()
    }
}
