import CPostgres
import Records

/// The statements of one connection that were sent and are not answered yet, in their order.
///
/// libpq's pipeline mode is on exactly as long as there are any. The server runs them one after the
/// other and, once one has failed, none behind it: each gets its result, and what is sent later does
/// not begin before `finish` has taken them all.
struct PostgresPipeline {
    /// What a result is of.
    private enum Part {
        /// A statement that is prepared under this name.
        case preparation(name: String)
        case statement
    }

    private let handle: OpaquePointer
    private var parts: [Part] = []
    private var byteCount = 0
    /// libpq and the server no longer agree on what is answered: the connection is of no more use.
    private(set) var isBroken = false

    init(_ handle: OpaquePointer) { self.handle = handle }

    var isEmpty: Bool { parts.isEmpty }

    /// Nothing more is to be sent before what is under way was answered.
    ///
    /// It bounds what libpq keeps in memory until the server has taken it.
    var isFull: Bool {
        parts.count >= Limits.pipelinedStatementsMax || byteCount >= Limits.pipelinedByteCountMax
    }

    // MARK: - Sending

    // Each returns `false` when libpq did not take it, which mostly is a lost connection.

    mutating func prepare(_ name: String, _ text: String, _ types: [Oid]) -> Bool {
        add(.preparation(name: name), text.utf8.count) { handle in
            PQsendPrepare(handle, name, text, Int32(types.count), types)
        }
    }

    /// Runs what was prepared under `name`.
    mutating func run(_ name: String, _ arguments: PostgresArguments) -> Bool {
        add(.statement, arguments.byteCount) { handle in
            arguments.withParameters { count, values, lengths, formats in
                PQsendQueryPrepared(handle, name, count, values, lengths, formats, 1)
            }
        }
    }

    mutating func runOnce(_ text: String, _ types: [Oid], _ arguments: PostgresArguments) -> Bool {
        add(.statement, text.utf8.count + arguments.byteCount) { handle in
            arguments.withParameters { count, values, lengths, formats in
                PQsendQueryParams(handle, text, count, types, values, lengths, formats, 1)
            }
        }
    }

    private mutating func add(
        _ part: Part, _ byteCount: Int, _ send: (OpaquePointer) -> Int32
    ) -> Bool {
        if parts.isEmpty, PQenterPipelineMode(handle) != 1 { return false }
        guard send(handle) == 1 else {
            if parts.isEmpty, PQexitPipelineMode(handle) != 1 { isBroken = true }
            return false
        }
        parts.append(part)
        self.byteCount += byteCount
        return true
    }

    // MARK: - Answers

    /// Waits for the results of all that is under way, of which there is something; returns the last
    /// one's.
    ///
    /// Throws what the first that failed failed of; nothing behind it was run. `forget` gets the names
    /// under which nothing was prepared therefore.
    mutating func finish(
        forgetting forget: (String) -> Void
    ) throws(PostgresFailure) -> PostgresResult {
        defer { (parts, byteCount) = ([], 0) }
        // Without it the server keeps its answers to itself.
        guard PQpipelineSync(handle) == 1 else {
            isBroken = true
            throw PostgresFailure(connecting: handle)
        }
        flush()
        var last: OpaquePointer?
        var failure: PostgresFailure?
        for part in parts {
            let result = nextResult()
            switch PQresultStatus(result) {
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
                PQclear(last)
                last = result
            default:
                if failure == nil { failure = PostgresFailure(result, handle) }
                PQclear(result)
                if case .preparation(let name) = part { forget(name) }
            }
        }
        let end = PQgetResult(handle)
        let isEnded = PQresultStatus(end) == PGRES_PIPELINE_SYNC
        PQclear(end)
        if !isEnded || PQexitPipelineMode(handle) != 1 { isBroken = true }
        guard failure == nil, let last else {
            PQclear(last)
            throw failure ?? PostgresFailure(connecting: handle)
        }
        return PostgresResult(last)
    }

    /// The result of the next part; `nil` of a connection that is lost.
    private func nextResult() -> OpaquePointer? {
        let first = PQgetResult(handle)
        guard first != nil else { return nil }
        // A statement's end is a nil.
        while let more = PQgetResult(handle) { PQclear(more) }
        return first
    }

    /// Gives the server all that libpq still has.
    ///
    /// What the server says meanwhile is read: it takes nothing more while its own answers find no
    /// room, and both would wait for each other for ever. A connection that is lost shows in its
    /// results.
    private func flush() {
        while PQflush(handle) == 1 {
            let isReadable = PostgresConnection.waitForRoom(of: PQsocket(handle))
            if isReadable, PQconsumeInput(handle) != 1 { return }
        }
    }
}
