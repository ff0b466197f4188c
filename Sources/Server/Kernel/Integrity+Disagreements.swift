import Records
package import Storage

/// Rows that do not follow from others, as they should.
package struct Disagreement: Hashable, Sendable {
    /// Of the rows that are looked at.
    package let table: String
    /// What is wrong with them, for people: `references without a record`.
    package let what: String
    package let count: Int
}

// Rows that carry no checksum are compared with those that they follow from.
extension Kernel {
    /// The references and numbers of a zone, against its records and retained revisions.
    ///
    /// A reference of the latest state is compared both ways. Changes nothing.
    package func disagreements(
        in zone: Zone, in transaction: any Transaction
    ) throws(KernelError) -> [Disagreement] {
        var open: Set<Int> = []
        try transaction.each(
            "SELECT type, id, blobs FROM record WHERE zone = ? AND blobs <> '{}'",
            [SQLValue(zone.id)]
        ) { row in
            // One that cannot be read is found by its checksum.
            guard let blobs = try? BlobText.decode(row.text(2)) else { return true }
            for (role, blob) in blobs {
                open.formSymmetricDifference([
                    Self.mark([
                        row[0], row[1], .text(role), SQLValue(blob.digest),
                        .integer(blob.byteCount),
                    ])
                ])
            }
            return true
        }
        try transaction.each(
            """
            SELECT type, id, role, digest, byteCount FROM blobReference
            WHERE zone = ? AND revision = 0
            """, [SQLValue(zone.id)]
        ) { row in
            open.formSymmetricDifference([Self.mark(row.values)])
            return true
        }
        return Self.found([
            ("blobReference", "not those of the records", open.count),
            (
                "blobReference", "of revisions that don't have them",
                try strayReferences(in: zone, transaction)
            ),
        ]) + (try wrongNumbers(of: zone, transaction))
    }

    private func strayReferences(
        in zone: Zone, _ transaction: any Transaction
    ) throws(KernelError) -> Int {
        var known: Set<Int> = []
        try transaction.each(
            "SELECT number, type, id, blobs FROM retained WHERE zone = ?", [SQLValue(zone.id)]
        ) { row in
            guard let blobs = try? BlobText.decode(row.text(3)) else { return true }
            for (role, blob) in blobs {
                known.insert(
                    Self.mark([
                        row[0], row[1], row[2], .text(role), SQLValue(blob.digest),
                        .integer(blob.byteCount),
                    ]))
            }
            return true
        }
        var count = 0
        try transaction.each(
            """
            SELECT revision, type, id, role, digest, byteCount FROM blobReference
            WHERE zone = ? AND revision <> 0
            """, [SQLValue(zone.id)]
        ) { row in
            if !known.contains(Self.mark(row.values)) { count += 1 }
            return true
        }
        return count
    }

    /// A row's mark in this process, wherever it is made from.
    private static func mark(_ values: [SQLValue]) -> Int { values.hashValue }

    private static func found(_ rows: [(String, String, Int)]) -> [Disagreement] {
        rows.filter { $0.2 > 0 }.map { Disagreement(table: $0.0, what: $0.1, count: $0.2) }
    }

    private func wrongNumbers(
        of zone: Zone, _ transaction: any Transaction
    ) throws(KernelError) -> [Disagreement] {
        let ahead = try count(
            "SELECT COUNT(*) FROM record WHERE zone = ? AND (sequence < 1 OR sequence > ?)",
            [SQLValue(zone.id), .integer(zone.head)], transaction)
        let commits = try count(
            "SELECT COUNT(*) FROM zoneCommit WHERE zone = ? AND (sequence < 0 OR sequence > ?)",
            [SQLValue(zone.id), .integer(zone.head)], transaction)
        let latest = try count(
            """
            SELECT COUNT(*) FROM zoneCommit
            WHERE zone = ? AND sequence = ? AND epoch = ? AND stamp = ?
            """,
            [
                SQLValue(zone.id), .integer(zone.head), .integer(zone.epoch.rawValue),
                SQLValue(bits: zone.headStamp),
            ], transaction)
        let numbers = try count(
            """
            SELECT COUNT(*) FROM retained
            WHERE zone = ? AND (number < 1
                OR number > (SELECT retainedCount FROM zone WHERE id = ?))
            """, [SQLValue(zone.id), SQLValue(zone.id)], transaction)
        let epochs = try count(
            "SELECT COUNT(*) FROM server WHERE epoch <> ?", [.integer(zone.epoch.rawValue)],
            transaction)
        return Self.found([
            ("zone", "of another epoch than the server", epochs),
            ("record", "of commits that are still to come", ahead),
            ("zoneCommit", "of commits that are still to come", commits),
            ("zone", "without their latest commit", latest == 0 ? 1 : 0),
            ("retained", "with numbers that are still to come", numbers),
        ])
    }

    private func count(
        _ sql: String, _ arguments: [SQLValue] = [], _ transaction: any Transaction
    ) throws(KernelError) -> Int {
        try transaction.first(sql, arguments)?.int(0) ?? 0
    }

    // MARK: - Holdings

    /// What accounts hold, against references and objects.
    ///
    /// Changes nothing.
    package func disagreeingHoldings(
        in transaction: any Transaction
    ) throws(KernelError) -> [Disagreement] {
        let unheld = try count(
            """
            SELECT COUNT(*) FROM blobReference JOIN zone ON zone.id = blobReference.zone
            WHERE NOT EXISTS (SELECT 1 FROM holding
                WHERE holding.account = zone.owner AND holding.digest = blobReference.digest
                    AND holding.byteCount = blobReference.byteCount)
            """, [], transaction)
        let bare = try count(
            """
            SELECT COUNT(*) FROM holding WHERE state <> 3 AND NOT EXISTS (SELECT 1 FROM object
                WHERE object.digest = holding.digest AND object.byteCount = holding.byteCount)
            """, [], transaction)
        let unknown = try count(
            "SELECT COUNT(*) FROM holding WHERE state NOT IN (0, 1, 2, 3) OR byteCount < 0", [],
            transaction)
        return Self.found([
            ("blobReference", "to bytes that the account does not hold", unheld),
            ("holding", "without an object of their size", bare),
            ("holding", "in a state that there is not", unknown),
        ])
    }
}
