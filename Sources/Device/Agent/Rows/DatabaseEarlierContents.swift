package import Records
package import SyncEngine

// What assets named before, and since when they do not.

extension DeviceSchema {
    static let earlierContents = """
        -- `changedAt` of the record that no longer named the digest. NULL while it is named, for
        -- what is never forgotten, and for what ended before there was this column, until the
        -- asset's record is saved again.
        ALTER TABLE assetDigest ADD COLUMN endedAt INTEGER;
        CREATE INDEX assetDigestEnded ON assetDigest (endedAt, digest, asset)
            WHERE endedAt IS NOT NULL
        """
}

extension DatabaseRows {
    package func earlierContents(
        endedBy time: Timestamp, limit: Int
    ) throws(RowsError) -> [EarlierContent] {
        try connection.rows(
            """
            SELECT digest, asset FROM assetDigest WHERE endedAt <= ?
            ORDER BY endedAt, digest, asset LIMIT ?
            """, [.integer(time.milliseconds), .integer(Int64(limit))]
        ) { (row) throws(RowsError) in
            EarlierContent(digest: try row.digest(0), asset: try row.identifier(1))
        }
    }

    package func forget(_ earlier: EarlierContent) throws(RowsError) {
        try connection.execute(
            "DELETE FROM assetDigest WHERE digest = ? AND asset = ? AND endedAt IS NOT NULL",
            Self.key(of: earlier))
        try openFiles(with: earlier.digest)
    }

    package func keep(_ earlier: EarlierContent) throws(RowsError) {
        try connection.execute(
            "UPDATE assetDigest SET endedAt = NULL WHERE digest = ? AND asset = ?",
            Self.key(of: earlier))
    }

    private static func key(of earlier: EarlierContent) -> [SQLiteArgument] {
        [.blob(earlier.digest.bytes), .blob(earlier.asset.bytes)]
    }
}
