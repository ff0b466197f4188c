package import Records
package import Storage

extension Kernel {
    private static let zoneColumns = "id, owner, kind, encryption, idKey, epoch, head, headStamp"

    /// The zones that the account can read, in the order of their kinds and ids.
    package func zones(
        of account: AccountID, in transaction: any Transaction
    ) throws(KernelError) -> [Zone] {
        try transaction.all(
            "SELECT \(Self.zoneColumns) FROM zone WHERE owner = ? ORDER BY kind, id",
            [SQLValue(account)]
        ).map(Self.zone)
    }

    /// Throws `zoneNotFound` for a zone that the account cannot read, as for one that is not.
    package func zone(
        _ id: ZoneID, for account: AccountID, in transaction: any Transaction
    ) throws(KernelError) -> Zone {
        guard let zone = try zone(id, in: transaction), zone.owner == account else {
            throw KernelError(.zoneNotFound, "There is no such zone: list the zones again.")
        }
        return zone
    }

    /// For the server's own work; whoever it does it for has been let in elsewhere.
    package func zone(
        _ id: ZoneID, in transaction: any Transaction
    ) throws(KernelError) -> Zone? {
        try transaction.first(
            "SELECT \(Self.zoneColumns) FROM zone WHERE id = ?", [SQLValue(id)]
        ).map(Self.zone)
    }

    /// Makes a zone.
    ///
    /// The same id again is the same zone (P8); if it was made otherwise, throws `conflict`.
    @discardableResult
    package func createZone(
        _ id: ZoneID, kind: String, owner: AccountID, at time: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) -> Zone {
        if let found = try zone(id, in: transaction) {
            guard found.owner == owner, found.kind == kind else {
                throw KernelError(.conflict, "The zone id is in use: make another.")
            }
            return found
        }
        try checkNewZone(kind: kind, owner: owner, in: transaction)
        let state = try serverState(in: transaction)
        let zone = Zone(
            id: id, owner: owner, kind: kind, encryption: .none,
            idKey: (0..<4).flatMap { _ in Hexadecimal.bytes(of: randomNumber()) },
            epoch: state.epoch, head: 0, headStamp: randomNumber())
        try transaction.change(
            """
            INSERT INTO zone (\(Self.zoneColumns), retainedCount, createdAt)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?)
            """,
            [
                SQLValue(id), SQLValue(owner), .text(kind), .integer(zone.encryption.rawValue),
                .blob(zone.idKey), .integer(zone.epoch.rawValue), 0, SQLValue(bits: zone.headStamp),
                SQLValue(time),
            ])
        try SummedTable.zone.seal([SQLValue(id)], in: transaction)
        try rememberCommit(of: zone, at: time, in: transaction)
        return zone
    }

    private func checkNewZone(
        kind: String, owner: AccountID, in transaction: any Transaction
    ) throws(KernelError) {
        guard (1...Limits.zoneKindByteCountMax).contains(kind.utf8.count),
            kind.utf8.allSatisfy(Self.isKindCharacter)
        else {
            throw KernelError(
                .invalidName,
                """
                The kind of a zone has 1 to \(Limits.zoneKindByteCountMax) of the characters a-z, \
                0-9, colon, point, hyphen and underscore.
                """)
        }
        let count = try transaction.first(
            "SELECT COUNT(*) FROM zone WHERE owner = ?", [SQLValue(owner)])
        guard (count?.int(0) ?? 0) < Limits.zonesPerAccountMax else {
            throw KernelError(
                .notAllowed, "An account has at most \(Limits.zonesPerAccountMax) zones.")
        }
        _ = try requireAccount(owner, in: transaction)
    }

    private static func isKindCharacter(_ character: UInt8) -> Bool {
        switch character {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: ":"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// Keeps the stamp of the zone's head, by which change tokens are checked.
    func rememberCommit(
        of zone: Zone, at time: Timestamp, in transaction: any Transaction
    ) throws(KernelError) {
        try transaction.changePipelined(
            """
            INSERT INTO zoneCommit (zone, sequence, epoch, stamp, committedAt)
            VALUES (?, ?, ?, ?, ?)
            """,
            [
                SQLValue(zone.id), .integer(zone.head), .integer(zone.epoch.rawValue),
                SQLValue(bits: zone.headStamp), SQLValue(time),
            ])
    }

    private static func zone(_ row: SQLRow) -> Zone {
        Zone(
            id: row.identifier(0), owner: row.identifier(1), kind: row.text(2),
            encryption: Zone.Encryption(rawValue: row.integer(3)) ?? .members, idKey: row.blob(4),
            epoch: Epoch(rawValue: row.integer(5)), head: row.integer(6), headStamp: row.bits(7))
    }
}
