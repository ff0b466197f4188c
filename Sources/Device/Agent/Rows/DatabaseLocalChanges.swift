import Library
package import Records
package import SyncEngine

// What the user did to files of the library: the base view, missing files, held changes.

extension DeviceSchema {
    static let localChanges = """
        -- A file of the library that was agreed on and is not there any more: an observation, not
        -- yet a deletion. `isConfirmed`: it is one. `isApproved`: the user said yes to it.
        CREATE TABLE missingFile (
            root INTEGER NOT NULL, path BLOB NOT NULL, inode INTEGER NOT NULL,
            byteCount INTEGER NOT NULL, modifiedAt INTEGER NOT NULL, changedAt INTEGER NOT NULL,
            since INTEGER NOT NULL, agreedAsset BLOB NOT NULL, agreedRole TEXT NOT NULL,
            agreedDigest BLOB NOT NULL, agreedByteCount INTEGER NOT NULL, agreedName TEXT NOT NULL,
            agreedFileName BLOB, agreedModifiedAt INTEGER,
            isConfirmed INTEGER NOT NULL, isApproved INTEGER NOT NULL,
            PRIMARY KEY (root, path)
        ) STRICT, WITHOUT ROWID;
        -- Renamed here since it was agreed on, and edited here: changes to be told.
        CREATE INDEX localFileRenamed ON localFile (root, folder, name)
            WHERE agreedFileName IS NOT NULL AND agreedFileName <> name;
        CREATE INDEX localFileEdited ON localFile (root, folder, name)
            WHERE agreedDigest IS NOT NULL AND digest IS NOT NULL AND agreedDigest <> digest;
        CREATE INDEX missingFileAsset ON missingFile (agreedAsset);
        -- When a deletion or a change of bytes of this asset was last sent without a question.
        CREATE TABLE sentChange (asset BLOB PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE INDEX sentChangeAt ON sentChange (at)
        """
}

extension DatabaseRows {
    private static let missingColumns = """
        root, path, inode, byteCount, modifiedAt, changedAt, since, agreedAsset, agreedRole,
        agreedDigest, agreedByteCount, agreedName, agreedFileName, agreedModifiedAt, isConfirmed,
        isApproved
        """

    package func agree(_ agreement: Agreement?, at place: Place) throws(RowsError) {
        try connection.execute(
            """
            UPDATE localFile SET agreedAsset = ?, agreedRole = ?, agreedDigest = ?3,
                openPath = CASE WHEN digest IS NULL THEN openPath
                    WHEN ?3 <> digest OR NOT EXISTS (
                        SELECT 1 FROM assetDigest WHERE assetDigest.digest = localFile.digest)
                    THEN CAST(CASE WHEN folder = x'' THEN name ELSE folder || x'2F' || name END
                        AS BLOB) END,
                agreedByteCount = ?, agreedName = ?, agreedFileName = ?, agreedModifiedAt = ?
            WHERE root = ? AND folder = ? AND name = ?
            """,
            [
                .optional(agreement?.asset.bytes), .optional(agreement?.role.rawValue),
                .optional(agreement?.digest.bytes), .optional(agreement?.byteCount),
                .optional(agreement?.name), .optional(agreement?.fileName),
                .optional(agreement?.modifiedAt), .integer(place.root.rawValue),
                .blob(place.folder.path.bytes), .blob(place.path.name),
            ])
        try noteStaleFile(at: place)
    }

    // MARK: Missing files

    package func missingFile(at place: Place) throws(RowsError) -> MissingFile? {
        try connection.row(
            "SELECT \(Self.missingColumns) FROM missingFile WHERE root = ? AND path = ?",
            [.integer(place.root.rawValue), .blob(place.path.bytes)], missingFile)
    }

    package func missingFiles(agreedFor asset: RecordID) throws(RowsError) -> [MissingFile] {
        try connection.rows(
            """
            SELECT \(Self.missingColumns) FROM missingFile WHERE agreedAsset = ?
            ORDER BY root, path
            """, [.blob(asset.bytes)], missingFile)
    }

    package func missingFiles(
        after place: Place?, limit: Int
    ) throws(RowsError) -> [MissingFile] {
        try connection.rows(
            """
            SELECT \(Self.missingColumns) FROM missingFile WHERE (root, path) > (?, ?)
            ORDER BY root, path LIMIT ?
            """,
            [
                .integer(place?.root.rawValue ?? .min), .blob(place?.path.bytes ?? []),
                .integer(Int64(limit)),
            ], missingFile)
    }

    package func missingFiles(in folder: Folder) throws(RowsError) -> [MissingFile] {
        let prefix = folder.path == .root ? [] : folder.path.bytes + [UInt8(ascii: "/")]
        // What follows the prefix is one name: it has no slash.
        return try connection.rows(
            """
            SELECT \(Self.missingColumns) FROM missingFile
            WHERE root = ?1 AND path >= ?2 AND substr(path, 1, length(?2)) = ?2
                AND instr(substr(path, length(?2) + 1), x'2F') = 0
            ORDER BY path
            """, [.integer(folder.root.rawValue), .blob(prefix)], missingFile)
    }

    package func missingCounts() throws(RowsError) -> MissingCounts {
        let groups = try connection.rows(
            """
            SELECT isConfirmed, isApproved, agreedRole = 'original', count(*), min(since)
            FROM missingFile GROUP BY 1, 2, 3
            """
        ) { ($0.flag(0), $0.flag(1), $0.flag(2), Int($0.integer(3)), $0.integer(4)) }
        var counts = MissingCounts()
        for (isConfirmed, isApproved, isOriginal, count, since) in groups {
            counts.all += count
            if !isConfirmed {
                counts.unconfirmed += count
            } else if isOriginal {
                guard !isApproved else {
                    counts.approved += count
                    continue
                }
                counts.unapproved += count
                counts.oldestUnapproved = Timestamp(milliseconds: since)
            }
        }
        return counts
    }

