package import Records
package import Storage

/// Bytes that an account sent and the store has made durable.
package struct HeldObject: Hashable, Sendable {
    package let object: StoredObject
    /// When they were read back from the medium; `nil`: not yet.
    package let verifiedAt: Timestamp?

    package init(object: StoredObject, verifiedAt: Timestamp? = nil) {
        self.object = object
        self.verifiedAt = verifiedAt
    }
}

/// Where the bytes are that an account holds.
package struct ObjectLocation: Hashable, Sendable {
    package let digest: Digest
    package let byteCount: Int64
    package let key: ObjectKey
    package let verifiedAt: Timestamp?
}

/// An account's claim to a blob.
struct Holding {
    var byteCount: Int64
    var state: HoldingState
    var pinnedUntil: Timestamp
}

extension Kernel {
    // MARK: - Asking

    /// Which of these the account does not hold, in their order.
    ///
    /// The others are pinned for 24 h, so that what a device leaves out is still there when it
    /// commits.
    package func have(
        _ digests: [Digest], for account: AccountID, at time: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) -> [Digest] {
        var missing: [Digest] = []
        for digest in digests {
            let found = try storedHolding(digest, of: account, transaction)
            guard let found, found.state != .lost else {
                missing.append(digest)
                continue
            }
            try extendPin(digest, found, of: account, at: time, transaction)
        }
        return missing
    }

    /// Throws `blobNotFound` unless the account holds it: knowing a digest gives nothing.
    package func object(
        _ digest: Digest, for account: AccountID, in transaction: any Transaction
    ) throws(KernelError) -> ObjectLocation {
        guard
            let row = try transaction.first(
                """
                SELECT object.objectKey, object.byteCount, holding.verifiedAt
                FROM holding JOIN object ON object.digest = holding.digest
                WHERE holding.account = ? AND holding.digest = ? AND holding.state <> 3
                """, [SQLValue(account), SQLValue(digest)])
        else { throw KernelError(.blobNotFound, "The account has no blob \(digest).") }
        return ObjectLocation(
            digest: digest, byteCount: row.integer(1), key: ObjectKey(text: row.text(0)),
            verifiedAt: row.optionalTimestamp(2))
    }

    /// Those of `digests` that the account holds, in their order.
    package func locations(
        _ digests: [Digest], for account: AccountID, in transaction: any Transaction
    ) throws(KernelError) -> [ObjectLocation] {
        var found: [ObjectLocation] = []
        for digest in digests {
            do throws(KernelError) {
                found.append(try object(digest, for: account, in: transaction))
            } catch  where error.code == .blobNotFound {
                continue
            }
        }
        return found
    }

    // MARK: - Adding

    /// Asks before bytes are taken in: throws `overQuota` when they cannot be referred to, and
    /// `stagedFull` above the limit of what is uploaded and not yet referred to.
    ///
    /// A blob that the account refers to already (one that the server lost) always passes, and one
    /// that the pool pays for adds nothing to it.
    package func checkUpload(
        byteCount: Int64, digest: Digest? = nil, for account: AccountID,
        in transaction: any Transaction
    ) throws(KernelError) {
        guard (0...Limits.blobByteCountMax).contains(byteCount) else {
            throw KernelError(
                .notAllowed, "A blob has at most \(Limits.blobByteCountMax) bytes.")
        }
        if let digest, let found = try storedHolding(digest, of: account, transaction),
            found.state != .staged
        {
            return
        }
        let quota = try quota(of: account, in: transaction)
        try checkPool(of: account, quota, adding: byteCount, digest, transaction)
        guard quota.stagedByteCount + byteCount <= Limits.stagedByteCountMax else {
            throw KernelError(
                .stagedFull,
                "Too much is uploaded without a record that refers to it: commit the records first."
            )
        }
    }

    private func checkPool(
        of account: AccountID, _ quota: Quota, adding byteCount: Int64, _ digest: Digest?,
        _ transaction: any Transaction
    ) throws(KernelError) {
        guard let limit = quota.limitByteCount else { return }
        let pool = try pool(of: account, in: transaction)
        if let digest, try isPaid(digest, by: pool, transaction) { return }
        let staged = try stagedByteCount(in: pool, transaction)
        guard byteCount <= max(0, limit - quota.usedByteCount - staged) else {
            throw Self.overQuota
        }
    }

    static let overQuota = KernelError(
        .overQuota, "The account is full: free some space, or ask for a larger quota.")

    /// Asks once more when bytes have come in that were not announced: what others of the pool sent
    /// at the same time was not known when they were asked for first.
    ///
    /// Throws `overQuota`. Those that the account holds already always pass.
    package func checkArrived(
        _ objects: [StoredObject], for account: AccountID, in transaction: any Transaction
    ) throws(KernelError) {
        let quota = try quota(of: account, in: transaction)
        guard let limit = quota.limitByteCount else { return }
        let pool = try pool(of: account, in: transaction)
        var new: [Digest: Int64] = [:]
        for object in objects {
            if try storedHolding(object.digest, of: account, transaction) != nil { continue }
            if try isPaid(object.digest, by: pool, transaction) { continue }
            new[object.digest] = object.byteCount
        }
        let byteCount = new.values.reduce(0, +)
        let staged = try stagedByteCount(in: pool, transaction)
        guard byteCount <= max(0, limit - quota.usedByteCount - staged) || byteCount == 0 else {
            throw Self.overQuota
        }
    }

