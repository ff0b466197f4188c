package import Records
package import Storage

/// What lies where lost objects were.
package struct LostObject: Hashable, Sendable {
    package let digest: Digest
    package let key: ObjectKey
}

extension Kernel {
    /// Objects that were found damaged or gone, from behind `key` on: their disk may be there again.
    package func lostObjects(
        after key: ObjectKey?, limit: Int, in transaction: any Transaction
    ) throws(KernelError) -> [LostObject] {
        try transaction.all(
            "SELECT digest, objectKey FROM lostObject WHERE objectKey > ? ORDER BY objectKey LIMIT ?",
            [.text(key?.text ?? ""), SQLValue(limit)]
        ).compactMap { row in
            row.optionalDigest(0).map {
                LostObject(digest: $0, key: ObjectKey(text: row.text(1)))
            }
        }
    }

    /// The bytes of a lost object were read back and are good after all.
    ///
    /// Returns `false` when the blob has arrived again meanwhile.
    @discardableResult
    package func takeBack(
        _ object: StoredObject, at time: Timestamp, in transaction: any Transaction
    ) throws(KernelError) -> Bool {
        let isNew = try transaction.change(
            """
            INSERT INTO object (digest, objectKey, byteCount, storedAt)
            SELECT digest, objectKey, ?, ? FROM lostObject WHERE objectKey = ? AND digest = ?
            ON CONFLICT (digest) DO NOTHING
            """,
            [
                .integer(object.byteCount), SQLValue(time), .text(object.key.text),
                SQLValue(object.digest),
            ])
        guard isNew > 0 else { return false }
        try transaction.change(
            "DELETE FROM lostObject WHERE objectKey = ?", [.text(object.key.text)])
        // The collector looks which of them are referred to; until then they stay.
        try transaction.change(
            """
            UPDATE holding SET state = 2, verifiedAt = ?, pinnedUntil = ?
            WHERE digest = ? AND state = 3
            """,
            [
                SQLValue(time),
                SQLValue(time.adding(seconds: Int64(Limits.pinHours) * 3_600)),
                SQLValue(object.digest),
            ])
        return true
    }

    /// Asks no longer for what nothing refers to any more, and lets go of what is left of it.
    ///
    /// Returns how many claims were ended, at most `limit`.
    @discardableResult
    package func forgetLost(
        limit: Int, at time: Timestamp, in transaction: any Transaction
    ) throws(KernelError) -> Int {
        let rows = try transaction.all(
            """
            SELECT account, digest FROM holding
            WHERE state = 3 AND NOT EXISTS (SELECT 1 FROM zone
                JOIN blobReference ON blobReference.zone = zone.id
                WHERE zone.owner = holding.account AND blobReference.digest = holding.digest)
            ORDER BY account, digest LIMIT ?
            """, [SQLValue(limit)])
        for row in rows {
            guard let digest = row.optionalDigest(1) else { continue }
            try transaction.change(
                "DELETE FROM holding WHERE account = ? AND digest = ? AND state = 3",
                [row[0], row[1]])
            let holder = try transaction.first(
                "SELECT 1 FROM holding WHERE digest = ? LIMIT 1", [row[1]])
            if holder == nil { try removeLost(digest, at: time, transaction) }
        }
        return rows.count
    }
}
