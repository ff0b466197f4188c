import Library
package import Records
package import Status
package import SyncEngine

// The history of items, and what was set aside.

extension DeviceSchema {
    static let stories = """
        -- What happened to an item, the oldest first: what the rows of the present can't tell.
        -- `subject`: 0 and an item's 16 bytes; or 1, a root's number in 8 bytes and a path.
        -- `times`: in a row, up to `lastAt`.
        CREATE TABLE story (
            number INTEGER PRIMARY KEY AUTOINCREMENT, subject BLOB NOT NULL, at INTEGER NOT NULL,
            event TEXT NOT NULL, detail TEXT NOT NULL, times INTEGER NOT NULL,
            lastAt INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX storySubject ON story (subject, number);
        -- An item whose handler broke; `times` times. `subject`: 0 and a digest; or as in `story`,
        -- with the stamp of the file that broke it.
        CREATE TABLE setAside (
            subject BLOB PRIMARY KEY, name TEXT NOT NULL, cause TEXT NOT NULL,
            times INTEGER NOT NULL, since INTEGER NOT NULL, version TEXT NOT NULL,
            inode INTEGER, byteCount INTEGER, modifiedAt INTEGER, changedAt INTEGER
        ) STRICT, WITHOUT ROWID
        """
}

extension StorySubject {
    /// As a key of the database.
    var bytes: [UInt8] {
        switch self {
        case .item(let id): [0] + id.bytes
        case .place(let place):
            [1] + Hexadecimal.bytes(of: UInt64(bitPattern: place.root.rawValue))
                + place.path.bytes
        }
    }
}

extension DatabaseRows {
    package func note(
        _ event: String, _ detail: String, of subject: StorySubject, at time: Timestamp
    ) throws(RowsError) {
        let key = subject.bytes
        let last = try connection.row(
            """
            SELECT number, event, detail FROM story WHERE subject = ?
            ORDER BY number DESC LIMIT 1
            """, [.blob(key)]
        ) { (number: $0.integer(0), event: $0.text(1), detail: $0.text(2)) }
        if let last, last.event == event, last.detail == detail {
            return try connection.execute(
                "UPDATE story SET times = times + 1, lastAt = ? WHERE number = ?",
                [.integer(time.milliseconds), .integer(last.number)])
        }
        try connection.execute(
            """
            INSERT INTO story (subject, at, event, detail, times, lastAt)
            VALUES (?, ?, ?, ?, 1, ?)
            """,
            [
                .blob(key), .integer(time.milliseconds), .text(event), .text(detail),
                .integer(time.milliseconds),
            ])
        try connection.execute(
            "DELETE FROM story WHERE number <= last_insert_rowid() - ?",
            [.integer(Int64(Limits.storyEventsMax))])
        try connection.execute(
            """
            DELETE FROM story WHERE number <= (
                SELECT number FROM story WHERE subject = ? ORDER BY number DESC LIMIT 1 OFFSET ?)
                AND subject = ?
            """, [.blob(key), .integer(Int64(Limits.storyEventsPerItemMax)), .blob(key)])
    }

    package func history(of subject: StorySubject) throws(RowsError) -> [ItemStory.Event] {
        try connection.rows(
            """
            SELECT at, event, detail, times, lastAt FROM story WHERE subject = ? ORDER BY number
            """, [.blob(subject.bytes)]
        ) {
            ItemStory.Event(
                at: Timestamp(milliseconds: $0.integer(0)), event: $0.text(1),
                detail: $0.text(2), times: Int($0.integer(3)),
                lastAt: Timestamp(milliseconds: $0.integer(4)))
        }
    }

    package func setAsides() throws(RowsError) -> [SetAside] {
        try connection.rows(
            """
            SELECT subject, name, cause, times, since, version, inode, byteCount, modifiedAt,
                changedAt FROM setAside ORDER BY subject
            """
        ) { (row) throws(RowsError) in
            guard let key = SetAside.Key(bytes: row.blob(0)) else { throw row.damaged() }
            let stamp =
                row.isNull(6)
                ? nil
                : FileStamp(
                    inode: UInt64(bitPattern: row.integer(6)), byteCount: row.integer(7),
                    modifiedAt: row.integer(8), changedAt: row.integer(9))
            return SetAside(
                key: key, stamp: stamp, name: row.text(1), cause: row.text(2),
                times: Int(row.integer(3)), since: Timestamp(milliseconds: row.integer(4)),
                version: row.text(5))
        }
    }

    package func save(_ aside: SetAside) throws(RowsError) {
        try connection.execute(
            "INSERT OR REPLACE INTO setAside VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .blob(aside.key.bytes), .text(aside.name), .text(aside.cause),
                .integer(Int64(aside.times)), .integer(aside.since.milliseconds),
                .text(aside.version), .optional(aside.stamp.map { Int64(bitPattern: $0.inode) }),
                .optional(aside.stamp?.byteCount), .optional(aside.stamp?.modifiedAt),
                .optional(aside.stamp?.changedAt),
            ])
    }

    package func removeSetAside(_ key: SetAside.Key) throws(RowsError) {
        try connection.execute("DELETE FROM setAside WHERE subject = ?", [.blob(key.bytes)])
    }
}

extension SetAside.Key {
    /// As a key of the database.
    fileprivate var bytes: [UInt8] {
        switch self {
        case .bytes(let digest): [0] + digest.bytes
        case .file(let place): StorySubject.place(place).bytes
        }
    }

    fileprivate init?(bytes: [UInt8]) {
        switch bytes.first {
        case 0?:
            guard let digest = Digest(bytes: bytes.dropFirst()) else { return nil }
            self = .bytes(digest)
        case 1? where bytes.count >= 9:
            let root = bytes[1..<9].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            self = .file(
                Place(
                    root: RootID(rawValue: Int64(bitPattern: root)),
                    path: RelativePath(bytes: Array(bytes[9...]))))
        default: return nil
        }
    }
}
