package import Records
package import Storage

/// A record, or one of its retained revisions, that refers to a blob.
package struct ReferencePlace: Hashable, Sendable {
    package let key: RecordKey
    package let role: String
    package let isRetained: Bool
}

extension Kernel {
    /// A record in its latest state, which may be a tombstone; `nil` when there never was one.
    package func record(
        _ key: RecordKey, in zone: ZoneID, in transaction: any Transaction
    ) throws(KernelError) -> Record? {
        try row(key, in: zone, transaction)?.record
    }

    /// Records of one type that are not deleted, in the order of their ids from behind `id` on.
    ///
    /// Its cost grows with the zone: for zones that are small.
    package func records(
        ofType type: RecordType, in zone: ZoneID, after id: RecordID?, limit: Int,
        in transaction: any Transaction
    ) throws(KernelError) -> [Record] {
        let rows = try transaction.all(
            """
            SELECT \(RecordRow.columns) FROM record
            WHERE zone = ? AND id > ? AND type = ? AND fields IS NOT NULL ORDER BY id LIMIT ?
            """,
            [
                SQLValue(zone), .blob(id?.bytes ?? []), .text(type.rawValue), SQLValue(limit),
            ])
        return try rows.map { row throws(KernelError) in try RecordRow(row).record }
    }

    /// Where a zone refers to a blob, in any role, retained revisions included.
    package func places(
        referringTo digest: Digest, in zone: ZoneID, in transaction: any Transaction
    ) throws(KernelError) -> [ReferencePlace] {
        try transaction.all(
            """
            SELECT type, id, role, revision FROM blobReference WHERE zone = ? AND digest = ?
            ORDER BY id, type, role, revision
            """, [SQLValue(zone), SQLValue(digest)]
        ).map { row in
            ReferencePlace(
                key: RecordKey(type: RecordType(rawValue: row.text(0)), id: row.identifier(1)),
                role: row.text(2), isRetained: row.integer(3) > 0)
        }
    }

    func row(
        _ key: RecordKey, in zone: ZoneID, _ transaction: any Transaction
    ) throws(KernelError) -> RecordRow? {
        guard
            let row = try transaction.first(
                "SELECT \(RecordRow.columns) FROM record WHERE zone = ? AND id = ? AND type = ?",
                [SQLValue(zone), SQLValue(key.id), .text(key.type.rawValue)])
        else { return nil }
        return try RecordRow(row)
    }
}
