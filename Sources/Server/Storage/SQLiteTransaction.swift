import GRDB
import GRDBSQLite

/// A transaction of one SQLite connection.
///
/// Statements are prepared and kept by GRDB, and stepped here directly: a commit of 400 records
/// runs some thousand of them.
package final class SQLiteTransaction: Transaction {
    private let database: GRDB.Database

    init(_ database: GRDB.Database) {
        self.database = database
    }

    @discardableResult
    package func execute(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> Int {
        let statement = try statement(sql, arguments)
        defer { statement.end() }
        while try step(statement) {}
        return database.changesCount
    }

    package func executePipelined(
        _ sql: String, _ arguments: [SQLValue]
    ) throws(StorageError) {
        try execute(sql, arguments)
    }

    package func rows(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> [SQLRow] {
        let statement = try statement(sql, arguments)
        defer { statement.end() }
        var rows: [SQLRow] = []
        while try step(statement) { rows.append(statement.row()) }
        return rows
    }

    package func forEachRow(
        _ sql: String, _ arguments: [SQLValue], _ body: (SQLRow) throws -> Bool
    ) throws {
        let statement = try statement(sql, arguments)
        defer { statement.end() }
        while try step(statement) {
            guard try body(statement.row()) else { return }
        }
    }

    package func savepoint<R>(_ body: () throws -> R) throws -> R {
        try execute("SAVEPOINT martlet")
        do {
            let result = try body()
            try execute("RELEASE martlet")
            return result
        } catch {
            // A full disk can have ended the whole transaction; then there is nothing to undo.
            if database.isInsideTransaction {
                try execute("ROLLBACK TO martlet")
                try execute("RELEASE martlet")
            }
            throw error
        }
    }

    /// A statement in use (a cursor that runs the same SQL again) is prepared anew.
    private func statement(
        _ sql: String, _ arguments: [SQLValue]
    ) throws(StorageError) -> SQLiteStatementInUse {
        do {
            var statement = try database.cachedStatement(sql: sql)
            if sqlite3_stmt_busy(statement.sqliteStatement) != 0 {
                statement = try database.makeStatement(sql: sql)
            }
            let inUse = SQLiteStatementInUse(statement)
            guard sqlite3_bind_parameter_count(statement.sqliteStatement) == arguments.count else {
                preconditionFailure("A statement has one argument for each ?: \(sql)")
            }
            for (index, argument) in arguments.enumerated() {
                guard inUse.bind(argument, at: Int32(index + 1)) == SQLITE_OK else {
                    throw failure()
                }
            }
            return inUse
        } catch {
            throw StorageError(sqlite: error)
        }
    }

    private func step(_ statement: SQLiteStatementInUse) throws(StorageError) -> Bool {
        switch sqlite3_step(statement.pointer) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw StorageError(sqlite: failure())
        }
    }

    private func failure() -> DatabaseError {
        let connection = database.sqliteConnection
        return DatabaseError(
            resultCode: ResultCode(rawValue: sqlite3_extended_errcode(connection)),
            message: sqlite3_errmsg(connection).map { String(cString: $0) })
    }
}

/// A prepared statement between its binding and its reset.
private struct SQLiteStatementInUse {
    let statement: Statement
    let pointer: OpaquePointer

    init(_ statement: Statement) {
        self.statement = statement
        pointer = statement.sqliteStatement
    }

    func end() {
        sqlite3_reset(pointer)
        sqlite3_clear_bindings(pointer)
    }

    func bind(_ value: SQLValue, at index: Int32) -> Int32 {
        // SQLite copies the bytes: they need not outlive this call.
        let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        switch value {
        case .null:
            return sqlite3_bind_null(pointer, index)
        case .integer(let value):
            return sqlite3_bind_int64(pointer, index, value)
        case .real(let value):
            return sqlite3_bind_double(pointer, index, value)
        case .text(var text):
            return text.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) {
                    guard let start = $0.baseAddress else {
                        return sqlite3_bind_text(pointer, index, "", 0, copied)
                    }
                    return sqlite3_bind_text(pointer, index, start, Int32($0.count), copied)
                }
            }
        case .blob(let bytes):
            // A nil pointer would bind NULL.
            return bytes.isEmpty
                ? sqlite3_bind_zeroblob(pointer, index, 0)
                : sqlite3_bind_blob(pointer, index, bytes, Int32(bytes.count), copied)
        }
    }

    func row() -> SQLRow {
        let count = Int(sqlite3_column_count(pointer))
        return SQLRow(
            [SQLValue](unsafeUninitializedCapacity: count) { buffer, initialized in
                for column in 0..<count {
                    (buffer.baseAddress.unsafelyUnwrapped + column)
                        .initialize(to: value(Int32(column)))
                }
                initialized = count
            })
    }

    private func value(_ column: Int32) -> SQLValue {
        switch sqlite3_column_type(pointer, column) {
        case SQLITE_INTEGER:
            return .integer(sqlite3_column_int64(pointer, column))
        case SQLITE_FLOAT:
            return .real(sqlite3_column_double(pointer, column))
        case SQLITE_TEXT:
            guard let start = sqlite3_column_text(pointer, column) else { return .text("") }
            let count = Int(sqlite3_column_bytes(pointer, column))
            return .text(
                String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self))
        case SQLITE_BLOB:
            guard let start = sqlite3_column_blob(pointer, column) else { return .blob([]) }
            let count = Int(sqlite3_column_bytes(pointer, column))
            return .blob([UInt8](UnsafeRawBufferPointer(start: start, count: count)))
        default:
            return .null
        }
    }
}
