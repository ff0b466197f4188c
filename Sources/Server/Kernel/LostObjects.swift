package import Records
package import Storage

/// What reading objects back from the medium found.
extension Kernel {
    /// The object was read back from the medium and is what it should be.
    ///
    /// Counts for every account that holds it.
    package func setVerified(
        _ digest: Digest, key: ObjectKey, at time: Timestamp, in transaction: any Transaction
    ) throws(KernelError) {
        try transaction.change(
            """
            UPDATE holding SET verifiedAt = ? WHERE digest = ? AND state <> 3 AND EXISTS
                (SELECT 1 FROM object WHERE object.digest = holding.digest AND objectKey = ?)
            """, [SQLValue(time), SQLValue(digest), .text(key.text)])
    }

    /// The object is gone or is not what it should be: its holders' devices are asked for it.
    ///
    /// The damaged bytes are kept in their place, for whoever can still read a part of them.
    package func markLost(
        _ digest: Digest, key: ObjectKey, in transaction: any Transaction
    ) throws(KernelError) {
        let removed = try transaction.change(
            "DELETE FROM object WHERE digest = ? AND objectKey = ?",
            [SQLValue(digest), .text(key.text)])
        guard removed > 0 else { return }
        try transaction.change(
            "INSERT INTO lostObject (objectKey, digest) VALUES (?, ?)",
            [.text(key.text), SQLValue(digest)])
        try transaction.change(
            "UPDATE holding SET state = 3, verifiedAt = NULL WHERE digest = ?",
            [SQLValue(digest)])
    }

    /// Blobs that the server has lost and one of the account's devices may still have, in the order
    /// of their digests, from behind `after` on.
    package func wanted(
        for account: AccountID, after: Digest? = nil, limit: Int, in transaction: any Transaction
    ) throws(KernelError) -> [Digest] {
        try transaction.all(
            """
            SELECT digest FROM holding WHERE account = ? AND state = 3 AND digest > ?
            ORDER BY digest LIMIT ?
            """, [SQLValue(account), .blob(after?.bytes ?? []), SQLValue(limit)]
        ).compactMap { $0.optionalDigest(0) }
    }

    package func wantedCount(
        for account: AccountID, in transaction: any Transaction
    ) throws(KernelError) -> Int {
        try transaction.first(
            "SELECT COUNT(*) FROM holding WHERE account = ? AND state = 3", [SQLValue(account)])?
            .int(0) ?? 0
    }

    /// The blob has arrived again: what was left of it can go.
    func removeLost(
        _ digest: Digest, at time: Timestamp, _ transaction: any Transaction
    ) throws(KernelError) {
        let left = try transaction.all(
            "SELECT objectKey FROM lostObject WHERE digest = ? ORDER BY objectKey",
            [SQLValue(digest)])
        for row in left {
            try transaction.change(
                "INSERT INTO objectRemoval (objectKey, queuedAt) VALUES (?, ?)",
                [row[0], SQLValue(time)])
        }
        try transaction.change("DELETE FROM lostObject WHERE digest = ?", [SQLValue(digest)])
    }
}
