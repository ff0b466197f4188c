import Records
import Storage

extension CommitWork {
    /// A change that is to be taken, and the record before it.
    private struct Plan {
        let change: RecordChange
        let old: RecordRow?
    }

    /// Saves all changes of a group, or throws.
    ///
    /// Returns the number of the commit.
    mutating func save(_ group: ChangeGroup) throws -> Int64 {
        let plans = try plan(group)
        guard !plans.isEmpty else { return tally.sequence - 1 }
        let holdings = try requireHoldings(plans.map(\.change))
        let byteCountBefore = tally.byteCount
        for plan in plans {
            switch plan.change.action {
            case .save: try save(plan.change, over: plan.old, holdings)
            case .delete, .purge: try delete(plan.change, plan.old)
            }
        }
        for plan in plans { try checkJoin(plan.change, plan.old) }
        guard tally.byteCount - byteCountBefore <= Limits.groupByteCountMax else {
            throw GroupRefusal(
                .invalidRecord,
                "The records of one group have at most \(Limits.groupByteCountMax) bytes together.")
        }
        if let quotaByteCount, tally.addedByteCount > 0, tally.usedByteCount > quotaByteCount {
            throw Kernel.overQuota
        }
        return tally.hasChanges ? tally.sequence : tally.sequence - 1
    }

    /// Compares every base first, so that a refusal names all records that have changed.
    private func plan(_ group: ChangeGroup) throws -> [Plan] {
        var plans: [Plan] = []
        var seen: Set<RecordKey> = []
        var changed: [Record] = []
        var isStale = false
        for change in group.changes {
            guard seen.insert(change.key).inserted else {
                throw GroupRefusal(.invalidRecord, "A group changes each record once.")
            }
            let current = try kernel.row(change.key, in: zone.id, transaction)
            switch try schema?.admission(of: change, current: current?.record) ?? .compareBase {
            case .ignore: continue
            case .applyToCurrent: break
            case .compareBase:
                guard isLatest(change, current?.record) else {
                    isStale = true
                    if let current { changed.append(current.record) }
                    continue
                }
            }
            // After a restore also an older device says again what a newer one had written.
            if let requires = current?.record.envelope.requires, requires > protocolNumber,
                change.derivedFrom == nil
            {
                throw GroupRefusal(
                    .notAllowed,
                    "The record was written by a newer Martlet: update this one to change it.")
            }
            if let owner = try owner(ofBlobsOf: change, current?.record) {
                isStale = true
                changed.append(owner)
            }
            plans.append(Plan(change: change, old: current))
        }
        guard !isStale else {
            throw GroupRefusal(
                .recordChanged, "Another device changed the record: merge and send again.",
                records: changed)
        }
        return plans
    }

    /// Whether the change was made from the record's latest state, or wins over it after a new
    /// epoch, when two devices send their states again: the one that had read further.
    private func isLatest(_ change: RecordChange, _ current: Record?) -> Bool {
        guard let current else { return change.base == nil }
        if let base = change.base, base.epoch == zone.epoch,
            base.sequence == current.envelope.sequence
        {
            return true
        }
        guard let claimed = change.derivedFrom, let present = current.envelope.derivedFrom else {
            return false
        }
        return claimed.epoch == present.epoch && claimed.sequence > present.sequence
    }

    /// Another record that has, or had, the bytes by which this change's record would be known.
    ///
    /// Two devices can come to the same bytes at once, one by editing, the other by importing: the
    /// later one is told whose they are. What is deleted owns nothing.
    private func owner(ofBlobsOf change: RecordChange, _ current: Record?) throws -> Record? {
        guard change.action == .save, let schema else { return nil }
        for (role, blob) in change.setBlobs.sortedByRole
        where current?.blobs[role]?.digest != blob.digest
            && schema.identifies(role, change.key.type)
        {
            let rows = try transaction.rows(
                """
                SELECT DISTINCT id FROM blobReference
                WHERE zone = ? AND digest = ? AND type = ? AND role = ? AND id <> ? ORDER BY id
                """,
                [
                    SQLValue(zone.id), SQLValue(blob.digest), .text(change.key.type.rawValue),
                    .text(role), SQLValue(change.key.id),
                ])
            for row in rows {
                let key = RecordKey(type: change.key.type, id: row.identifier(0))
                if let owner = try kernel.row(key, in: zone.id, transaction)?.record,
                    !owner.isDeleted
                {
                    return owner
                }
            }
        }
        return nil
    }

