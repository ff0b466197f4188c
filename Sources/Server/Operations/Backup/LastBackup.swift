package import Kernel
package import Records
package import Storage

/// The last whole backup, as the server's database remembers it.
package struct LastBackup: Hashable, Sendable {
    /// When its database's snapshot was made.
    package let madeAt: Timestamp
    package let epoch: Epoch
    /// By zone, the head that is in it.
    package let heads: [ZoneID: Int64]

    package static func read(in transaction: any Transaction) throws(KernelError) -> LastBackup? {
        guard let row = try transaction.first("SELECT madeAt, epoch FROM backup") else {
            return nil
        }
        var heads: [ZoneID: Int64] = [:]
        for row in try transaction.all("SELECT zone, head FROM backupZone ORDER BY zone") {
            heads[row.identifier(0)] = row.integer(1)
        }
        return LastBackup(
            madeAt: row.timestamp(0), epoch: Epoch(rawValue: row.integer(1)), heads: heads)
    }

    func save(in transaction: any Transaction) throws(KernelError) {
        try transaction.change(
            """
            INSERT INTO backup (only, madeAt, epoch) VALUES (1, ?, ?)
            ON CONFLICT (only) DO UPDATE SET madeAt = excluded.madeAt, epoch = excluded.epoch
            """, [SQLValue(madeAt), .integer(epoch.rawValue)])
        try transaction.change("DELETE FROM backupZone")
        for (zone, head) in heads {
            try transaction.change(
                "INSERT INTO backupZone (zone, head) VALUES (?, ?)",
                [SQLValue(zone), .integer(head)])
        }
    }
}
