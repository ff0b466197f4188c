import CMartlet
import GRDBSQLite
import Records
import SyncEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A value handed to a statement.
enum SQLiteArgument {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])

    static func optional(_ value: Int64?) -> Self { value.map(Self.integer) ?? .null }
    static func optional(_ value: String?) -> Self { value.map(Self.text) ?? .null }
    static func optional(_ value: [UInt8]?) -> Self { value.map(Self.blob) ?? .null }
    static func flag(_ value: Bool) -> Self { .integer(value ? 1 : 0) }
}

/// One connection to the device's database, for one thread at a time.
///
/// The engine's rows are read and written synchronously, hundreds a millisecond, so this stays
/// close to SQLite itself: statements are compiled once and columns are read without boxes.
final class SQLiteConnection {
    let path: String
    private let handle: OpaquePointer
    private var statements: [String: SQLiteStatement] = [:]

    /// Throws `unavailable` when the file cannot be opened.
    ///
    /// A database known to be damaged is not opened but to salvage from it: nothing is written to it.
    init(
        path: String, readOnly: Bool = false, evenDamaged: Bool = false
    ) throws(RowsError) {
        if !evenDamaged { try DatabaseDamage.refuse(path) }
        let flags =
            SQLITE_OPEN_NOMUTEX
            | (readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)
        var handle: OpaquePointer?
        let isFixed = readOnly && Self.cannotChange(path)
        let result = sqlite3_open_v2(
            isFixed ? Self.fixedAddress(of: path) : path, &handle,
            isFixed ? flags | SQLITE_OPEN_URI : flags, nil)
        guard result == SQLITE_OK, let handle else {
            sqlite3_close_v2(handle)
            throw RowsError(
                .unavailable, "This device's database \(path) cannot be opened: check who owns it.",
                cause: "\(path) cannot be opened")
        }
        self.path = path
        self.handle = handle
        sqlite3_busy_timeout(handle, Int32(Limits.databaseBusySeconds * 1_000))
        sqlite3_extended_result_codes(handle, 1)
    }

    deinit {
        statements.removeAll()
        sqlite3_close_v2(handle)
    }

    /// Whether its disk is mounted read-only and the file is whole without a log: SQLite reads such a
    /// one only when it is told.
    private static func cannotChange(_ path: String) -> Bool {
        var disk = statvfs()
        guard statvfs(path, &disk) == 0, disk.f_flag & UInt(ST_RDONLY) != 0 else { return false }
        var log = stat()
        return stat(path + "-wal", &log) != 0 || log.st_size == 0
    }

    private static func fixedAddress(of path: String) -> String {
        // "%", "?" and "#" have a meaning of their own (sqlite.org/uri.html).
        let name = path.replacing("%", with: "%25").replacing("?", with: "%3f")
        return "file:\(name.replacing("#", with: "%23"))?immutable=1"
    }

    /// Nothing more reaches the database file itself: closing copies the log into it no more.
    func keepAsItIs() { martlet_keep_log_on_close(UnsafeMutableRawPointer(handle)) }

    /// Whether another file, or none, lies at its path by now.
    var hasMoved: Bool {
        var moved: Int32 = 0
        let result = sqlite3_file_control(handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved)
        return result == SQLITE_OK && moved != 0
    }

    /// Runs statements that are not worth keeping.
    func run(_ sql: String) throws(RowsError) {
        try check(sqlite3_exec(handle, sql, nil, nil, nil))
    }

    func execute(_ sql: String, _ arguments: [SQLiteArgument] = []) throws(RowsError) {
        let statement = try statement(sql)
        defer { statement.reset() }
        try bind(arguments, to: statement)
        while try step(statement) {}
    }

    /// Rows as `read` makes them.
    ///
    /// `read` must not run statements itself.
    func rows<R>(
        _ sql: String, _ arguments: [SQLiteArgument] = [],
        _ read: (SQLiteStatement) throws(RowsError) -> R
    ) throws(RowsError) -> [R] {
        let statement = try statement(sql)
        defer { statement.reset() }
        try bind(arguments, to: statement)
        var rows: [R] = []
        while try step(statement) { rows.append(try read(statement)) }
        return rows
    }