    package func save(_ missing: MissingFile) throws(RowsError) {
        let agreed = missing.agreed
        try connection.execute(
            """
            INSERT OR REPLACE INTO missingFile (\(Self.missingColumns))
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .integer(missing.place.root.rawValue), .blob(missing.place.path.bytes),
                .integer(Int64(bitPattern: missing.stamp.inode)),
                .integer(missing.stamp.byteCount), .integer(missing.stamp.modifiedAt),
                .integer(missing.stamp.changedAt), .integer(missing.since.milliseconds),
                .blob(agreed.asset.bytes), .text(agreed.role.rawValue),
                .blob(agreed.digest.bytes), .integer(agreed.byteCount), .text(agreed.name),
                .optional(agreed.fileName), .optional(agreed.modifiedAt),
                .flag(missing.isConfirmed), .flag(missing.isApproved),
            ])
    }

    package func removeMissingFile(at place: Place) throws(RowsError) {
        try connection.execute(
            "DELETE FROM missingFile WHERE root = ? AND path = ?",
            [.integer(place.root.rawValue), .blob(place.path.bytes)])
    }

    private func missingFile(_ row: SQLiteStatement) throws(RowsError) -> MissingFile {
        MissingFile(
            place: Place(
                root: RootID(rawValue: row.integer(0)), path: RelativePath(bytes: row.blob(1))),
            agreed: Agreement(
                asset: try row.identifier(7), role: BlobRole(rawValue: row.text(8)),
                digest: try row.digest(9), byteCount: row.integer(10), name: row.text(11),
                fileName: row.isNull(12) ? nil : row.blob(12),
                modifiedAt: row.isNull(13) ? nil : row.integer(13)),
            stamp: FileStamp(
                inode: UInt64(bitPattern: row.integer(2)), byteCount: row.integer(3),
                modifiedAt: row.integer(4), changedAt: row.integer(5)),
            since: Timestamp(milliseconds: row.integer(6)), isConfirmed: row.flag(14),
            isApproved: row.flag(15))
    }

    package func hasUnreadFile(of byteCount: Int64) throws(RowsError) -> Bool {
        try connection.exists(
            """
            SELECT 1 FROM localFile
            WHERE state NOT IN (1, 2) AND state = 0 AND code IS NULL AND byteCount = ?
            """, [.integer(byteCount)])
    }

    package func hasUnknownFile(like stamp: FileStamp) throws(RowsError) -> Bool {
        try connection.exists(
            """
            SELECT 1 FROM localFile WHERE state NOT IN (1, 2) AND byteCount = ?
                AND (state = 4 OR (state = 3 AND inode = ?))
            """,
            [.integer(stamp.byteCount), .integer(Int64(bitPattern: stamp.inode))])
    }

    // MARK: Files that are not as they were agreed on

    package func renamedFiles(limit: Int) throws(RowsError) -> [LocalFile] {
        try connection.rows(
            """
            SELECT \(Self.localFileColumns) FROM localFile
            WHERE agreedFileName IS NOT NULL AND agreedFileName <> name
            ORDER BY root, folder, name LIMIT ?
            """, [.integer(Int64(limit))], localFile)
    }

    package func editedFiles(limit: Int) throws(RowsError) -> [LocalFile] {
        try connection.rows(
            """
            SELECT \(Self.localFileColumns) FROM localFile
            WHERE agreedDigest IS NOT NULL AND digest IS NOT NULL AND agreedDigest <> digest
            ORDER BY root, folder, name LIMIT ?
            """, [.integer(Int64(limit))], localFile)
    }

    package func unapprovedEditCount() throws(RowsError) -> Int {
        // Asked for with every status: left alone, SQLite walks every file that has a digest.
        let count = try connection.row(
            """
            SELECT count(*) FROM localFile INDEXED BY localFileEdited
            WHERE agreedDigest IS NOT NULL AND digest IS NOT NULL AND agreedDigest <> digest
                AND agreedModifiedAt IS NOT NULL
            """
        ) { Int($0.integer(0)) }
        return count ?? 0
    }

    package func localFiles(
        notIncluded code: String, limit: Int
    ) throws(RowsError) -> [LocalFile] {
        try connection.rows(
            """
            SELECT \(Self.localFileColumns) FROM localFile
            WHERE state NOT IN (1, 2) AND state = 3 AND code = ? ORDER BY root, folder, name LIMIT ?
            """, [.text(code), .integer(Int64(limit))], localFile)
    }

    // MARK: What was sent

    package func save(_ sent: SentChange) throws(RowsError) {
        try connection.execute(
            "INSERT OR REPLACE INTO sentChange VALUES (?, ?)",
            [.blob(sent.asset.bytes), .integer(sent.at.milliseconds)])
    }

    package func sentChangeCount(since: Timestamp) throws(RowsError) -> Int {
        let count = try connection.row(
            "SELECT count(*) FROM sentChange WHERE at >= ?", [.integer(since.milliseconds)]
        ) { Int($0.integer(0)) }
        return count ?? 0
    }

    package func removeSentChanges(before: Timestamp) throws(RowsError) {
        try connection.execute(
            "DELETE FROM sentChange WHERE at < ?", [.integer(before.milliseconds)])
    }
}
