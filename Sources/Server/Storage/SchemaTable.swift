import Records

/// One table that migrations make, as both databases have it.
package struct SchemaTable: Hashable, Sendable {
    package let name: String
    package let columns: [String]
    /// The columns of its primary key, in order; rows are listed by it.
    package let key: [String]

    package init(name: String, columns: [String], key: [String]) {
        self.name = name
        self.columns = columns
        self.key = key
    }

    /// The same without some columns, none of the key.
    package func without(_ names: [String]) -> SchemaTable {
        SchemaTable(
            name: name, columns: columns.filter { !names.contains($0) || key.contains($0) },
            key: key)
    }

    /// All tables but the list of steps; those that others refer to stand before them.
    ///
    /// Asks an empty database in memory. Blocks.
    package static func all(of migrations: [Migration]) throws -> [SchemaTable] {
        try SQLiteScratch.run(migrations: migrations) { transaction in
            var rest = try transaction.rows(
                """
                SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'migration'
                    AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY rowid
                """
            ).map { $0.text(0) }
            var sorted: [SchemaTable] = []
            while !rest.isEmpty {
                let known = Set(sorted.map(\.name))
                let next = try rest.firstIndex { name in
                    try transaction.rows(
                        "SELECT \"table\" FROM pragma_foreign_key_list(?)", [.text(name)]
                    ).allSatisfy { known.contains($0.text(0)) || $0.text(0) == name }
                }
                guard let next else {
                    throw StorageError(.failed, "Tables refer to each other: \(rest).")
                }
                sorted.append(try read(rest.remove(at: next), in: transaction))
            }
            return sorted
        }
    }

    private static func read(
        _ name: String, in transaction: any Transaction
    ) throws(StorageError) -> SchemaTable {
        let rows = try transaction.rows(
            "SELECT name, pk FROM pragma_table_info(?) ORDER BY cid", [.text(name)])
        let key = rows.filter { $0.int(1) > 0 }.sorted { $0.int(1) < $1.int(1) }
        guard !key.isEmpty else {
            throw StorageError(.failed, "The table \(name) has no key to list its rows by.")
        }
        return SchemaTable(
            name: name, columns: rows.map { $0.text(0) }, key: key.map { $0.text(0) })
    }
}

// Its rows, a page at a time, in the order of the key: which is the same in both databases.
extension SchemaTable {
    /// Rows from behind the key `after` on: at most `Limits.tablePageRowsMax`, and none more once
    /// they have `Limits.tablePageByteCountMax`.
    package func page(
        after key: [SQLValue]?, in transaction: any Transaction
    ) throws -> [SQLRow] {
        var rows: [SQLRow] = []
        var byteCount = 0
        try transaction.forEachRow(
            """
            SELECT \(Self.list(columns)) FROM \(name)\(key == nil ? "" : " WHERE \(isBehind)")
            ORDER BY \(Self.list(self.key)) LIMIT \(Limits.tablePageRowsMax)
            """, key ?? []
        ) { row in
            rows.append(row)
            byteCount += row.byteCount
            return byteCount < Limits.tablePageByteCountMax
        }
        return rows
    }

    /// Every row, in the order of the key.
    package func forEachRow(
        in transaction: any Transaction, _ body: (SQLRow) throws -> Bool
    ) throws {
        try transaction.forEachRow(
            "SELECT \(Self.list(columns)) FROM \(name) ORDER BY \(Self.list(key))", [], body)
    }

    /// The key of a row with this table's columns.
    package func key(of row: SQLRow) -> [SQLValue] {
        key.compactMap { name in columns.firstIndex(of: name).map { row[$0] } }
    }

    /// The last row's key; `nil` of an empty table.
    package func lastKey(in transaction: any Transaction) throws(StorageError) -> [SQLValue]? {
        try transaction.firstRow(
            """
            SELECT \(Self.list(key)) FROM \(name)
            ORDER BY \(key.map { Self.quoted($0) + " DESC" }.joined(separator: ", ")) LIMIT 1
            """)?.values
    }

    package func insert(
        _ rows: [SQLRow], in transaction: any Transaction
    ) throws(StorageError) {
        let perStatement = Limits.rowsPerInsert
        var rest = rows[...]
        while rest.count >= perStatement {
            try transaction.execute(
                insertion(of: perStatement), rest.prefix(perStatement).flatMap(\.values))
            rest = rest.dropFirst(perStatement)
        }
        for row in rest { try transaction.execute(insertion(of: 1), row.values) }
    }

    package func removeAll(in transaction: any Transaction) throws(StorageError) {
        try transaction.execute("DELETE FROM \(name)")
    }

    private var isBehind: String {
        let marks = Array(repeating: "?", count: key.count).joined(separator: ", ")
        return key.count == 1
            ? "\(Self.list(key)) > ?" : "(\(Self.list(key))) > (\(marks))"
    }

    private func insertion(of count: Int) -> String {
        let marks = Array(repeating: "?", count: columns.count).joined(separator: ", ")
        let rows = Array(repeating: "(\(marks))", count: count).joined(separator: ", ")
        return "INSERT INTO \(name) (\(Self.list(columns))) VALUES \(rows)"
    }

    private static func list(_ columns: [String]) -> String {
        columns.map(quoted).joined(separator: ", ")
    }

    /// PostgreSQL folds all names to small letters, so only a word that it reserves is quoted.
    private static func quoted(_ column: String) -> String {
        column == "only" ? "\"only\"" : column
    }
}

extension SQLRow {
    /// About what it takes.
    var byteCount: Int {
        values.reduce(0) { sum, value in
            switch value {
            case .null, .integer, .real: sum + 16
            case .text(let text): sum + 16 + text.utf8.count
            case .blob(let bytes): sum + 16 + bytes.count
            }
        }
    }
}

extension Limits {
    // Copies of whole tables
    package static let tablePageRowsMax = 1_000
    package static let tablePageByteCountMax = 4 << 20
    /// A statement with many rows saves the way to a database server and back for each.
    static let rowsPerInsert = 16
}
