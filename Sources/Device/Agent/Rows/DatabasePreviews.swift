import Library
package import Records
package import SyncEngine

// Previews: what the server has made, and what lies here.

extension DeviceSchema {
    static let previews = """
        -- What the server's records of type `rendering` say: the preview that was made of an
        -- original.
        CREATE TABLE rendition (
            asset BLOB PRIMARY KEY, madeOf BLOB NOT NULL, digest BLOB NOT NULL,
            byteCount INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        -- A preview in `.martlet/previews/`. isPlaced: 0 while it is on its way there or away.
        -- standing: 0 it is needed, 1 its original lies in the library, 2 nobody needs it, or it
        -- is not placed.
        CREATE TABLE preview (
            asset BLOB PRIMARY KEY, madeOf BLOB NOT NULL, digest BLOB NOT NULL,
            byteCount INTEGER NOT NULL, isPlaced INTEGER NOT NULL, standing INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX previewStanding ON preview (standing, asset) WHERE standing > 0;
        -- Of assets outside the trash: their original, and the time by which they come to a device.
        -- `previewWantedAt` is that time while the original lies nowhere on this device and its
        -- preview, which the server has made, is not placed.
        ALTER TABLE remote ADD COLUMN original BLOB;
        ALTER TABLE remote ADD COLUMN fileTime INTEGER;
        ALTER TABLE remote ADD COLUMN previewWantedAt INTEGER;
        CREATE INDEX remotePreviewWanted ON remote (previewWantedAt DESC, id)
            WHERE previewWantedAt IS NOT NULL
        """
}

extension DatabaseRows {
    private static let wantedColumns = """
        id, madeOf, digest, rendition.byteCount, previewWantedAt
        FROM remote CROSS JOIN rendition ON asset = id
        """
    private static let columns = "asset, madeOf, digest, byteCount, isPlaced"

    package func previewsWanted(
        after last: WantedPreview?, limit: Int
    ) throws(RowsError) -> [WantedPreview] {
        let time = last?.shownAt.milliseconds ?? .max
        return try connection.rows(
            """
            SELECT \(Self.wantedColumns)
            WHERE previewWantedAt IS NOT NULL AND previewWantedAt <= ?1
                AND NOT (previewWantedAt = ?1 AND id <= ?2)
            ORDER BY previewWantedAt DESC, id LIMIT ?3
            """,
            [.integer(time), .blob(last?.asset.bytes ?? []), .integer(Int64(limit))], wanted)
    }

    package func wantedPreview(of asset: RecordID) throws(RowsError) -> WantedPreview? {
        try connection.row(
            """
            SELECT \(Self.wantedColumns)
            WHERE type = 'asset' AND id = ? AND previewWantedAt IS NOT NULL
            """, [.blob(asset.bytes)], wanted)
    }

    private func wanted(_ row: SQLiteStatement) throws(RowsError) -> WantedPreview {
        WantedPreview(
            asset: try row.identifier(0), madeOf: try row.digest(1), digest: try row.digest(2),
            byteCount: row.integer(3), shownAt: Timestamp(milliseconds: row.integer(4)))
    }

    package func preview(of asset: RecordID) throws(RowsError) -> PreviewRow? {
        try connection.row(
            "SELECT \(Self.columns) FROM preview WHERE asset = ?", [.blob(asset.bytes)], preview)
    }

    private func preview(_ row: SQLiteStatement) throws(RowsError) -> PreviewRow {
        PreviewRow(
            asset: try row.identifier(0), madeOf: try row.digest(1), digest: try row.digest(2),
            byteCount: row.integer(3), isPlaced: row.flag(4))
    }

    package func save(_ preview: PreviewRow) throws(RowsError) {
        try connection.execute(
            "INSERT OR REPLACE INTO preview VALUES (?, ?, ?, ?, ?, 0)",
            [
                .blob(preview.asset.bytes), .blob(preview.madeOf.bytes),
                .blob(preview.digest.bytes), .integer(preview.byteCount), .flag(preview.isPlaced),
            ])
        try comparePreview(preview.asset.bytes)
    }

    package func removePreview(of asset: RecordID) throws(RowsError) {
        try connection.execute("DELETE FROM preview WHERE asset = ?", [.blob(asset.bytes)])
        try comparePreview(asset.bytes)
    }

    package func previewsToRemove(
        keepsOriginals: Bool, limit: Int
    ) throws(RowsError) -> [PreviewRow] {
        try connection.rows(
            """
            SELECT \(Self.columns) FROM preview WHERE standing > 0 AND standing >= ?
            ORDER BY standing, asset LIMIT ?
            """, [.integer(keepsOriginals ? 1 : 2), .integer(Int64(limit))], preview)
    }