    func row<R>(
        _ sql: String, _ arguments: [SQLiteArgument] = [],
        _ read: (SQLiteStatement) throws(RowsError) -> R
    ) throws(RowsError) -> R? {
        let statement = try statement(sql)
        defer { statement.reset() }
        try bind(arguments, to: statement)
        return try step(statement) ? try read(statement) : nil
    }

    func exists(_ sql: String, _ arguments: [SQLiteArgument]) throws(RowsError) -> Bool {
        try row(sql, arguments) { _ in true } ?? false
    }

    /// Of the latest statement.
    var changedRowCount: Int { Int(sqlite3_changes(handle)) }

    private func statement(_ sql: String) throws(RowsError) -> SQLiteStatement {
        if let statement = statements[sql] { return statement }
        var pointer: OpaquePointer?
        try check(
            sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &pointer, nil))
        guard let pointer else { throw RowsError(.damaged, "An empty statement was prepared.") }
        let statement = SQLiteStatement(pointer)
        statements[sql] = statement
        return statement
    }

    private func bind(
        _ arguments: [SQLiteArgument], to statement: SQLiteStatement
    ) throws(RowsError) {
        for (index, argument) in arguments.enumerated() {
            try check(statement.bind(argument, at: Int32(index + 1)))
        }
    }

    private func step(_ statement: SQLiteStatement) throws(RowsError) -> Bool {
        switch statement.step() {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let result:
            try check(result)
            return false
        }
    }

    private func check(_ result: Int32) throws(RowsError) {
        guard result != SQLITE_OK else { return }
        let text = String(cString: sqlite3_errmsg(handle))
        switch result & 0xFF {
        case SQLITE_FULL:
            throw RowsError(
                .diskFull, "The disk of this device's database is full: free some space.")
        case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_CONSTRAINT, SQLITE_MISMATCH:
            keepAsItIs()
            throw RowsError(
                .damaged, "This device's database is damaged (\(text)).", cause: text)
        // Its log, which may have to be made first, lies beside it.
        case SQLITE_READONLY, SQLITE_PERM, SQLITE_CANTOPEN:
            throw RowsError(
                .unavailable,
                "This device's database may not be written: check who owns its folder, and whether "
                    + "its disk is read-only.", cause: "it may not be written")
        default:
            throw RowsError(
                .unavailable, "This device's database cannot be used (\(text)).", cause: text)
        }
    }
}

/// A compiled statement; its columns are read while it stands on a row.
final class SQLiteStatement {
    private let pointer: OpaquePointer

    fileprivate init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { sqlite3_finalize(pointer) }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(pointer, column) == SQLITE_NULL }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(pointer, column) }

    func optionalInteger(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }

    func flag(_ column: Int32) -> Bool { integer(column) != 0 }

    func blob(_ column: Int32) -> [UInt8] {
        let count = Int(sqlite3_column_bytes(pointer, column))
        guard count > 0, let start = sqlite3_column_blob(pointer, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// The bytes where they lie, until the statement moves on.
    func withBlob<R>(_ column: Int32, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        let count = Int(sqlite3_column_bytes(pointer, column))
        let start = count > 0 ? sqlite3_column_blob(pointer, column) : nil
        return body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
    }

    func text(_ column: Int32) -> String {
        let count = Int(sqlite3_column_bytes(pointer, column))
        guard let start = sqlite3_column_text(pointer, column) else { return "" }
        return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

    fileprivate func step() -> Int32 { sqlite3_step(pointer) }

    fileprivate func reset() { sqlite3_reset(pointer) }

    fileprivate func bind(_ argument: SQLiteArgument, at index: Int32) -> Int32 {
        // SQLite copies what it is handed: the arrays go before the statement runs.
        let copies = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        switch argument {
        case .null: return sqlite3_bind_null(pointer, index)
        case .integer(let value): return sqlite3_bind_int64(pointer, index, value)
        case .text(var text):
            if text.isEmpty { return sqlite3_bind_text(pointer, index, "", 0, copies) }
            return text.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) {
                    sqlite3_bind_text(pointer, index, $0.baseAddress, Int32($0.count), copies)
                }
            }
        case .blob(let bytes):
            if bytes.isEmpty { return sqlite3_bind_zeroblob(pointer, index, 0) }
            return bytes.withUnsafeBytes {
                sqlite3_bind_blob(pointer, index, $0.baseAddress, Int32($0.count), copies)
            }
        }
    }
}
