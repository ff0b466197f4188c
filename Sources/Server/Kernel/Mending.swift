package import Records
package import Storage

// A database that was made anew from the rows of a damaged one that were proven: what follows from
// them is made here.
extension Kernel {
    /// Writes a zone's references from its records, and brings its numbers and commits in line.
    ///
    /// Of retained revisions those references are kept that they have; unless `areWhole`, they get
    /// one for each blob that the record itself does not refer to now. Rather too many than too few:
    /// bytes that something refers to are not collected.
    package func mendZone(
        _ id: ZoneID, areReferencesWhole areWhole: Bool, in transaction: any Transaction
    ) throws(KernelError) {
        guard let zone = try zone(id, in: transaction) else { return }
        try mendNumbers(of: zone, transaction)
        try transaction.change(
            "DELETE FROM blobReference WHERE zone = ? AND revision = 0", [SQLValue(id)])
        var after: Int64 = 0
        while true {
            var rows = try transaction.all(
                """
                SELECT sequence, type, id, blobs FROM record WHERE zone = ? AND sequence > ?
                ORDER BY sequence LIMIT ?
                """, [SQLValue(id), .integer(after), SQLValue(Limits.mendedRowsPerStepMax)])
            guard let last = rows.last?.integer(0) else { break }
            // No commit is parted: the next step begins behind a sequence.
            if rows.count == Limits.mendedRowsPerStepMax, rows[0].integer(0) < last {
                rows.removeAll { $0.integer(0) == last }
            }
            for row in rows {
                try refer(row[1], row[2], row.text(3), revision: 0, zone: id, transaction)
            }
            after = rows.last?.integer(0) ?? last
        }
        try mendRetainedReferences(of: id, areWhole, transaction)
        guard let mended = try self.zone(id, in: transaction) else { return }
        try rebuildProjections(of: mended, in: transaction)
    }

    private func refer(
        _ type: SQLValue, _ id: SQLValue, _ blobs: String, revision: Int64, zone: ZoneID,
        _ transaction: any Transaction
    ) throws(KernelError) {
        let found: [String: BlobReference]
        do { found = try BlobText.decode(blobs) } catch { throw KernelError(wrapping: error) }
        for (role, blob) in found {
            try transaction.change(
                """
                INSERT INTO blobReference (zone, digest, id, type, role, revision, byteCount)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (zone, digest, id, type, role, revision) DO NOTHING
                """,
                [
                    SQLValue(zone), SQLValue(blob.digest), id, type, .text(role),
                    .integer(revision), .integer(blob.byteCount),
                ])
        }
    }

    private func mendRetainedReferences(
        of zone: ZoneID, _ areWhole: Bool, _ transaction: any Transaction
    ) throws(KernelError) {
        let retained = try transaction.all(
            "SELECT number, type, id, blobs FROM retained WHERE zone = ?", [SQLValue(zone)])
        var known: Set<[SQLValue]> = []
        for row in retained {
            for (role, blob) in (try? BlobText.decode(row.text(3))) ?? [:] {
                known.insert([
                    row[0], row[1], row[2], .text(role), SQLValue(blob.digest),
                    .integer(blob.byteCount),
                ])
            }
        }
        let references = try transaction.all(
            """
            SELECT revision, type, id, role, digest, byteCount FROM blobReference
            WHERE zone = ? AND revision <> 0
            """, [SQLValue(zone)])
        let strays = references.filter { !known.contains($0.values) }
        for stray in strays {
            try transaction.change(
                """
                DELETE FROM blobReference WHERE zone = ? AND revision = ? AND type = ? AND id = ?
                    AND role = ? AND digest = ?
                """, [SQLValue(zone)] + stray.values.prefix(5))
        }
        guard !areWhole || !strays.isEmpty else { return }
        for row in retained {
            try refer(
                row[1], row[2], row.text(3), revision: row.integer(0), zone: zone, transaction)
        }
        try transaction.change(
            """
            DELETE FROM blobReference WHERE zone = ? AND revision <> 0 AND EXISTS
                (SELECT 1 FROM blobReference AS now WHERE now.zone = blobReference.zone
                    AND now.digest = blobReference.digest AND now.id = blobReference.id
                    AND now.type = blobReference.type AND now.role = blobReference.role
                    AND now.revision = 0)
            """, [SQLValue(zone)])
    }

