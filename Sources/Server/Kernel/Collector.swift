package import Records
package import Storage

/// What one turn of the collector found.
package struct CollectorTurn: Hashable, Sendable {
    /// Objects that no row refers to any more: remove them from the store, then call `removed`.
    package let removable: [ObjectKey]
    /// Call again: the turn ended at its limit.
    package let more: Bool
}

extension Kernel {
    /// Lets go of what nothing refers to any more, a bounded number of rows at a time.
    ///
    /// In this order, all in one transaction: retained revisions whose days are over; holdings
    /// that no reference or retained revision needs; objects that nobody holds. An object's bytes
    /// are removed only when this is durable, so a crash leaves bytes without a row, never a row
    /// without bytes.
    package func collect(
        at time: Timestamp, in transaction: any Transaction
    ) throws(KernelError) -> CollectorTurn {
        let limit = Limits.rowsPerCollectionMax
        let expired = try expireRetained(limit, transaction)
        let idle = try dropIdleHoldings(limit, at: time, transaction)
        let forgotten = try forgetGroups(limit, at: time, transaction)
        let removals = try transaction.all(
            "SELECT objectKey FROM objectRemoval ORDER BY objectKey LIMIT ?", [SQLValue(limit)])
        return CollectorTurn(
            removable: removals.map { ObjectKey(text: $0.text(0)) },
            more: [expired, idle, forgotten, removals.count].contains(limit))
    }

    /// The store has removed these.
    package func removed(
        _ keys: [ObjectKey], in transaction: any Transaction
    ) throws(KernelError) {
        for key in keys {
            try transaction.changePipelined(
                "DELETE FROM objectRemoval WHERE objectKey = ?", [.text(key.text)])
        }
    }

    /// Which of these keys no row knows: what a crash left in the store.
    ///
    /// Ask only for objects that are older than any upload that may still be under way.
    package func unknownObjects(
        among keys: [ObjectKey], in transaction: any Transaction
    ) throws(KernelError) -> [ObjectKey] {
        var unknown: [ObjectKey] = []
        for key in keys {
            let row = try transaction.first(
                """
                SELECT 1 FROM object WHERE objectKey = ?
                UNION ALL SELECT 1 FROM lostObject WHERE objectKey = ?
                """, [.text(key.text), .text(key.text)])
            if row == nil { unknown.append(key) }
        }
        return unknown
    }

    private func expireRetained(
        _ limit: Int, _ transaction: any Transaction
    ) throws(KernelError) -> Int {
        let day = try serverState(in: transaction).day
        let rows = try transaction.all(
            """
            SELECT zone, number FROM retained WHERE expiresDay <= ?
            ORDER BY expiresDay, zone, number LIMIT ?
            """, [.integer(day), SQLValue(limit)])
        for row in rows {
            try dropReferences(
                zone: row.identifier(0), revision: row.integer(1), transaction)
            try transaction.changePipelined(
                "DELETE FROM retained WHERE zone = ? AND number = ?", [row[0], row[1]])
        }
        return rows.count
    }

    private func dropReferences(
        zone id: ZoneID, revision: Int64, _ transaction: any Transaction
    ) throws(KernelError) {
        guard let zone = try zone(id, in: transaction) else { return }
        let pool = try requireAccount(zone.owner, in: transaction).pool
        let references = try transaction.all(
            """
            SELECT digest, id, type, role FROM blobReference WHERE zone = ? AND revision = ?
            ORDER BY digest, id, type, role
            """, [SQLValue(id), .integer(revision)])
        var freed: Int64 = 0
        for row in references {
            try transaction.changePipelined(
                """
                DELETE FROM blobReference WHERE zone = ? AND digest = ? AND id = ? AND type = ?
                    AND role = ? AND revision = ?
                """, [SQLValue(id), row[0], row[1], row[2], row[3], .integer(revision)])
            guard let digest = row.optionalDigest(0) else { continue }
            freed += try dropFromPool(digest, pool, transaction)
            try markPerhapsIdle(digest, of: zone.owner, transaction)
        }
        if freed > 0 {
            try transaction.changePipelined(
                "UPDATE pool SET usedByteCount = usedByteCount - ? WHERE id = ?",
                [.integer(freed), SQLValue(pool)])
        }
    }

    private func dropIdleHoldings(
        _ limit: Int, at time: Timestamp, _ transaction: any Transaction
    ) throws(KernelError) -> Int {
        let rows = try transaction.all(
            """
            SELECT account, digest FROM holding WHERE state IN (0, 2) AND pinnedUntil <= ?
            ORDER BY pinnedUntil, account, digest LIMIT ?
            """, [SQLValue(time), SQLValue(limit)])
        for row in rows {
            guard let digest = row.optionalDigest(1) else { continue }
            if try isReferenced(digest, by: row.identifier(0), transaction) {
                try transaction.changePipelined(
                    "UPDATE holding SET state = 1 WHERE account = ? AND digest = ?",
                    [row[0], row[1]])
            } else {
                try transaction.changePipelined(
                    "DELETE FROM holding WHERE account = ? AND digest = ?", [row[0], row[1]])
                try dropObjectWithoutHolder(digest, at: time, transaction)
            }
        }
        return rows.count
    }

    private func dropObjectWithoutHolder(
        _ digest: Digest, at time: Timestamp, _ transaction: any Transaction
    ) throws(KernelError) {
        let holder = try transaction.first(
            "SELECT 1 FROM holding WHERE digest = ? LIMIT 1", [SQLValue(digest)])
        guard holder == nil,
            let object = try transaction.first(
                "SELECT objectKey FROM object WHERE digest = ?", [SQLValue(digest)])
        else { return }
        try transaction.changePipelined("DELETE FROM object WHERE digest = ?", [SQLValue(digest)])
        try transaction.changePipelined(
            "INSERT INTO objectRemoval (objectKey, queuedAt) VALUES (?, ?)",
            [object[0], SQLValue(time)])
    }

    private func forgetGroups(
        _ limit: Int, at time: Timestamp, _ transaction: any Transaction
    ) throws(KernelError) -> Int {
        let before = time.adding(
            milliseconds: -Int64(Limits.groupMemoryDays) * Timestamp.millisecondsPerDay)
        let rows = try transaction.all(
            """
            SELECT zone, id FROM savedGroup WHERE committedAt < ?
            ORDER BY committedAt, zone, id LIMIT ?
            """, [SQLValue(before), SQLValue(limit)])
        for row in rows {
            try transaction.changePipelined(
                "DELETE FROM savedGroup WHERE zone = ? AND id = ?", [row[0], row[1]])
        }
        return rows.count
    }
}