    /// Gives the account holdings of bytes that it sent.
    ///
    /// Each holding is pinned for 24 h.
    ///
    /// Returns the keys of objects that the store need not keep, because it had the bytes
    /// already: remove them once this transaction is durable.
    package func addHoldings(
        _ objects: [HeldObject], for account: AccountID, at time: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) -> [ObjectKey] {
        var surplus: [ObjectKey] = []
        for held in objects {
            let object = held.object
            let isNew = try transaction.change(
                """
                INSERT INTO object (digest, objectKey, byteCount, storedAt) VALUES (?, ?, ?, ?)
                ON CONFLICT (digest) DO NOTHING
                """,
                [
                    SQLValue(object.digest), .text(object.key.text), .integer(object.byteCount),
                    SQLValue(time),
                ])
            if isNew == 0, try !isStored(object, transaction) { surplus.append(object.key) }
            try addHolding(
                object.digest, object.byteCount, for: account,
                verifiedAt: isNew > 0 ? held.verifiedAt : nil, at: time, transaction)
        }
        return surplus
    }

    /// Whether the very same object is the stored one: a repeated request.
    private func isStored(
        _ object: StoredObject, _ transaction: any Transaction
    ) throws(KernelError) -> Bool {
        try transaction.first(
            "SELECT objectKey FROM object WHERE digest = ?", [SQLValue(object.digest)])?.text(0)
            == object.key.text
    }

    /// `verifiedAt` is kept when it is `nil`.
    func addHolding(
        _ digest: Digest, _ byteCount: Int64, for account: AccountID, verifiedAt: Timestamp?,
        at time: Timestamp, _ transaction: any Transaction
    ) throws(KernelError) {
        let pinnedUntil = time.adding(seconds: Int64(Limits.pinHours) * 3_600)
        guard let found = try storedHolding(digest, of: account, transaction) else {
            let isReferenced = try isReferenced(digest, by: account, transaction)
            try transaction.changePipelined(
                """
                INSERT INTO holding
                    (account, digest, byteCount, state, heldAt, verifiedAt, pinnedUntil)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    SQLValue(account), SQLValue(digest), .integer(byteCount),
                    .integer(isReferenced ? 1 : 0), SQLValue(time), SQLValue(verifiedAt),
                    SQLValue(pinnedUntil),
                ])
            return
        }
        var state = found.state
        if state == .lost {
            state = try isReferenced(digest, by: account, transaction) ? .referenced : .staged
            try removeLost(digest, at: time, transaction)
        }
        try transaction.changePipelined(
            """
            UPDATE holding SET state = ?, pinnedUntil = ?, verifiedAt = COALESCE(?, verifiedAt)
            WHERE account = ? AND digest = ?
            """,
            [
                .integer(state.rawValue), SQLValue(max(pinnedUntil, found.pinnedUntil)),
                SQLValue(verifiedAt), SQLValue(account), SQLValue(digest),
            ])
    }

    // MARK: - Within the kernel

    /// The holding behind a reference.
    ///
    /// An account that can read a zone which refers to the bytes may refer to them too.
    func holding(
        _ digest: Digest, of account: AccountID, at time: Timestamp,
        _ transaction: any Transaction
    ) throws(KernelError) -> Holding? {
        if let found = try storedHolding(digest, of: account, transaction) { return found }
        guard try isReferenced(digest, by: account, transaction),
            let object = try transaction.first(
                "SELECT byteCount FROM object WHERE digest = ?", [SQLValue(digest)])
        else { return nil }
        try addHolding(
            digest, object.integer(0), for: account, verifiedAt: nil, at: time, transaction)
        return try storedHolding(digest, of: account, transaction)
    }

    func storedHolding(
        _ digest: Digest, of account: AccountID, _ transaction: any Transaction
    ) throws(KernelError) -> Holding? {
        try transaction.first(
            """
            SELECT byteCount, state, pinnedUntil FROM holding WHERE account = ? AND digest = ?
            """, [SQLValue(account), SQLValue(digest)]
        ).map { row in
            Holding(
                byteCount: row.integer(0), state: HoldingState(rawValue: row.integer(1)) ?? .lost,
                pinnedUntil: row.timestamp(2))
        }
    }

    /// Whether a record or retained revision of a zone that the account owns refers to it.
    func isReferenced(
        _ digest: Digest, by account: AccountID, _ transaction: any Transaction
    ) throws(KernelError) -> Bool {
        try transaction.first(
            """
            SELECT 1 FROM zone JOIN blobReference ON blobReference.zone = zone.id
            WHERE zone.owner = ? AND blobReference.digest = ? LIMIT 1
            """, [SQLValue(account), SQLValue(digest)]) != nil
    }

    func markPerhapsIdle(
        _ digest: Digest, of account: AccountID, _ transaction: any Transaction
    ) throws(KernelError) {
        try transaction.changePipelined(
            "UPDATE holding SET state = 2 WHERE account = ? AND digest = ? AND state = 1",
            [SQLValue(account), SQLValue(digest)])
    }

    func stagedByteCount(
        of account: AccountID, in transaction: any Transaction
    ) throws(KernelError) -> Int64 {
        let row = try transaction.first(
            """
            SELECT COALESCE(SUM(byteCount), 0) + (SELECT COALESCE(SUM(byteCount), 0) FROM upload
                WHERE account = ?)
            FROM holding WHERE account = ? AND state = 0
            """, [SQLValue(account), SQLValue(account)])
        return row?.integer(0) ?? 0
    }

    /// Writes only when half of the pin is over: asking often costs no write.
    private func extendPin(
        _ digest: Digest, _ found: Holding, of account: AccountID, at time: Timestamp,
        _ transaction: any Transaction
    ) throws(KernelError) {
        let seconds = Int64(Limits.pinHours) * 3_600
        guard found.pinnedUntil < time.adding(seconds: seconds / 2) else { return }
        try transaction.changePipelined(
            "UPDATE holding SET pinnedUntil = ? WHERE account = ? AND digest = ?",
            [SQLValue(time.adding(seconds: seconds)), SQLValue(account), SQLValue(digest)])
    }
}