    private func mendNumbers(
        of zone: Zone, _ transaction: any Transaction
    ) throws(KernelError) {
        let id = SQLValue(zone.id)
        func greatest(_ sql: String) throws(KernelError) -> Int64 {
            try transaction.first(sql, [id])?.optionalInteger(0) ?? 0
        }
        let records = try greatest("SELECT MAX(sequence) FROM record WHERE zone = ?")
        let numbers = try greatest("SELECT MAX(number) FROM retained WHERE zone = ?")
        let isCommit = try transaction.first(
            "SELECT 1 FROM zoneCommit WHERE zone = ? AND sequence = ? LIMIT 1",
            [id, .integer(zone.head)])
        var head = zone.head
        if isCommit == nil || head < records {
            head = max(
                records, try greatest("SELECT MAX(sequence) FROM zoneCommit WHERE zone = ?"))
        }
        try transaction.change(
            "DELETE FROM zoneCommit WHERE zone = ? AND (sequence < 0 OR sequence > ?)",
            [id, .integer(head)])
        try transaction.change(
            """
            UPDATE zone SET head = ?,
                retainedCount = CASE WHEN retainedCount < ? THEN ? ELSE retainedCount END
            WHERE id = ?
            """, [.integer(head), .integer(numbers), .integer(numbers), id])
    }

    /// Brings what accounts hold in line with references and objects, once both are right.
    ///
    /// - Bytes that something refers to and that are not there count as lost: devices are asked.
    /// - What was referred to and is no more is kept until `keepUntil`: a row that is lost may have.
    package func mendHoldings(
        at time: Timestamp, keepUntil: Timestamp, in transaction: any Transaction
    ) throws(KernelError) {
        try transaction.change(
            "DELETE FROM blobReference WHERE zone NOT IN (SELECT id FROM zone)")
        let isThere = """
            EXISTS (SELECT 1 FROM object WHERE object.digest = blobReference.digest
                AND object.byteCount = blobReference.byteCount)
            """
        try transaction.change(
            """
            INSERT INTO holding (account, digest, byteCount, state, heldAt, pinnedUntil)
            SELECT DISTINCT zone.owner, blobReference.digest, blobReference.byteCount,
                CASE WHEN \(isThere) THEN 1 ELSE 3 END, CAST(? AS BIGINT), CAST(? AS BIGINT)
            FROM blobReference JOIN zone ON zone.id = blobReference.zone
            WHERE true
            ON CONFLICT (account, digest) DO UPDATE SET byteCount = excluded.byteCount
            """, [SQLValue(time), SQLValue(keepUntil)])
        let hasObject = """
            EXISTS (SELECT 1 FROM object WHERE object.digest = holding.digest
                AND object.byteCount = holding.byteCount)
            """
        let isReferenced = """
            EXISTS (SELECT 1 FROM zone JOIN blobReference ON blobReference.zone = zone.id
                WHERE zone.owner = holding.account AND blobReference.digest = holding.digest)
            """
        try transaction.change(
            """
            UPDATE holding SET byteCount = (SELECT byteCount FROM object
                WHERE object.digest = holding.digest)
            WHERE NOT \(isReferenced)
                AND EXISTS (SELECT 1 FROM object WHERE object.digest = holding.digest)
            """)
        try transaction.change("DELETE FROM holding WHERE NOT \(hasObject) AND NOT \(isReferenced)")
        try transaction.change(
            "UPDATE holding SET state = 3, verifiedAt = NULL WHERE NOT \(hasObject)")
        try transaction.change(
            """
            UPDATE holding SET state = 2,
                pinnedUntil = CASE WHEN pinnedUntil < ? THEN ? ELSE pinnedUntil END
            WHERE state NOT IN (0, 2, 3) AND NOT \(isReferenced)
            """, [SQLValue(keepUntil), SQLValue(keepUntil)])
        try transaction.change(
            "UPDATE holding SET state = 1 WHERE \(isReferenced) AND \(hasObject)")
    }
}

extension Limits {
    /// More than a commit has records.
    static let mendedRowsPerStepMax = 5_000
}
