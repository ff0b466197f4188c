package import Records
package import Storage

/// How a change token stands to a zone.
enum TokenStanding: Hashable, Sendable {
    case current
    /// Of an earlier epoch, or not from this server at all: list again.
    case expired
    /// The server has lost what the token saw.
    case rolledBack
}

extension Zone {
    /// Whether a base can only come from a state that this server no longer has.
    func isRolledBack(provenBy base: Base) -> Bool {
        if base.epoch == epoch { return base.sequence > head }
        let leap = base.epoch.rawValue &- epoch.rawValue
        return base.epoch > epoch && leap <= Limits.epochLeapMax
    }
}

extension Kernel {
    /// Compares a token with the stamps of the zone's commits: good is one whose stamp is that of a
    /// commit which the zone still has, the one that it names or a later one.
    func standing(
        of token: ChangeToken, in zone: Zone, _ transaction: any Transaction
    ) throws(KernelError) -> TokenStanding {
        if zone.isRolledBack(provenBy: Base(epoch: token.epoch, sequence: token.sequence)) {
            return .rolledBack
        }
        guard token.epoch == zone.epoch else { return .expired }
        if token.stamp == zone.headStamp { return .current }
        let row = try transaction.first(
            """
            SELECT stamp FROM zoneCommit WHERE zone = ? AND sequence = ?
            ORDER BY epoch DESC LIMIT 1
            """, [SQLValue(zone.id), .integer(token.sequence)])
        guard let row else { return .expired }
        if row.bits(0) == token.stamp { return .current }
        // Of a page with more behind it: what was the head then is most often still near it.
        let seen = try transaction.first(
            """
            SELECT 1 FROM zoneCommit WHERE zone = ? AND sequence > ? AND stamp = ?
            ORDER BY sequence DESC LIMIT 1
            """,
            [SQLValue(zone.id), .integer(token.sequence), SQLValue(bits: token.stamp)])
        return seen == nil ? .rolledBack : .current
    }

    /// Begins a new epoch if the token still proves that the server was rolled back: another device
    /// may have proved it before.
    ///
    /// Returns whether it began one.
    @discardableResult
    package func beginEpoch(
        provenBy token: ChangeToken, zone id: ZoneID, at time: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) -> Bool {
        guard let zone = try zone(id, in: transaction),
            try standing(of: token, in: zone, transaction) == .rolledBack
        else { return false }
        try beginEpoch(above: token.epoch, at: time, in: transaction)
        return true
    }

    /// The same, proven by the base of a change.
    @discardableResult
    package func beginEpoch(
        provenBy base: Base, zone id: ZoneID, at time: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) -> Bool {
        guard let zone = try zone(id, in: transaction), zone.isRolledBack(provenBy: base) else {
            return false
        }
        try beginEpoch(above: base.epoch, at: time, in: transaction)
        return true
    }

    /// Raises the epoch of the server and of all its zones: a rollback takes them all.
    ///
    /// Heads and records keep their numbers, so that devices recognise ancestors of what they have.
    /// Also called after a restore on purpose.
    package func beginEpoch(
        above other: Epoch, at time: Timestamp, in transaction: any Transaction
    ) throws(KernelError) {
        let epoch = max(try serverState(in: transaction).epoch, other).rawValue + 1
        try transaction.change(
            "UPDATE server SET epoch = ?, newEpochAt = ?", [.integer(epoch), SQLValue(time)])
        try SummedTable.server.seal([1], in: transaction)
        let zones = try transaction.all("SELECT id, head FROM zone ORDER BY id")
        for row in zones {
            let stamp = SQLValue(bits: randomNumber())
            try transaction.change(
                "UPDATE zone SET epoch = ?, headStamp = ? WHERE id = ?",
                [.integer(epoch), stamp, row[0]])
            try transaction.change(
                """
                INSERT INTO zoneCommit (zone, sequence, epoch, stamp, committedAt)
                VALUES (?, ?, ?, ?, ?)
                """, [row[0], row[1], .integer(epoch), stamp, SQLValue(time)])
        }
    }
}
