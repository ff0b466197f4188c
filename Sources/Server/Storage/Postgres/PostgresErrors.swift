import CPostgres

/// What PostgreSQL said went wrong: its five characters, and its words.
struct PostgresFailure: Error {
    /// SQLSTATE; empty when the server said nothing, because it is not there.
    let state: String
    let words: String

    init(state: String, words: String) {
        self.state = state
        self.words = words
    }

    /// Of a statement.
    init(_ result: OpaquePointer?, _ connection: OpaquePointer?) {
        if let result, let state = PQresultErrorField(result, 67 /* PG_DIAG_SQLSTATE, 'C' */) {
            self.init(
                state: String(cString: state),
                words: PQresultErrorField(result, 77 /* PG_DIAG_MESSAGE_PRIMARY, 'M' */)
                    .map { String(cString: $0) } ?? "")
        } else {
            self.init(connecting: connection)
        }
    }

    /// Of a connection that cannot be made: libpq hands out no state, but its verbose words have
    /// it, as in `FATAL:  28P01: password authentication failed`.
    init(connecting connection: OpaquePointer?) {
        let text = PQerrorMessage(connection).map { String(cString: $0) } ?? ""
        // Between colons, so that no port is taken for it.
        let pieces = text.split(separator: ":").map { $0.split(whereSeparator: \.isWhitespace) }
        let found = pieces.lazy.compactMap { $0.count == 1 ? $0.first : nil }.first {
            $0.utf8.count == 5 && $0.utf8.allSatisfy(Self.isStateCharacter)
                && $0.utf8.contains { $0 < 0x3A }
        }
        state = found.map(String.init) ?? ""
        words = text.split(separator: "\n").first.map(String.init) ?? ""
    }

    private static func isStateCharacter(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
    }
}

extension StorageError {
    init(postgres failure: PostgresFailure) {
        let (code, message) = Self.describe(failure.state)
        self.init(code, failure.words.isEmpty ? message : "\(message) (\(failure.words))")
    }

    private static func describe(_ state: String) -> (Code, String) {
        switch state {
        case "40001", "40P01", "0A000":
            (.transactionLost, "Others changed the same: repeat it.")
        case "53100":
            (.diskFull, "The disk of the database is full: free some space.")
        case "25P03":
            (.unreachable, "The database ended the connection: repeat it.")
        case "53300", "55P03":
            (.busy, "The database is busy: try again shortly.")
        case "25006", "42501":
            (.readOnly, "The database may not be written: check its user's rights.")
        case "3D000":
            (.cannotOpen, "There is no such database: make it, or name another by --database.")
        case "42804", "22P02", "22003", "22021", "22P05":
            (.constraint, "A rule of the database refuses the value.")
        case "58030":
            (.inputOutput, "The disk failed under the database: check it.")
        case "57014":
            (.interrupted, "The request was cancelled.")
        default:
            describeClass(String(state.prefix(2)), state)
        }
    }

    private static func describeClass(
        _ stateClass: String, _ state: String
    ) -> (Code, String) {
        switch stateClass {
        case "23":
            (.constraint, "A rule of the database refuses the row.")
        case "28":
            (
                .cannotOpen,
                "The database does not let Martlet in: check the user and the password of --database."
            )
        case "", "08", "57":
            // 57: it stops, starts or has crashed.
            (
                .unreachable,
                "The database cannot be reached: check that it runs; Martlet then goes on by itself."
            )
        case "XX" where state != "XX000":
            (.damaged, "The database is damaged: restore a backup of it.")
        default:
            (.failed, "The database failed.")
        }
    }
}
