import Library
package import Records
package import SyncEngine

// Files that other devices removed or replaced: intents, the local trash, marks.

extension DeviceSchema {
    static let removals = """
        -- What Martlet itself is about to do to a file: written, and synced, before the file is
        -- touched. kind: 0 to the trash, 1 leaving, 2 renamed. `aside`: its name in
        -- `.martlet/trash/` or `.martlet/leaving/`; `cause`: as in `trashedFile`; `receipts`: the
        -- digests whose receipts allow it, one after another; `target`: the new path.
        CREATE TABLE intent (
            root INTEGER NOT NULL, path BLOB NOT NULL,
            inode INTEGER NOT NULL, byteCount INTEGER NOT NULL, modifiedAt INTEGER NOT NULL,
            changedAt INTEGER NOT NULL, agreedAsset BLOB, agreedRole TEXT, agreedDigest BLOB,
            agreedByteCount INTEGER, agreedName TEXT, kind INTEGER NOT NULL, aside TEXT,
            cause TEXT, receipts BLOB, target BLOB, at INTEGER NOT NULL,
            PRIMARY KEY (root, path)
        ) STRICT, WITHOUT ROWID;
        -- A file in `.martlet/trash/`, and where it lay. cause: `deleted` or `replaced`.
        CREATE TABLE trashedFile (
            name TEXT PRIMARY KEY, root INTEGER NOT NULL, path BLOB NOT NULL,
            inode INTEGER NOT NULL, byteCount INTEGER NOT NULL, modifiedAt INTEGER NOT NULL,
            changedAt INTEGER NOT NULL, agreedAsset BLOB NOT NULL, agreedRole TEXT NOT NULL,
            agreedDigest BLOB NOT NULL, agreedByteCount INTEGER NOT NULL,
            agreedName TEXT NOT NULL, cause TEXT NOT NULL, at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX trashedFileDigest ON trashedFile (agreedDigest);
        CREATE INDEX trashedFileAsset ON trashedFile (agreedAsset);
        -- Of the library's mark; one row. announced: a generation that may be written by now.
        -- accepted: that of a restored library which the user took for good.
        CREATE TABLE markGeneration (
            one INTEGER PRIMARY KEY CHECK (one = 1), announced INTEGER, accepted INTEGER
        ) STRICT;
        INSERT INTO markGeneration VALUES (1, NULL, NULL);
        -- The latest runs of this device, in their order.
        CREATE TABLE run (number INTEGER PRIMARY KEY, id INTEGER NOT NULL) STRICT;
        -- Its path while the records have left the file's agreement behind: it is to be moved away.
        ALTER TABLE localFile ADD COLUMN stalePath BLOB;
        CREATE INDEX localFileStale ON localFile (stalePath) WHERE stalePath IS NOT NULL
        """
}

extension DatabaseRows {
    // MARK: Intents

    private static let intentColumns = """
        root, path, inode, byteCount, modifiedAt, changedAt, agreedAsset, agreedRole, agreedDigest,
        agreedByteCount, agreedName, kind, aside, cause, receipts, target, at
        """

    package func intent(at place: Place) throws(RowsError) -> Intent? {
        try connection.row(
            "SELECT \(Self.intentColumns) FROM intent WHERE root = ? AND path = ?",
            [.integer(place.root.rawValue), .blob(place.path.bytes)], intent)
    }

    package func intents() throws(RowsError) -> [Intent] {
        try connection.rows(
            "SELECT \(Self.intentColumns) FROM intent ORDER BY root, path", [], intent)
    }

