import Records
import Storage

/// An account's claim to a blob, by where it stands.
enum HoldingState: Int64, Sendable {
    /// Never referred to yet; goes when its pin ends.
    case staged = 0
    case referenced = 1
    /// A reference was taken away: the collector looks whether it was the last.
    case perhapsIdle = 2
    /// The server has lost the bytes and wants them back.
    case lost = 3
}

extension CommitWork {
    /// The holdings behind all blobs that `changes` set.
    ///
    /// Throws `blobsMissing` with every digest that the account does not hold.
    func requireHoldings(_ changes: [RecordChange]) throws -> [Digest: HoldingState] {
        var states: [Digest: HoldingState] = [:]
        var missing: [Digest] = []
        for (_, blob) in changes.flatMap({ $0.action == .save ? $0.setBlobs.sortedByRole : [] })
        where states[blob.digest] == nil && !missing.contains(blob.digest) {
            let found = try kernel.holding(blob.digest, of: zone.owner, at: time, transaction)
            guard let found, found.state != .lost else {
                missing.append(blob.digest)
                continue
            }
            guard found.byteCount == blob.byteCount else {
                throw GroupRefusal(
                    .invalidRecord,
                    "The blob \(blob.digest) has \(found.byteCount) bytes: say so.")
            }
            states[blob.digest] = found.state
        }
        guard missing.isEmpty else {
            throw GroupRefusal(
                .blobsMissing, "Send the blobs first, then the records.", digests: missing)
        }
        return states
    }

    /// Writes which blobs the record refers to now, and retains what it no longer does.
    mutating func moveReferences(
        from old: RecordRow?, to new: RecordRow, _ holdings: [Digest: HoldingState]
    ) throws {
        let before = old?.record.blobs ?? [:]
        let after = new.record.blobs
        guard before != after else { return }
        let isDerived = schema?.isDerived(new.record.key.type) ?? false
        let dropped = before.keys.sorted().filter { before[$0]?.digest != after[$0]?.digest }
        if let old, !dropped.isEmpty {
            if isDerived {
                for role in dropped {
                    guard let blob = before[role] else { continue }
                    try drop(
                        blob, role: role, of: new.record.key, revision: 0, counts: false)
                }
            } else {
                try retain(
                    old, roles: dropped, reason: "replace",
                    expiresDay: try replacedExpiry(new.record.key, dropped))
            }
        }
        for (role, blob) in after.sortedByRole where before[role]?.digest != blob.digest {
            try insertReference(blob, role: role, of: new.record.key, revision: 0)
            if !isDerived { try addToPool(blob) }
            if holdings[blob.digest] != .referenced {
                try transaction.executePipelined(
                    "UPDATE holding SET state = 1 WHERE account = ? AND digest = ?",
                    [SQLValue(zone.owner), SQLValue(blob.digest)])
            }
        }
    }

    /// 30 days; for the first blob in a role that keeps its first, until the record is deleted.
    private func replacedExpiry(_ key: RecordKey, _ roles: [String]) throws -> Int64? {
        for role in roles where schema?.keepsFirst(role, of: key.type) ?? false {
            let earlier = try kernel.retained(key, in: zone.id, in: transaction)
                .contains { $0.record.blobs[role] != nil && $0.expiresDay == nil }
            if !earlier { return nil }
        }
        return day + Int64(Limits.retainedDays)
    }

    /// Keeps the old state; the references of `roles` become the revision's.
    mutating func retain(
        _ old: RecordRow, roles: [String], reason: String, expiresDay: Int64?
    ) throws {
        tally.retainedCount += 1
        let number = tally.retainedCount
        try kernel.insertRetained(
            RetainedRevision(
                number: number, record: old.record, epoch: zone.epoch, reason: reason,
                retainedAt: time, expiresDay: expiresDay), in: zone.id, transaction)
        for role in roles {
            guard let blob = old.record.blobs[role] else { continue }
            try deleteReference(blob, role: role, of: old.record.key, revision: 0)
            try insertReference(blob, role: role, of: old.record.key, revision: number)
        }
    }

    /// Takes a reference away for good.
    mutating func drop(
        _ blob: BlobReference, role: String, of key: RecordKey, revision: Int64, counts: Bool
    ) throws {
        try deleteReference(blob, role: role, of: key, revision: revision)
        if counts {
            tally.usedByteCount -= try kernel.dropFromPool(blob.digest, pool, transaction)
        }
        try kernel.markPerhapsIdle(blob.digest, of: zone.owner, transaction)
    }

    private mutating func addToPool(_ blob: BlobReference) throws {
        let added = try kernel.addToPool(blob.digest, blob.byteCount, pool, transaction)
        tally.usedByteCount += added
        tally.addedByteCount += added
    }

    private func insertReference(
        _ blob: BlobReference, role: String, of key: RecordKey, revision: Int64
    ) throws {
        try transaction.executePipelined(
            """
            INSERT INTO blobReference (zone, digest, id, type, role, revision, byteCount)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [
                SQLValue(zone.id), SQLValue(blob.digest), SQLValue(key.id),
                .text(key.type.rawValue), .text(role), .integer(revision),
                .integer(blob.byteCount),
            ])
    }

    private func deleteReference(
        _ blob: BlobReference, role: String, of key: RecordKey, revision: Int64
    ) throws {
        try transaction.executePipelined(
            """
            DELETE FROM blobReference WHERE zone = ? AND digest = ? AND id = ? AND type = ?
                AND role = ? AND revision = ?
            """,
            [
                SQLValue(zone.id), SQLValue(blob.digest), SQLValue(key.id),
                .text(key.type.rawValue), .text(role), .integer(revision),
            ])
    }
}
