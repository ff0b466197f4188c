import Records
package import SyncEngine

// What the user allows.

extension DeviceSchema {
    static let conditions = """
        -- The user's pause; at most one row. `until` is NULL while it ends only by resuming;
        -- `untilText` is what the user was told.
        CREATE TABLE pause (
            one INTEGER PRIMARY KEY CHECK (one = 1), since INTEGER NOT NULL, until INTEGER,
            untilText TEXT NOT NULL
        ) STRICT;
        -- Bytes of items that moved over metered networks on the latest day (days since 1970, local
        -- time) on which a daily limit counted any; at most one row.
        CREATE TABLE meteredUse (
            one INTEGER PRIMARY KEY CHECK (one = 1), day INTEGER NOT NULL,
            byteCount INTEGER NOT NULL
        ) STRICT
        """
}

extension DeviceSchema {
    static let services = """
        -- A service that is not simply on. state: 0 off; 1 off, and originals that are safe in the
        -- cloud are leaving; 2 on again, and the library was not compared since: what went while
        -- it was off was deleted by nobody. `since`: when it was switched off; 0 with 2.
        CREATE TABLE serviceState (
            name TEXT PRIMARY KEY, state INTEGER NOT NULL, since INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """
}

extension DatabaseRows {
    package func photosService() throws(RowsError) -> ServiceState {
        let state = try connection.row(
            "SELECT state, since FROM serviceState WHERE name = 'photos'"
        ) { (row) throws(RowsError) -> ServiceState in
            let since = Timestamp(milliseconds: row.integer(1))
            switch row.integer(0) {
            case 0: return .off(since: since, removes: false)
            case 1: return .off(since: since, removes: true)
            case 2: return .returning
            default: throw row.damaged()
            }
        }
        return state ?? .on
    }

    package func save(photosService: ServiceState) throws(RowsError) {
        let (state, since): (Int64, Int64)
        switch photosService {
        case .on:
            return try connection.execute("DELETE FROM serviceState WHERE name = 'photos'")
        case .off(let time, let removes): (state, since) = (removes ? 1 : 0, time.milliseconds)
        case .returning: (state, since) = (2, 0)
        }
        try connection.execute(
            "INSERT OR REPLACE INTO serviceState VALUES ('photos', ?, ?)",
            [.integer(state), .integer(since)])
    }
}

extension DatabaseRows {
    package func pause() throws(RowsError) -> Pause? {
        try connection.row("SELECT since, until, untilText FROM pause") { row in
            Pause(
                since: Timestamp(milliseconds: row.integer(0)),
                until: row.isNull(1) ? nil : Timestamp(milliseconds: row.integer(1)),
                untilText: row.text(2))
        }
    }

    package func save(pause: Pause?) throws(RowsError) {
        guard let pause else { return try connection.execute("DELETE FROM pause") }
        try connection.execute(
            "INSERT OR REPLACE INTO pause VALUES (1, ?, ?, ?)",
            [
                .integer(pause.since.milliseconds), .optional(pause.until?.milliseconds),
                .text(pause.untilText),
            ])
    }

    package func meteredUse() throws(RowsError) -> MeteredUse? {
        try connection.row("SELECT day, byteCount FROM meteredUse") { row in
            MeteredUse(day: row.integer(0), byteCount: row.integer(1))
        }
    }

    package func save(_ use: MeteredUse) throws(RowsError) {
        try connection.execute(
            "INSERT OR REPLACE INTO meteredUse VALUES (1, ?, ?)",
            [.integer(use.day), .integer(use.byteCount)])
    }
}
