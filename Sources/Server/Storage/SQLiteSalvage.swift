import GRDBSQLite
import Records

/// Reads what can still be read of a database's file that is damaged or cut off; changes nothing.
///
/// Belongs to one caller; blocks.
package final class SQLiteSalvage {
    private let connection: OpaquePointer

    /// Throws where not even the beginning of the file is a database's.
    package init(path: String) throws(StorageError) {
        var opened: OpaquePointer?
        let result = sqlite3_open_v2(path, &opened, SQLITE_OPEN_READONLY, nil)
        guard result == SQLITE_OK, let opened else {
            sqlite3_close(opened)
            throw StorageError(.cannotOpen, "The database \(path) cannot be opened.")
        }
        connection = opened
        sqlite3_busy_timeout(opened, Int32(Limits.databaseBusySeconds) * 1_000)
        // So that a file is read which is shorter than it says, or has a table that makes no sense.
        for pragma in ["trusted_schema = OFF", "cell_size_check = ON", "writable_schema = ON"] {
            sqlite3_exec(opened, "PRAGMA \(pragma)", nil, nil, nil)
        }
    }

    deinit { sqlite3_close(connection) }

    /// The names of the steps of the schema that it has taken; `nil` when they cannot be read.
    package func steps() -> [String]? {
        let cursor = Cursor(
            connection, SchemaTable(name: "migration", columns: ["name"], key: ["position"]))
        var names: [String] = []
        while let row = cursor.next() {
            guard case .text(let name)? = row.first?.value else { return nil }
            names.append(name)
        }
        return cursor.isWhole ? names : nil
    }

    /// A number that SQL gives; `nil` when it cannot be read.
    package func number(_ sql: String) -> Int64? {
        guard let statement = SalvageStatement(connection, sql), statement.step() == .row,
            case .integer(let number)? = statement.values().first
        else { return nil }
        return number
    }

    /// The rows of a table, one at a time.
    package func rows(of table: SchemaTable) -> Cursor { Cursor(connection, table) }

    /// Reads a table from both ends, and between them, where its rows have numbers, row by row.
    package final class Cursor {
        private enum Phase {
            case forward(SalvageStatement)
            case backward(SalvageStatement)
            case between(SalvageStatement, Int64)
            case ended
        }

        private let connection: OpaquePointer
        private let table: SchemaTable
        private let hasNumbers: Bool
        private var phase = Phase.ended
        /// The last row from the front, and the last from the back.
        private var front: [StoredValue]?
        private var back: [StoredValue]?
        /// Whether nothing was in the way.
        package private(set) var isWhole = false

        init(_ connection: OpaquePointer, _ table: SchemaTable) {
            self.connection = connection
            self.table = table
            hasNumbers = SalvageStatement(connection, "SELECT rowid FROM \(table.name)") != nil
            phase = select(orderedBy: "").map(Phase.forward) ?? .ended
        }

        /// The next row that can be read; `nil` at the end.
        package func next() -> [StoredValue]? {
            while true {
                switch phase {
                case .forward(let statement):
                    switch statement.step() {
                    case .row:
                        front = statement.values()
                        return front.map(columns)
                    case .end:
                        isWhole = true
                        phase = .ended
                    case .failed: phase = select(orderedBy: " DESC").map(Phase.backward) ?? .ended
                    }
                case .backward(let statement):
                    guard statement.step() == .row else {
                        phase = middle()
                        continue
                    }
                    let row = statement.values()
                    guard isBehindFront(row) else {
                        phase = .ended
                        continue
                    }
                    back = row
                    return columns(row)
                case .between(let statement, let number):
                    guard let end = back.flatMap(Self.number), number < end else {
                        phase = .ended
                        continue
                    }
                    phase = .between(statement, number + 1)
                    if let row = statement.row(numbered: number) { return columns(row) }
                case .ended: return nil
                }
            }
        }

        private func select(orderedBy direction: String) -> SalvageStatement? {
            let key = hasNumbers ? ["rowid"] : table.key.map { "\"\($0)\"" }
            let order = key.map { $0 + direction }.joined(separator: ", ")
            return SalvageStatement(connection, "\(selection) ORDER BY \(order)")
        }

        private var selection: String {
            let columns = table.columns.map { "\"\($0)\"" }.joined(separator: ", ")
            // From the table itself: an index may be what is damaged.
            return "SELECT \(hasNumbers ? "rowid, " : "")\(columns) FROM \(table.name)"
                + (hasNumbers ? " NOT INDEXED" : "")
        }

        private func columns(_ row: [StoredValue]) -> [StoredValue] {
            hasNumbers ? Array(row.dropFirst()) : row
        }

        private static func number(_ row: [StoredValue]) -> Int64? {
            if case .integer(let number)? = row.first { number } else { nil }
        }

        private func isBehindFront(_ row: [StoredValue]) -> Bool {
            guard let front else { return true }
            guard hasNumbers else { return row != front }
            return (Self.number(row) ?? 0) > (Self.number(front) ?? 0)
        }

        /// What lies between the two ends, where it can be asked for.
        private func middle() -> Phase {
            guard hasNumbers, let end = back.flatMap(Self.number) else { return .ended }
            let begin = front.flatMap(Self.number) ?? 0
            guard end - begin <= Limits.salvagedRowsBetweenMax,
                let statement = SalvageStatement(connection, "\(selection) WHERE rowid = ?")
            else { return .ended }
            return .between(statement, begin + 1)
        }
    }
}

/// A statement over a file that may be damaged.
private final class SalvageStatement {
    enum Step {
        case row
        case end
        case failed
    }

    private let statement: OpaquePointer

    /// `nil` when the file's schema does not have what it names.
    init?(_ connection: OpaquePointer, _ sql: String) {
        var prepared: OpaquePointer?
        guard sqlite3_prepare_v2(connection, sql, -1, &prepared, nil) == SQLITE_OK,
            let prepared
        else {
            sqlite3_finalize(prepared)
            return nil
        }
        statement = prepared
    }

    deinit { sqlite3_finalize(statement) }

    func step() -> Step {
        switch sqlite3_step(statement) {
        case SQLITE_ROW: .row
        case SQLITE_DONE: .end
        default: .failed
        }
    }

    func row(numbered number: Int64) -> [StoredValue]? {
        sqlite3_reset(statement)
        guard sqlite3_bind_int64(statement, 1, number) == SQLITE_OK, step() == .row else {
            return nil
        }
        return values()
    }

    func values() -> [StoredValue] {
        (0..<sqlite3_column_count(statement)).map { column in
            switch sqlite3_column_type(statement, column) {
            case SQLITE_INTEGER: .integer(sqlite3_column_int64(statement, column))
            case SQLITE_FLOAT: .real(sqlite3_column_double(statement, column))
            case SQLITE_TEXT: .text(bytes(sqlite3_column_text(statement, column), column))
            case SQLITE_BLOB: .blob(bytes(sqlite3_column_blob(statement, column), column))
            default: .null
            }
        }
    }

    private func bytes(_ start: UnsafeRawPointer?, _ column: Int32) -> [UInt8] {
        let count = Int(sqlite3_column_bytes(statement, column))
        guard let start else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }

    private func bytes(_ start: UnsafePointer<UInt8>?, _ column: Int32) -> [UInt8] {
        bytes(start.map(UnsafeRawPointer.init), column)
    }
}

extension Limits {
    /// Rows that are asked for one by one where a table cannot be read through.
    static let salvagedRowsBetweenMax: Int64 = 100_000
}
