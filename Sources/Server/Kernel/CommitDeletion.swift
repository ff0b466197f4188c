import Records
import Storage

extension CommitWork {
    /// Leaves a tombstone.
    ///
    /// What it had stays retained (P3).
    mutating func delete(_ change: RecordChange, _ old: RecordRow?) throws {
        guard let old, !old.record.isDeleted else { return }
        let isDerived = schema?.isDerived(change.key.type) ?? false
        try checkTrash(change, old, isDerived: isDerived)
        var envelope = nextEnvelope(old.record.envelope)
        envelope.trashedAt = nil
        let tombstone = RecordRow(
            record: Record(
                key: change.key, envelope: envelope, fields: nil, joinedInto: change.joinedInto),
            trashedDay: nil)
        try write(tombstone, over: old)
        if isDerived {
            for (role, blob) in old.record.blobs.sortedByRole {
                try drop(blob, role: role, of: change.key, revision: 0, counts: false)
            }
        } else {
            let restsShortly = change.joinedInto == nil && !old.record.blobs.isEmpty
            let days = restsShortly ? Limits.quarantineDays : Limits.retainedDays
            try retain(
                old, roles: old.record.blobs.keys.sorted(), reason: change.action.rawValue,
                expiresDay: day + Int64(days))
        }
        if change.joinedInto == nil { try releaseFirsts(of: change.key) }
        try schema?.project(old.record, tombstone.record, zone: zone, in: transaction)
    }

    private func checkTrash(
        _ change: RecordChange, _ old: RecordRow, isDerived: Bool
    ) throws(GroupRefusal) {
        let hasRested = old.trashedDay.map { day - $0 >= Int64(Limits.trashDays) } ?? false
        guard
            change.action == .purge || change.joinedInto != nil || isDerived || hasRested
                || old.record.blobs.isEmpty
        else {
            throw GroupRefusal(
                .notInTrash,
                """
                Move it to Recently Deleted first: it is deleted after \(Limits.trashDays) days \
                there.
                """, records: [old.record])
        }
    }

    /// A record may vanish into another only if the other holds all of its bytes: a join never
    /// loses any.
    func checkJoin(_ change: RecordChange, _ old: RecordRow?) throws {
        guard change.action != .save, let target = change.joinedInto, let old else { return }
        guard target != change.key.id else {
            throw GroupRefusal(.invalidRecord, "A record cannot be joined into itself.")
        }
        guard schema?.isDerived(change.key.type) != true else { return }
        for (_, blob) in old.record.blobs.sortedByRole {
            let found = try transaction.firstRow(
                """
                SELECT 1 FROM blobReference WHERE zone = ? AND digest = ? AND id = ? AND type = ?
                LIMIT 1
                """,
                [
                    SQLValue(zone.id), SQLValue(blob.digest), SQLValue(target),
                    .text(change.key.type.rawValue),
                ])
            guard found != nil else {
                throw GroupRefusal(
                    .notInTrash, "Give its blobs to the other record in the same group.",
                    records: [old.record])
            }
        }
    }

    /// The first revisions that were kept for the record's lifetime rest their last days; those of
    /// records that had been joined into it as well.
    private func releaseFirsts(of key: RecordKey) throws {
        var waiting = [key.id]
        var seen: Set<RecordID> = [key.id]
        while let id = waiting.popLast() {
            try kernel.releaseRetained(
                RecordKey(type: key.type, id: id), in: zone.id,
                expiresDay: day + Int64(Limits.quarantineDays), transaction)
            let joined = try transaction.rows(
                "SELECT id FROM record WHERE zone = ? AND joinedInto = ? AND type = ? ORDER BY id",
                [SQLValue(zone.id), SQLValue(id), .text(key.type.rawValue)])
            for row in joined {
                let other = row.identifier(0, as: RecordID.self)
                if seen.insert(other).inserted { waiting.append(other) }
            }
        }
    }
}

extension [String: BlobReference] {
    /// Always in the same order, whatever the process.
    var sortedByRole: [(String, BlobReference)] {
        keys.sorted().compactMap { role in self[role].map { (role, $0) } }
    }
}
