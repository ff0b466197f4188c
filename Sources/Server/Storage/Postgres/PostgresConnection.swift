import CPostgres
import Records

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// One connection to a PostgreSQL server; its calls block.
///
/// Statements are prepared once and kept, however often their transaction is undone.
//
// Unchecked: libpq wants one thread at a time at a connection. `PostgresPool` hands each out to one
// caller, who gives it back when it is done; nobody else has a reference.
final class PostgresConnection: @unchecked Sendable {
    private struct Statement {
        let text: String
        let argumentCount: Int
        /// One for each combination of types that it was called with.
        var variants: [(name: String, types: [Oid])] = []
    }

    private let handle: OpaquePointer
    private var pipeline: PostgresPipeline
    private var statements: [String: Statement] = [:]
    private var preparedCount = 0
    private var statementNumber = 0
    /// What PostgreSQL called its latest failure.
    private(set) var failureState = ""

    /// Throws `unreachable`, `cannotOpen` (the user, the password, the database's name or its
    /// encoding) or `readOnly` (a standby).
    init(_ address: PostgresAddress) throws(StorageError) {
        handle = try Self.connect(address)
        pipeline = PostgresPipeline(handle)
        do throws(StorageError) {
            try check()
            try run(
                """
                SET idle_in_transaction_session_timeout = '\(Limits.databaseSilenceSeconds)s';
                SET lock_timeout = '\(Limits.databaseBusySeconds)s';
                SET client_min_messages = warning
                """)
            // P1: an answered commit is on the disk, whatever the server's default is.
            // Not prepared: it is not known yet whether the session is the connection's own.
            if try runOnce("SHOW synchronous_commit", []).rows().first?.text(0) == "off" {
                try run("SET synchronous_commit = on")
            }
        } catch {
            PQfinish(handle)
            throw error
        }
    }

    deinit { PQfinish(handle) }

    // MARK: - State

    var isLost: Bool { pipeline.isBroken || PQstatus(handle) == CONNECTION_BAD }

    var isInTransaction: Bool {
        let status = PQtransactionStatus(handle)
        return !pipeline.isEmpty || status == PQTRANS_INTRANS || status == PQTRANS_INERROR
            || status == PQTRANS_ACTIVE
    }

    /// Differs between connections to one server.
    var number: UInt32 { UInt32(bitPattern: PQbackendPID(handle)) }

    var socket: Int32 { PQsocket(handle) }

    // MARK: - Running

    // What runs or collects throws the failure of the first statement under way that failed, if one
    // did, and has not run then.

    /// Runs one statement or several without arguments or rows, as they stand.
    func run(_ sql: String) throws(StorageError) {
        try collect()
        _ = try finish(PQexec(handle, sql))
    }

