import Library
package import Records
package import SyncEngine

// Names that other devices gave, and pictures that were changed on two devices.

extension DeviceSchema {
    static let renaming = """
        -- Of assets: the name that it has, and what it is a conflicted copy of until somebody
        -- answers. Rows of before have neither until their record comes again.
        ALTER TABLE remote ADD COLUMN name TEXT;
        ALTER TABLE remote ADD COLUMN conflictsWith BLOB;
        CREATE INDEX remoteConflicts ON remote (conflictsWith, id) WHERE conflictsWith IS NOT NULL;
        -- Its path while its asset has another name than when it was agreed on.
        ALTER TABLE localFile ADD COLUMN otherNamePath BLOB;
        CREATE INDEX localFileOtherName ON localFile (otherNamePath)
            WHERE otherNamePath IS NOT NULL
        """
}

extension DatabaseRows {
    // MARK: Names

    /// Whether the asset `id`, as rows know it, is live and called otherwise than `name`
    /// (`Record.isNamedOtherwise`).
    static func isNamedOtherwise(_ id: String, _ name: String) -> String {
        """
        EXISTS (SELECT 1 FROM remote WHERE type = 'asset' AND remote.id = \(id)
            AND fields IS NOT NULL AND trashedAt IS NULL AND remote.name <> \(name))
        """
    }

    package func filesNamedOtherwise(after place: Place?, limit: Int) throws(RowsError)
        -> [LocalFile]
    {
        if let place, !place.root.isLibrary { return [] }
        return try connection.rows(
            """
            SELECT \(Self.localFileColumns) FROM localFile WHERE otherNamePath > ?
            ORDER BY otherNamePath LIMIT ?
            """, [.blob(place?.path.bytes ?? []), .integer(Int64(limit))], localFile)
    }

    /// An asset's record is another one, or gone; or one file was agreed on anew.
    func noteNames(_ condition: String, _ arguments: [SQLiteArgument]) throws(RowsError) {
        let isOther = Self.isNamedOtherwise("localFile.agreedAsset", "localFile.agreedName")
        try connection.execute(
            """
            UPDATE localFile SET otherNamePath = CASE WHEN otherNamePath IS NULL THEN CAST(
                CASE WHEN folder = x'' THEN name ELSE folder || x'2F' || name END AS BLOB) END
            WHERE \(condition) AND (otherNamePath IS NOT NULL) <> \(isOther)
            """, arguments)
    }

    // MARK: Conflicts

    package func conflictedCopies(
        of asset: RecordID?, limit: Int
    ) throws(RowsError) -> [RemoteRecord] {
        let isLive = "conflictsWith IS NOT NULL AND trashedAt IS NULL AND fields IS NOT NULL"
        guard let asset else {
            return try remotes("\(isLive) ORDER BY id", [], limit: limit)
        }
        return try remotes(
            "\(isLive) AND conflictsWith = ? ORDER BY id", [.blob(asset.bytes)], limit: limit)
    }
}