    package func placedPreviews(from folder: Int) throws(RowsError) -> [RecordID] {
        let start = RecordID(high: UInt64(UInt8(clamping: folder)) << 56, low: 0)
        guard folder < 256 else { return [] }
        let first = try connection.row(
            """
            SELECT asset FROM preview WHERE isPlaced = 1 AND asset >= ? ORDER BY asset LIMIT 1
            """, [.blob(start.bytes)]
        ) { (row) throws(RowsError) -> RecordID in try row.identifier(0) }
        guard let first else { return [] }
        let high = UInt64(PreviewName.folder(of: first)) << 56
        let last = RecordID(high: high | (UInt64.max >> 8), low: .max)
        return try connection.rows(
            """
            SELECT asset FROM preview WHERE isPlaced = 1 AND asset >= ? AND asset <= ?
            ORDER BY asset
            """, [.blob(first.bytes), .blob(last.bytes)]
        ) { (row) throws(RowsError) -> RecordID in try row.identifier(0) }
    }

    package func leastUsedPreviews(limit: Int) throws(RowsError) -> [PreviewRow] {
        try connection.rows(
            """
            SELECT \(Self.columns) FROM preview WHERE standing < 2
            ORDER BY standing DESC,
                coalesce((SELECT at FROM itemUse WHERE itemUse.asset = preview.asset), 0),
                (SELECT fileTime FROM remote WHERE type = 'asset' AND id = preview.asset), asset
            LIMIT ?
            """, [.integer(Int64(limit))], preview)
    }

    // MARK: What follows from records and files

    /// Notes what a record says of originals and previews.
    func noteRendition(_ record: Record) throws(RowsError) {
        let id = record.key.id.bytes
        switch record.key.type {
        case .asset:
            let original = record.isLiveAsset ? record.blob(.original) : nil
            let time = AssetFields(record.fields ?? [:]).fileTime.milliseconds
            try connection.execute(
                "UPDATE remote SET original = ?, fileTime = ? WHERE type = 'asset' AND id = ?",
                [.optional(original?.digest.bytes), .integer(time), .blob(id)])
        case .rendering:
            guard let made = record.madePreview else { return try forgetRendition(id) }
            try connection.execute(
                "INSERT OR REPLACE INTO rendition VALUES (?, ?, ?, ?)",
                [
                    .blob(id), .blob(made.of.bytes), .blob(made.preview.digest.bytes),
                    .integer(made.preview.byteCount),
                ])
        default: return
        }
        try comparePreview(id)
    }

    private func forgetRendition(_ id: [UInt8]) throws(RowsError) {
        try connection.execute("DELETE FROM rendition WHERE asset = ?", [.blob(id)])
        try comparePreview(id)
    }

    /// The record is known no longer.
    func noteNoRendition(_ key: RecordKey) throws(RowsError) {
        switch key.type {
        case .asset: try comparePreview(key.id.bytes)
        case .rendering: try forgetRendition(key.id.bytes)
        default: break
        }
    }

    /// A record, a file or a preview of the asset came or went.
    func comparePreview(_ id: [UInt8]) throws(RowsError) {
        try connection.execute(
            """
            UPDATE remote SET previewWantedAt = CASE WHEN EXISTS (
                SELECT 1 FROM rendition AS made
                WHERE made.asset = remote.id AND made.madeOf = remote.original
                    AND NOT EXISTS (
                        SELECT 1 FROM preview AS here
                        WHERE here.asset = made.asset AND here.isPlaced = 1
                            AND here.madeOf = made.madeOf AND here.digest = made.digest)
                    AND NOT EXISTS (SELECT 1 FROM localFile WHERE digest = made.madeOf)
                ) THEN fileTime END
            WHERE type = 'asset' AND id = ?
            """, [.blob(id)])
        try connection.execute(
            """
            UPDATE preview SET standing = CASE
                WHEN isPlaced = 0 OR NOT EXISTS (
                    SELECT 1 FROM remote
                    WHERE type = 'asset' AND id = preview.asset AND fields IS NOT NULL) THEN 2
                WHEN EXISTS (
                    SELECT 1 FROM remote JOIN localFile ON localFile.digest = remote.original
                    WHERE type = 'asset' AND id = preview.asset AND root = 0) THEN 1
                ELSE 0 END
            WHERE asset = ?
            """, [.blob(id)])
    }

    /// Of a database whose records were kept before previews were.
    func noteRenditions() throws(RowsError) {
        for type in [RecordType.asset, .rendering] {
            var id: RecordID?
            while true {
                let page = try records(of: type, after: id, limit: Limits.openRowsPerPageMax)
                for remote in page { try noteRendition(remote.record) }
                guard let last = page.last, page.count == Limits.openRowsPerPageMax else { break }
                id = last.record.key.id
            }
        }
    }
}