    package func save(_ intent: Intent) throws(RowsError) {
        var kind: Int64 = 2
        var (aside, cause): (String?, String?)
        var (receipts, target): ([UInt8]?, [UInt8]?)
        switch intent.kind {
        case .trash(let name, let why): (kind, aside, cause) = (0, name.text, why.rawValue)
        case .leave(let name, let digests):
            (kind, aside, receipts) = (1, name.text, digests.flatMap(\.bytes))
        case .rename(let place): target = place.path.bytes
        }
        try connection.execute(
            """
            INSERT OR REPLACE INTO intent (\(Self.intentColumns))
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [.integer(intent.place.root.rawValue), .blob(intent.place.path.bytes)]
                + arguments(of: intent.stamp) + arguments(of: intent.agreed)
                + [
                    .integer(kind), .optional(aside), .optional(cause), .optional(receipts),
                    .optional(target), .integer(intent.at.milliseconds),
                ])
    }

    package func removeIntent(at place: Place) throws(RowsError) {
        try connection.execute(
            "DELETE FROM intent WHERE root = ? AND path = ?",
            [.integer(place.root.rawValue), .blob(place.path.bytes)])
    }

    private func intent(_ row: SQLiteStatement) throws(RowsError) -> Intent {
        let root = RootID(rawValue: row.integer(0))
        let kind: Intent.Kind
        switch row.integer(11) {
        case 0: kind = .trash(AsideName(.trash, row.text(12)), try cause(row, 13))
        case 1:
            let bytes = row.blob(14)
            var digests: [Digest] = []
            for start in stride(from: 0, to: bytes.count, by: Digest.byteCount) {
                let part = bytes[start...].prefix(Digest.byteCount)
                guard let digest = part.withUnsafeBytes({ Digest(bytes: $0) }) else {
                    throw row.damaged()
                }
                digests.append(digest)
            }
            kind = .leave(AsideName(.leaving, row.text(12)), receipts: digests)
        case 2: kind = .rename(to: Place(root: root, path: RelativePath(bytes: row.blob(15))))
        default: throw row.damaged()
        }
        return Intent(
            place: Place(root: root, path: RelativePath(bytes: row.blob(1))),
            stamp: stamp(row, from: 2), agreed: try agreement(row, from: 6), kind: kind,
            at: Timestamp(milliseconds: row.integer(16)))
    }

    // MARK: The local trash

    private static let trashColumns = """
        name, root, path, inode, byteCount, modifiedAt, changedAt, agreedAsset, agreedRole,
        agreedDigest, agreedByteCount, agreedName, cause, at
        """

    package func trashedFile(_ name: AsideName) throws(RowsError) -> TrashedFile? {
        try trashedFiles("WHERE name = ?", [.text(name.text)]).first
    }

    package func trashedFiles(with digest: Digest) throws(RowsError) -> [TrashedFile] {
        try trashedFiles("WHERE agreedDigest = ? ORDER BY name", [.blob(digest.bytes)])
    }

    package func trashedFiles(of asset: RecordID) throws(RowsError) -> [TrashedFile] {
        try trashedFiles("WHERE agreedAsset = ? ORDER BY name", [.blob(asset.bytes)])
    }

    /// Of one cause, ordered by name.
    func trashedFiles(because cause: TrashedFile.Cause) throws(RowsError) -> [TrashedFile] {
        try trashedFiles("WHERE cause = ? ORDER BY name", [.text(cause.rawValue)])
    }

    package func trashedFilesToPurge(limit: Int) throws(RowsError) -> [TrashedFile] {
        try trashedFiles(
            """
            WHERE EXISTS (SELECT 1 FROM remote WHERE type = 'asset' AND id = agreedAsset
                AND fields IS NULL AND joinedInto IS NULL) ORDER BY name LIMIT ?
            """, [.integer(Int64(limit))])
    }

    package func save(_ file: TrashedFile) throws(RowsError) {
        try connection.execute(
            """
            INSERT OR REPLACE INTO trashedFile (\(Self.trashColumns))
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .text(file.name.text), .integer(file.place.root.rawValue),
                .blob(file.place.path.bytes),
            ] + arguments(of: file.stamp) + arguments(of: file.agreed)
                + [.text(file.cause.rawValue), .integer(file.at.milliseconds)])
    }

    func allTrashedFiles() throws(RowsError) -> [TrashedFile] {
        try trashedFiles("ORDER BY name", [])
    }

    package func removeTrashedFile(_ name: AsideName) throws(RowsError) {
        try connection.execute("DELETE FROM trashedFile WHERE name = ?", [.text(name.text)])
    }

    private func trashedFiles(
        _ rest: String, _ arguments: [SQLiteArgument]
    ) throws(RowsError) -> [TrashedFile] {
        try connection.rows(
            "SELECT \(Self.trashColumns) FROM trashedFile \(rest)", arguments
        ) { (row) throws(RowsError) in
            guard let agreed = try agreement(row, from: 7) else { throw row.damaged() }
            return TrashedFile(
                name: AsideName(.trash, row.text(0)),
                place: Place(
                    root: RootID(rawValue: row.integer(1)), path: RelativePath(bytes: row.blob(2))),
                stamp: stamp(row, from: 3), agreed: agreed, cause: try cause(row, 12),
                at: Timestamp(milliseconds: row.integer(13)))
        }
    }

    private func cause(
        _ row: SQLiteStatement, _ column: Int32
    ) throws(RowsError) -> TrashedFile.Cause {
        guard let cause = TrashedFile.Cause(rawValue: row.text(column)) else {
            throw row.damaged()
        }
        return cause
    }

    private func arguments(of stamp: FileStamp) -> [SQLiteArgument] {
        [
            .integer(Int64(bitPattern: stamp.inode)), .integer(stamp.byteCount),
            .integer(stamp.modifiedAt), .integer(stamp.changedAt),
        ]
    }

    private func arguments(of agreed: Agreement?) -> [SQLiteArgument] {
        [
            .optional(agreed?.asset.bytes), .optional(agreed?.role.rawValue),
            .optional(agreed?.digest.bytes), .optional(agreed?.byteCount),
            .optional(agreed?.name),
        ]
    }

    // MARK: The mark and the runs

    package func markGenerations() throws(RowsError) -> MarkGenerations {
        MarkGenerations(
            written: try settings.markGeneration,
            announced: try connection.row("SELECT announced FROM markGeneration") {
                $0.optionalInteger(0)
            } ?? nil)
    }

    package func save(_ generations: MarkGenerations) throws(RowsError) {
        try connection.execute(
            "UPDATE settings SET markGeneration = ?", [.integer(generations.written)])
        try connection.execute(
            "UPDATE markGeneration SET announced = ?", [.optional(generations.announced)])
    }

    package func acceptedGeneration() throws(RowsError) -> Int64? {
        try connection.row("SELECT accepted FROM markGeneration") { $0.optionalInteger(0) } ?? nil
    }

    package func acceptGeneration(_ generation: Int64) throws(RowsError) {
        try connection.execute(
            "UPDATE markGeneration SET accepted = ?", [.integer(generation)])
    }

    package func runs() throws(RowsError) -> [UInt64] {
        try connection.rows("SELECT id FROM run ORDER BY number") {
            UInt64(bitPattern: $0.integer(0))
        }
    }

    package func addRun(_ run: UInt64) throws(RowsError) {
        try connection.execute(
            "INSERT INTO run (id) VALUES (?)", [.integer(Int64(bitPattern: run))])
        try connection.execute(
            "DELETE FROM run WHERE number <= (SELECT max(number) FROM run) - ?",
            [.integer(Int64(Limits.runsKeptMax))])
    }

    // MARK: What the records have left behind

    /// Whether the asset `id`, as rows know it, leaves a file behind that was agreed on with
    /// `digest` (`Record.leavesBehind`).
    private static func leavesBehind(_ id: String, _ digest: String) -> String {
        """
        EXISTS (SELECT 1 FROM remote WHERE type = 'asset' AND remote.id = \(id) AND CASE
            WHEN fields IS NOT NULL AND trashedAt IS NULL THEN NOT EXISTS (
                SELECT 1 FROM assetDigest AS part WHERE part.digest = \(digest)
                    AND part.asset = remote.id AND part.isPart = 1)
            ELSE joinedInto IS NULL END)
        """
    }

    package func staleFiles(after place: Place?, limit: Int) throws(RowsError) -> [LocalFile] {
        if let place, !place.root.isLibrary { return [] }
        return try connection.rows(
            """
            SELECT \(Self.localFileColumns) FROM localFile WHERE stalePath > ?
            ORDER BY stalePath LIMIT ?
            """, [.blob(place?.path.bytes ?? []), .integer(Int64(limit))], localFile)
    }

    /// What the file's asset, as rows know it, says of it now.
    func marks(
        of file: LocalFile
    ) throws(RowsError) -> (isStale: Bool, isNamedOtherwise: Bool) {
        guard let agreed = file.agreed, file.place.root.isLibrary else { return (false, false) }
        return try connection.row(
            "SELECT \(Self.leavesBehind("?1", "?2")), \(Self.isNamedOtherwise("?1", "?3"))",
            [.blob(agreed.asset.bytes), .blob(agreed.digest.bytes), .text(agreed.name)]
        ) { ($0.flag(0), $0.flag(1)) } ?? (false, false)
    }

    /// The record of an asset is another one, or gone: what its files are, follows.
    func noteStaleFiles(of asset: RecordID) throws(RowsError) {
        try noteStaleFiles("agreedAsset = ? AND root = 0", [.blob(asset.bytes)])
    }

    /// The file was agreed on as something else.
    func noteStaleFile(at place: Place) throws(RowsError) {
        guard place.root.isLibrary else { return }
        try noteStaleFiles("root = ? AND folder = ? AND name = ?", key(of: place))
    }

    private func noteStaleFiles(
        _ condition: String, _ arguments: [SQLiteArgument]
    ) throws(RowsError) {
        let leavesBehind = Self.leavesBehind("localFile.agreedAsset", "localFile.agreedDigest")
        try connection.execute(
            """
            UPDATE localFile SET stalePath = CASE WHEN stalePath IS NULL THEN CAST(
                CASE WHEN folder = x'' THEN name ELSE folder || x'2F' || name END AS BLOB) END
            WHERE \(condition) AND (stalePath IS NOT NULL) <> \(leavesBehind)
            """, arguments)
        try noteNames(condition, arguments)
    }
}