    /// Runs one statement, prepared.
    func run(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> PostgresResult {
        try send(sql, arguments)
        return try answer()
    }

    /// Runs one statement that is not worth keeping.
    func runOnce(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> PostgresResult {
        try sendOnce(sql, arguments)
        return try answer()
    }

    /// Sends one statement, prepared, behind those that are under way, and does not wait for its
    /// result: whoever runs or collects something next takes it.
    func send(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) {
        failureState = ""
        let parameters = try PostgresArguments(arguments)
        let name = try prepared(sql, arguments.map(PostgresType.of))
        try require(pipeline.run(name, parameters))
    }

    /// The same for one that is not worth keeping.
    func sendOnce(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) {
        failureState = ""
        let parameters = try PostgresArguments(arguments)
        let (text, _) = PostgresDialect.statement(sql)
        try require(pipeline.runOnce(text, arguments.map(PostgresType.of), parameters))
    }

    /// As many may be under way as are allowed.
    var isFull: Bool { pipeline.isFull }

    /// Waits for all that is under way.
    func collect() throws(StorageError) {
        if !pipeline.isEmpty { _ = try answer().rowCount }
    }

    /// Ends the transaction, if there is one, and leaves nothing of it, whatever has failed.
    func rollBack() {
        try? collect()
        if isInTransaction { try? run("ROLLBACK") }
    }

    /// What other connections have notified; only after `LISTEN`.
    ///
    /// Waits for the first up to `milliseconds`. Throws `unreachable` when the connection is lost.
    func notifications(waiting milliseconds: Int32) throws(StorageError) -> [String] {
        Self.wait(socket, for: POLLIN, milliseconds: milliseconds)
        guard PQconsumeInput(handle) == 1, !isLost else {
            throw StorageError(postgres: PostgresFailure(connecting: handle))
        }
        var texts: [String] = []
        while let notification = PQnotifies(handle) {
            if let text = notification.pointee.extra { texts.append(String(cString: text)) }
            PQfreemem(notification)
        }
        return texts
    }

    /// The result of the statement that was sent last.
    private func answer() throws(StorageError) -> PostgresResult {
        do throws(PostgresFailure) {
            return try pipeline.finish { name in forget(name) }
        } catch {
            throw noted(error)
        }
    }

    private func require(_ isSent: Bool) throws(StorageError) {
        guard !isSent else { return }
        let failure = PostgresFailure(connecting: handle)
        try collect()
        throw noted(failure)
    }

    private func finish(_ result: OpaquePointer?) throws(StorageError) -> PostgresResult {
        guard let result else { throw noted(PostgresFailure(connecting: handle)) }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
            return PostgresResult(result)
        default:
            let failure = PostgresFailure(result, handle)
            PQclear(result)
            throw noted(failure)
        }
    }

    private func noted(_ failure: PostgresFailure) -> StorageError {
        failureState = failure.state
        // Such as a plan from before another server's migration.
        if failure.state == "0A000" { statements = [:] }
        return StorageError(postgres: failure)
    }

    /// Blocks the calling thread, which is one of the database's own.
    static func pause(milliseconds: Int) { usleep(UInt32(milliseconds * 1_000)) }

    // MARK: - Preparing

    private func prepared(_ sql: String, _ types: [Oid]) throws(StorageError) -> String {
        var statement =
            statements[sql]
            ?? {
                let (text, count) = PostgresDialect.statement(sql)
                return Statement(text: text, argumentCount: count)
            }()
        guard statement.argumentCount == types.count else {
            preconditionFailure("A statement has one argument for each ?: \(sql)")
        }
        // A NULL fits every type; a value only its own.
        if let found = statement.variants.first(where: { variant in
            zip(variant.types, types).allSatisfy { $1 == PostgresType.unknown || $0 == $1 }
        }) {
            return found.name
        }
        if preparedCount >= Limits.preparedStatementsMax {
            try run("DEALLOCATE ALL")
            statements = [:]
            statement.variants = []
            preparedCount = 0
        }
        // What is NULL now has shown its type before, or will.
        let known = statement.variants.last?.types ?? types
        let merged = zip(types, known).map { $0 == PostgresType.unknown ? $1 : $0 }
        statementNumber += 1
        let name = "martlet\(statementNumber)"
        try require(pipeline.prepare(name, statement.text, merged))
        preparedCount += 1
        statement.variants.append((name, merged))
        statements[sql] = statement
        return name
    }

    /// Nothing was prepared under this name after all.
    private func forget(_ name: String) {
        preparedCount -= 1
        for sql in statements.keys { statements[sql]?.variants.removeAll { $0.name == name } }
    }

    // MARK: - Connecting

    /// Step by step, because libpq tells the kind of a failure only in words, and only those that
    /// are verbose hold its code.
    private static func connect(
        _ address: PostgresAddress
    ) throws(StorageError) -> OpaquePointer {
        // The address replaces what stands before it.
        let silence = "\(Limits.databaseSilenceSeconds)"
        let settings = [
            ("fallback_application_name", "martlet"), ("keepalives_idle", silence),
            ("tcp_user_timeout", "\(Limits.databaseSilenceSeconds * 1_000)"),
            ("dbname", address.uri), ("client_encoding", "UTF8"),
        ]
        let handle = withCStrings(settings.map(\.0)) { keywords in
            withCStrings(settings.map(\.1)) { values in PQconnectStartParams(keywords, values, 1) }
        }
        guard let handle else {
            throw StorageError(.failed, "The database's library has no memory.")
        }
        PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
        var state = PGRES_POLLING_WRITING
        while PQstatus(handle) != CONNECTION_BAD, state != PGRES_POLLING_OK,
            state != PGRES_POLLING_FAILED
        {
            let isReady = wait(
                PQsocket(handle), for: state == PGRES_POLLING_WRITING ? POLLOUT : POLLIN,
                milliseconds: Limits.databaseConnectMilliseconds)
            guard isReady != 0 else {
                PQfinish(handle)
                throw StorageError(
                    .unreachable,
                    "The database at \(address) does not answer: check that it runs.")
            }
            state = PQconnectPoll(handle)
        }
        guard PQstatus(handle) == CONNECTION_OK else {
            let failure = PostgresFailure(connecting: handle)
            PQfinish(handle)
            throw StorageError(postgres: failure)
        }
        PQsetErrorVerbosity(handle, PQERRORS_DEFAULT)
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
        // Whoever sends much reads what comes meanwhile: see `PostgresPipeline`.
        PQsetnonblocking(handle, 1)
        return handle
    }

    private func check() throws(StorageError) {
        guard PQserverVersion(handle) >= Limits.postgresVersionMin else {
            throw StorageError(
                .cannotOpen, "Martlet needs PostgreSQL 13 or later: update the database's server.")
        }
        guard parameter("server_encoding") == "UTF8" else {
            throw StorageError(
                .cannotOpen,
                "The database does not keep UTF-8: make one with CREATE DATABASE … ENCODING 'UTF8'."
            )
        }
        guard parameter("in_hot_standby") != "on" else {
            throw StorageError(
                .readOnly, "The database is a standby of another: name the one that takes writes.")
        }
    }

    private func parameter(_ name: String) -> String? {
        PQparameterStatus(handle, name).map { String(cString: $0) }
    }

    /// Returns when more can be sent, or read: whether it can be read.
    static func waitForRoom(of socket: Int32) -> Bool {
        wait(socket, for: POLLIN | POLLOUT, milliseconds: -1) & ~Int32(POLLOUT) != 0
    }

    /// Returns what the socket is ready for, as `poll` says it; 0 when the time is over.
    @discardableResult
    private static func wait(
        _ socket: Int32, for events: Int32, milliseconds: Int32
    ) -> Int32 {
        var descriptor = pollfd(fd: socket, events: Int16(events), revents: 0)
        while true {
            let count = poll(&descriptor, 1, milliseconds)
            if count >= 0 || errno != EINTR { return Int32(descriptor.revents) }
        }
    }

    /// A nil behind the last one, as C wants it.
    private static func withCStrings<R>(
        _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> R
    ) -> R {
        let bytes = texts.map { Array($0.utf8CString) }
        var pointers: [UnsafePointer<CChar>?] = []
        func next(_ rest: ArraySlice<[CChar]>) -> R {
            guard let first = rest.first else { return body(pointers + [nil]) }
            return first.withUnsafeBufferPointer { buffer in
                pointers.append(buffer.baseAddress)
                return next(rest.dropFirst())
            }
        }
        return next(bytes[...])
    }
}
