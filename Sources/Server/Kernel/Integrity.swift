package import Records
package import Storage

/// A row whose checksum does not fit its other columns.
package struct DamagedRow: Hashable, Sendable {
    package enum Table: String, Sendable {
        case record
        case retained
        case account
        // Their sums lie beside them, in `rowSum`.
        case server
        case pool
        case zone
        case credential
        case appPassword
        case device
        case deniedService
        case storagePlan
        case poolPlan
    }

    package let table: Table
    package let zone: ZoneID?
    /// The record's key; of an account `nil`.
    package let key: RecordKey?
    package let account: AccountID?
    /// The names that it is known by, such as its accounts'; of records and accounts empty.
    package let owners: [String]

    init(
        table: Table, zone: ZoneID? = nil, key: RecordKey? = nil, account: AccountID? = nil,
        owners: [String] = []
    ) {
        self.table = table
        self.zone = zone
        self.key = key
        self.account = account
        self.owners = owners
    }
}

/// How far an examination of rows has come.
package struct RowExamination: Hashable, Sendable {
    package let damaged: [DamagedRow]
    /// Where to go on; `nil` at the end.
    package let next: Int64?
}

extension Kernel {
    /// Compares the checksums of up to `limit` records of a zone, from behind the sequence `after`
    /// on (a whole commit is never parted).
    package func examineRecords(
        in zone: ZoneID, after: Int64, limit: Int, in transaction: any Transaction
    ) throws(KernelError) -> RowExamination {
        var damaged: [DamagedRow] = []
        var count = 0
        var last = after
        var isAtEnd = true
        try transaction.each(
            """
            SELECT \(RecordRow.columns) FROM record WHERE zone = ? AND sequence > ?
            ORDER BY sequence
            """, [SQLValue(zone), .integer(after)]
        ) { row in
            let sequence = row.integer(RecordRow.sequenceColumn)
            if count >= limit && sequence != last {
                isAtEnd = false
                return false
            }
            (count, last) = (count + 1, sequence)
            if !Self.isSound(row) {
                damaged.append(
                    DamagedRow(
                        table: .record, zone: zone,
                        key: RecordKey(
                            type: RecordType(rawValue: row.text(RecordRow.typeColumn)),
                            id: row.identifier(RecordRow.idColumn)), account: nil))
            }
            return true
        }
        return RowExamination(damaged: damaged, next: isAtEnd ? nil : last)
    }

    /// The same for retained revisions, by their numbers.
    package func examineRetained(
        in zone: ZoneID, after: Int64, limit: Int, in transaction: any Transaction
    ) throws(KernelError) -> RowExamination {
        let rows = try transaction.all(
            """
            SELECT \(Self.retainedColumns) FROM retained WHERE zone = ? AND number > ?
            ORDER BY number LIMIT ?
            """, [SQLValue(zone), .integer(after), SQLValue(limit)])
        let damaged = rows.filter { !Self.isSound($0) }.map { row in
            DamagedRow(
                table: .retained, zone: zone,
                key: RecordKey(type: RecordType(rawValue: row.text(2)), id: row.identifier(3)),
                account: nil)
        }
        return RowExamination(
            damaged: damaged, next: rows.count == limit ? rows.last?.integer(1) : nil)
    }

    package func examineAccounts(
        in transaction: any Transaction
    ) throws(KernelError) -> [DamagedRow] {
        try transaction.all("SELECT \(Self.accountColumns) FROM account ORDER BY id")
            .filter { !Self.isSound($0) }
            .map { row in
                DamagedRow(table: .account, zone: nil, key: nil, account: row.identifier(0))
            }
    }

    /// A row's last column is the checksum of the others.
    private static func isSound(_ row: SQLRow) -> Bool {
        row.values.last == RowChecksum.checksum(row.values.dropLast())
    }

    // MARK: - Projections

    /// Writes a zone's projections anew from its records.
    package func rebuildProjections(
        of zone: Zone, in transaction: any Transaction
    ) throws(KernelError) {
        guard let schema = schema(for: zone) else { return }
        for table in schema.projectionTables.reversed() {
            try transaction.change("DELETE FROM \(table) WHERE zone = ?", [SQLValue(zone.id)])
        }
        // In two steps: a cursor must not run over what its loop changes.
        var after: Int64 = 0
        while true {
            let rows = try transaction.all(
                """
                SELECT \(RecordRow.columns) FROM record WHERE zone = ? AND sequence > ?
                    AND sequence <= ? ORDER BY sequence
                """,
                [
                    SQLValue(zone.id), .integer(after),
                    .integer(try lastSequence(after: after, in: zone, transaction)),
                ])
            guard let last = rows.last else { return }
            for row in rows {
                let record = try RecordRow(row).record
                try schema.project(nil, record, zone: zone, in: transaction)
            }
            after = last.integer(RecordRow.sequenceColumn)
        }
    }

    /// The last sequence of the next thousand records or so.
    private func lastSequence(
        after: Int64, in zone: Zone, _ transaction: any Transaction
    ) throws(KernelError) -> Int64 {
        let rows = try transaction.all(
            """
            SELECT sequence FROM record WHERE zone = ? AND sequence > ? ORDER BY sequence LIMIT ?
            """, [SQLValue(zone.id), .integer(after), SQLValue(Limits.rowsPerCollectionMax)])
        return rows.last?.integer(0) ?? zone.head
    }

    /// The projection tables of a zone that differ from what its records give.
    ///
    /// Changes nothing.
    package func wrongProjections(
        of zone: Zone, in transaction: any Transaction
    ) throws(KernelError) -> [String] {
        guard let schema = schema(for: zone) else { return [] }
        struct Undo: Error {}
        var wrong: [String] = []
        do {
            try transaction.savepoint {
                let before = try digests(of: schema.projectionTables, zone, transaction)
                try rebuildProjections(of: zone, in: transaction)
                let after = try digests(of: schema.projectionTables, zone, transaction)
                wrong = zip(schema.projectionTables, zip(before, after))
                    .filter { $1.0 != $1.1 }.map(\.0)
                throw Undo()
            }
        } catch {
            guard error is Undo else { throw KernelError(wrapping: error) }
        }
        return wrong
    }

    /// Of all rows of the zone, whatever their order.
    private func digests(
        of tables: [String], _ zone: Zone, _ transaction: any Transaction
    ) throws(KernelError) -> [UInt64] {
        var sums: [UInt64] = []
        for table in tables {
            var sum: UInt64 = 0
            try transaction.each(
                "SELECT * FROM \(table) WHERE zone = ?", [SQLValue(zone.id)]
            ) { row in
                // A sum does not depend on the order; two checksums make a collision unlikely.
                let forward = UInt64(bitPattern: Self.number(RowChecksum.checksum(row.values)))
                let backward = UInt64(
                    bitPattern: Self.number(RowChecksum.checksum(row.values.reversed())))
                sum &+= forward << 32 | backward
                return true
            }
            sums.append(sum)
        }
        return sums
    }

    private static func number(_ value: SQLValue) -> Int64 {
        if case .integer(let number) = value { number } else { 0 }
    }
}
