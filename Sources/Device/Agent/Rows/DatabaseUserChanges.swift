import Library
package import Records
package import SyncEngine

// What the user decided about records: favorites, albums, trash, joins.

extension DeviceSchema {
    static let userChanges = """
        -- What this device's user decided about a record, until the server has it. `decision`: what,
        -- when, and after a new epoch from which state (FieldsFormat). attempt: 0 not sent yet, 1 sent from `baseEpoch` and
        -- `baseSequence`, which are NULL for a record that was new.
        CREATE TABLE pendingChange (
            type TEXT NOT NULL, id BLOB NOT NULL, decision BLOB NOT NULL,
            attempt INTEGER NOT NULL, baseEpoch INTEGER, baseSequence INTEGER,
            PRIMARY KEY (type, id)
        ) STRICT, WITHOUT ROWID;
        -- Which asset is in which album, from the records of type `membership` that are not deleted.
        CREATE TABLE membership (
            id BLOB PRIMARY KEY, album BLOB NOT NULL, asset BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX membershipAsset ON membership (asset, id);
        CREATE INDEX membershipAlbum ON membership (album, id);
        -- What the parts of one Live Photo have in common, from the records of type `facts`.
        CREATE TABLE pairing (
            id BLOB PRIMARY KEY, identifier TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX pairingIdentifier ON pairing (identifier, id)
        """
}

extension DatabaseRows {
    private static let columns = "type, id, decision, attempt, baseEpoch, baseSequence"

    package func pendingChange(_ key: RecordKey) throws(RowsError) -> PendingChange? {
        try connection.row(
            "SELECT \(Self.columns) FROM pendingChange WHERE type = ? AND id = ?",
            [.text(key.type.rawValue), .blob(key.id.bytes)], pendingChange)
    }

    package func pendingChanges(
        after key: RecordKey?, limit: Int
    ) throws(RowsError) -> [PendingChange] {
        try connection.rows(
            """
            SELECT \(Self.columns) FROM pendingChange WHERE (type, id) > (?, ?)
            ORDER BY type, id LIMIT ?
            """,
            [
                .text(key?.type.rawValue ?? ""), .blob(key?.id.bytes ?? []),
                .integer(Int64(limit)),
            ], pendingChange)
    }

    package func save(_ change: PendingChange) throws(RowsError) {
        var (attempt, base): (Int64, Base?) = (0, nil)
        if case .made(let made) = change.attempt { (attempt, base) = (1, made) }
        try connection.execute(
            "INSERT OR REPLACE INTO pendingChange VALUES (?, ?, ?, ?, ?, ?)",
            [
                .text(change.key.type.rawValue), .blob(change.key.id.bytes),
                .blob(FieldsFormat.encode(change.fields)), .integer(attempt),
                .optional(base?.epoch.rawValue), .optional(base?.sequence),
            ])
    }

    package func removePendingChange(_ key: RecordKey) throws(RowsError) {
        try connection.execute(
            "DELETE FROM pendingChange WHERE type = ? AND id = ?",
            [.text(key.type.rawValue), .blob(key.id.bytes)])
    }

    private func pendingChange(_ row: SQLiteStatement) throws(RowsError) -> PendingChange {
        let base = row.optionalInteger(4).map {
            Base(epoch: Epoch(rawValue: $0), sequence: row.integer(5))
        }
        let key = RecordKey(type: RecordType(rawValue: row.text(0)), id: try row.identifier(1))
        guard let fields = row.withBlob(2, FieldsFormat.decode),
            let change = PendingChange(
                key: key, fields: fields, attempt: row.flag(3) ? .made(from: base) : .none)
        else { throw row.damaged() }
        return change
    }

    /// How many live assets have something that the server has not heard.
    func pendingAssetCount() throws(RowsError) -> Int {
        // CROSS: from the few changes to their records. Left alone, SQLite walks every record.
        try connection.row(
            """
            SELECT count(*) FROM pendingChange CROSS JOIN remote USING (type, id)
            WHERE type = 'asset' AND fields IS NOT NULL AND trashedAt IS NULL
            """
        ) { Int($0.integer(0)) } ?? 0
    }

    // MARK: Albums

    package func memberships(of asset: RecordID) throws(RowsError) -> [RemoteRecord] {
        try memberships(
            "SELECT id FROM membership WHERE asset = ? ORDER BY id", [.blob(asset.bytes)])
    }

    package func memberships(
        in album: RecordID, after id: RecordID?, limit: Int
    ) throws(RowsError) -> [RemoteRecord] {
        try memberships(
            "SELECT id FROM membership WHERE album = ? AND id > ? ORDER BY id LIMIT ?",
            [.blob(album.bytes), .blob(id?.bytes ?? []), .integer(Int64(limit))])
    }

    package func facts(
        withContentIdentifier identifier: String
    ) throws(RowsError) -> [RemoteRecord] {
        try records(
            .facts, "SELECT id FROM pairing WHERE identifier = ? ORDER BY id",
            [.text(identifier)])
    }

    private func memberships(
        _ sql: String, _ arguments: [SQLiteArgument]
    ) throws(RowsError) -> [RemoteRecord] { try records(.membership, sql, arguments) }

    private func records(
        _ type: RecordType, _ sql: String, _ arguments: [SQLiteArgument]
    ) throws(RowsError) -> [RemoteRecord] {
        let ids = try connection.rows(sql, arguments) {
            (row) throws(RowsError) -> RecordID in try row.identifier(0)
        }
        var found: [RemoteRecord] = []
        for id in ids {
            if let remote = try remote(RecordKey(type: type, id: id)) {
                found.append(remote)
            }
        }
        return found
    }

    /// Keeps `pairing` right when a record is saved or removed (`nil`).
    func notePairing(_ key: RecordKey, _ identifier: String?) throws(RowsError) {
        guard key.type == .facts else { return }
        guard let identifier else {
            return try connection.execute(
                "DELETE FROM pairing WHERE id = ?", [.blob(key.id.bytes)])
        }
        try connection.execute(
            "INSERT OR REPLACE INTO pairing VALUES (?, ?)",
            [.blob(key.id.bytes), .text(identifier)])
    }

    /// Keeps `membership` right when a record is saved or removed (`nil`).
    func noteMembership(_ key: RecordKey, _ membership: Membership?) throws(RowsError) {
        guard key.type == .membership else { return }
        guard let membership else {
            return try connection.execute(
                "DELETE FROM membership WHERE id = ?", [.blob(key.id.bytes)])
        }
        try connection.execute(
            "INSERT OR REPLACE INTO membership VALUES (?, ?, ?)",
            [
                .blob(key.id.bytes), .blob(membership.album.bytes),
                .blob(membership.asset.bytes),
            ])
    }
}