    private mutating func save(
        _ change: RecordChange, over old: RecordRow?, _ holdings: [Digest: HoldingState]
    ) throws {
        try schema?.validate(change, current: old?.record)
        let new = try patched(old, by: change)
        try write(new, over: old)
        try moveReferences(from: old, to: new, holdings)
        try schema?.project(old?.record, new.record, zone: zone, in: transaction)
    }

    /// The record after the change.
    ///
    /// Depends on nothing but its arguments and the request.
    private func patched(
        _ old: RecordRow?, by change: RecordChange
    ) throws(GroupRefusal) -> RecordRow {
        var fields = old?.record.fields ?? [:]
        for name in change.unset { fields[name] = nil }
        fields.merge(change.set) { $1 }
        var blobs = old?.record.blobs ?? [:]
        for role in change.unsetBlobs { blobs[role] = nil }
        blobs.merge(change.setBlobs) { $1 }
        var envelope = nextEnvelope(old?.record.envelope)
        envelope.requires = change.requires ?? envelope.requires
        envelope.derivedFrom = change.derivedFrom ?? envelope.derivedFrom
        var trashedDay = old?.trashedDay
        switch (change.trashed, envelope.trashedAt) {
        case (true, nil): (envelope.trashedAt, trashedDay) = (time, day)
        case (false, _): (envelope.trashedAt, trashedDay) = (nil, nil)
        case (true, _), (nil, _): break
        }
        let record = Record(key: change.key, envelope: envelope, fields: fields, blobs: blobs)
        try check(record, change)
        return RecordRow(record: record, trashedDay: trashedDay)
    }

    func nextEnvelope(_ old: Envelope?) -> Envelope {
        var envelope =
            old
            ?? Envelope(
                sequence: 0, createdAt: time, createdBy: actor.account, changedAt: time,
                changedBy: actor.device)
        envelope.sequence = tally.sequence
        envelope.changedAt = time
        envelope.changedBy = actor.device
        return envelope
    }

    private func check(_ record: Record, _ change: RecordChange) throws(GroupRefusal) {
        guard (1...Limits.recordTypeByteCountMax).contains(record.key.type.rawValue.utf8.count)
        else {
            throw GroupRefusal(
                .invalidRecord,
                "The type of a record has 1 to \(Limits.recordTypeByteCountMax) bytes.")
        }
        guard record.blobs.count <= Limits.blobsPerRecordMax else {
            throw GroupRefusal(
                .invalidRecord, "A record has at most \(Limits.blobsPerRecordMax) blobs.")
        }
        // The order does not matter: any one that is wrong refuses the group with the same words.
        for (role, blob) in change.setBlobs {
            guard (1...Limits.roleByteCountMax).contains(role.utf8.count),
                (1...Limits.mediaTypeByteCountMax).contains(blob.mediaType.utf8.count)
            else {
                throw GroupRefusal(
                    .invalidRecord,
                    """
                    A blob's role has 1 to \(Limits.roleByteCountMax) bytes and its media type 1 \
                    to \(Limits.mediaTypeByteCountMax).
                    """)
            }
        }
    }

    /// Inserts or updates the record's row.
    mutating func write(_ new: RecordRow, over old: RecordRow?) throws {
        let values = new.values(in: zone.id)
        let fieldsByteCount = values[RecordRow.fieldsColumn].utf8Count
        guard fieldsByteCount <= Limits.fieldsByteCountMax else {
            throw GroupRefusal(
                .invalidRecord,
                "The fields of a record have at most \(Limits.fieldsByteCountMax) bytes.")
        }
        hasWritten = true
        if old == nil {
            try transaction.executePipelined(
                """
                INSERT INTO record (\(RecordRow.columns))
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """, values)
        } else {
            try transaction.executePipelined(
                """
                UPDATE record SET sequence = ?, createdAt = ?, createdBy = ?, changedAt = ?,
                    changedBy = ?, trashedAt = ?, trashedDay = ?, requires = ?, keyEpoch = ?,
                    derivedEpoch = ?, derivedSequence = ?, joinedInto = ?, fields = ?, blobs = ?,
                    crc = ?
                WHERE zone = ? AND type = ? AND id = ?
                """, Array(values.dropFirst(3)) + values.prefix(3))
        }
        tally.hasChanges = true
        tally.byteCount +=
            fieldsByteCount + values[RecordRow.blobsColumn].utf8Count + Page.envelopeByteCount
    }
}

extension SQLValue {
    /// Of text; 0 for everything else.
    var utf8Count: Int { if case .text(let text) = self { text.utf8.count } else { 0 } }
}
