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
