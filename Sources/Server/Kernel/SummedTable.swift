package import Storage

/// A table whose rows follow from no others: the sum of each lies in `rowSum`, and tells when what is
/// read is not what was written.
///
/// Whoever writes such a row seals it in the same transaction. A row without a sum is from before
/// there were any, until `RowSums.sealNew` has run once; from then on it is damaged.
package struct SummedTable: Hashable, Sendable {
    package let table: DamagedRow.Table
    /// The columns of its key; the one by which its accounts are found is the first.
    package let key: [String]
    /// What is summed behind the key: not what changes with every request or commit.
    package let columns: [String]
    /// SQL for the names that a row is known by, from its key's first column.
    let owners: String

    package init(_ table: DamagedRow.Table, key: [String], columns: [String], owners: String) {
        self.table = table
        self.key = key
        self.columns = columns
        self.owners = owners
    }

    /// The server's own row, without what its clock was last.
    package static let server = SummedTable(
        .server, key: ["\"only\""], columns: ["id", "epoch", "day"],
        owners: "SELECT 'itself' FROM server WHERE \"only\" = ?")

    /// What a pool may hold.
    package static let pool = SummedTable(
        .pool, key: ["id"], columns: ["quotaByteCount"],
        owners: "SELECT name FROM account WHERE pool = ? ORDER BY name")

    /// A zone's owner and keys: from these the ids of all its pictures are made.
    package static let zone = SummedTable(
        .zone, key: ["id"], columns: ["owner", "kind", "encryption", "idKey", "createdAt"],
        owners: """
            SELECT account.name FROM zone JOIN account ON account.id = zone.owner WHERE zone.id = ?
            """)

    /// Key and columns, as they are summed.
    package var summed: [String] { key + columns }
}

extension SummedTable {
    private var list: String { summed.joined(separator: ", ") }

    private func select(where condition: String) -> String {
        "SELECT \(list) FROM \(table.rawValue) WHERE \(condition)"
    }

    /// Keeps the sum of a row that was just written.
    package func seal(
        _ key: [SQLValue], in transaction: any Transaction
    ) throws(KernelError) {
        let condition = self.key.map { "\($0) = ?" }.joined(separator: " AND ")
        if let row = try transaction.first(select(where: condition), key) {
            try keep(row, in: transaction)
        }
    }

    /// Keeps the sums of all rows that hold a value in a column.
    package func seal(
        all column: String, _ value: SQLValue, in transaction: any Transaction
    ) throws(KernelError) {
        for row in try transaction.all(select(where: "\(column) = ?"), [value]) {
            try keep(row, in: transaction)
        }
    }

    /// Keeps the sums of rows that have none.
    package func sealNew(in transaction: any Transaction) throws(KernelError) {
        let sums = try sums(in: transaction)
        for row in try transaction.all("SELECT \(list) FROM \(table.rawValue)")
        where sums[keyBytes(row.values)] == nil {
            try keep(row, in: transaction)
        }
    }

    /// Removes rows with their sums; rows that go with them need it first.
    package func remove(
        where condition: String, _ values: [SQLValue], in transaction: any Transaction
    ) throws(KernelError) {
        let columns = key.joined(separator: ", ")
        let keys = try transaction.all(
            "SELECT \(columns) FROM \(table.rawValue) WHERE \(condition)", values)
        guard !keys.isEmpty else { return }
        try transaction.change("DELETE FROM \(table.rawValue) WHERE \(condition)", values)
        for key in keys { try forget(keyBytes(key.values), in: transaction) }
    }

    /// Forgets the sums of all rows that went with others, such as a plan with its pool.
    package func forgetGone(in transaction: any Transaction) throws(KernelError) {
        let columns = key.joined(separator: ", ")
        let rows = try transaction.all("SELECT \(columns) FROM \(table.rawValue)")
        let keys = Set(rows.map { keyBytes($0.values) })
        for key in try sums(in: transaction).keys where !keys.contains(key) {
            try forget(key, in: transaction)
        }
    }

    /// The rows whose sums are not theirs.
    ///
    /// Changes nothing.
    package func damaged(in transaction: any Transaction) throws(KernelError) -> [DamagedRow] {
        let sums = try sums(in: transaction)
        let isSealed = try RowSums.areSealed(in: transaction)
        var damaged: [DamagedRow] = []
        for row in try transaction.all(
            "SELECT \(list) FROM \(table.rawValue) ORDER BY \(key.joined(separator: ", "))")
        {
            let sum = sums[keyBytes(row.values)]
            let isSound = sum.map { $0 == RowChecksum.checksum(row.values) } ?? !isSealed
            if isSound { continue }
            let owners = try transaction.all(owners, [row[0]]).map { $0.text(0) }
            damaged.append(DamagedRow(table: table, owners: owners))
        }
        return damaged
    }

    private func keep(_ row: SQLRow, in transaction: any Transaction) throws(KernelError) {
        try transaction.change(
            """
            INSERT INTO rowSum (tableName, key, crc) VALUES (?, ?, ?)
            ON CONFLICT (tableName, key) DO UPDATE SET crc = excluded.crc
            """,
            [
                .text(table.rawValue), .blob(keyBytes(row.values)),
                RowChecksum.checksum(row.values),
            ])
    }

    private func forget(_ key: [UInt8], in transaction: any Transaction) throws(KernelError) {
        try transaction.change(
            "DELETE FROM rowSum WHERE tableName = ? AND key = ?",
            [.text(table.rawValue), .blob(key)])
    }

    private func sums(
        in transaction: any Transaction
    ) throws(KernelError) -> [[UInt8]: SQLValue] {
        let rows = try transaction.all(
            "SELECT key, crc FROM rowSum WHERE tableName = ?", [.text(table.rawValue)])
        return Dictionary(rows.map { ($0.blob(0), $0[1]) }) { first, _ in first }
    }

    /// What a sum is found by: the bytes of the key's values, one behind the other.
    package func keyBytes(_ values: [SQLValue]) -> [UInt8] {
        values.prefix(key.count).flatMap { value -> [UInt8] in
            switch value {
            case .blob(let bytes): bytes
            case .text(let text): Array(text.utf8)
            case .integer(let number): withUnsafeBytes(of: number.bigEndian) { Array($0) }
            case .real, .null: []
            }
        }
    }
}

/// The sums of all tables of a database together.
package enum RowSums {
    /// Whether every row has had its sum once.
    static func areSealed(in transaction: any Transaction) throws(KernelError) -> Bool {
        try transaction.first("SELECT 1 FROM rowSum WHERE tableName = ?", [.text(mark)]) != nil
    }

    /// Gives rows from before there were sums theirs, once: what loses its sum later is damaged.
    package static func sealNew(
        _ tables: [SummedTable], in transaction: any Transaction
    ) throws(KernelError) {
        guard try !areSealed(in: transaction) else { return }
        try sealMissing(tables, in: transaction)
    }

    /// The same in a database that was just made from rows that were proven.
    package static func sealMissing(
        _ tables: [SummedTable], in transaction: any Transaction
    ) throws(KernelError) {
        for table in tables { try table.sealNew(in: transaction) }
        try transaction.change(
            """
            INSERT INTO rowSum (tableName, key, crc) VALUES (?, ?, 0)
            ON CONFLICT (tableName, key) DO NOTHING
            """, [.text(mark), .blob([])])
    }

    /// The table's name in the row that says so: no table's.
    private static let mark = ""
}
