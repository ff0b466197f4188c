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

    /// When the snapshot of the one that is remembered was made; `nil`: there is none.
    ///
    /// Asked for every two seconds: it reads one row, however many zones there are.
    package static func madeAt(in transaction: any Transaction) throws(KernelError) -> Timestamp? {
        try transaction.first("SELECT madeAt FROM backup")?.timestamp(0)
    }

    func save(in transaction: any Transaction) throws(KernelError) {
        try transaction.change(
            """
            INSERT INTO backup ("only", madeAt, epoch) VALUES (1, ?, ?)
            ON CONFLICT ("only") DO UPDATE SET madeAt = excluded.madeAt, epoch = excluded.epoch
            """, [SQLValue(madeAt), .integer(epoch.rawValue)])
        try transaction.change("DELETE FROM backupZone")
        for (zone, head) in heads {
            try transaction.change(
                "INSERT INTO backupZone (zone, head) VALUES (?, ?)",
                [SQLValue(zone), .integer(head)])
        }
    }
}
