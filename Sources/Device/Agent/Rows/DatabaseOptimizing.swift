package import Records
package import SyncEngine

// Optimize Storage: what the user chose, receipts, last use.

extension DeviceSchema {
    static let optimizing = """
        -- What the user said about one item's original on this device: `keepHere`, `inCloud`,
        -- `fetch`.
        CREATE TABLE itemChoice (
            asset BLOB PRIMARY KEY, choice TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX itemChoiceByChoice ON itemChoice (choice, asset);
        -- The server's signed word that it read an object back from its medium; the latest of each
        -- digest that was asked for.
        CREATE TABLE receipt (
            digest BLOB PRIMARY KEY, byteCount INTEGER NOT NULL, verifiedAt INTEGER NOT NULL,
            epoch INTEGER NOT NULL, copies INTEGER NOT NULL, askedAt INTEGER NOT NULL,
            signed TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        -- When the user last opened an item.
        CREATE TABLE itemUse (
            asset BLOB PRIMARY KEY, at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        -- How much is to be free on the library's disk; one row, or none.
        CREATE TABLE freeSpaceTarget (
            one INTEGER PRIMARY KEY CHECK (one = 1), byteCount INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX localFileOriginal ON localFile (since, agreedAsset)
            WHERE agreedRole = 'original' AND root = 0
        """
}

extension DatabaseRows {
    // MARK: Choices

    package func choice(for asset: RecordID) throws(RowsError) -> ItemChoice? {
        try connection.row(
            "SELECT choice FROM itemChoice WHERE asset = ?", [.blob(asset.bytes)], choice)
    }

    private func choice(_ row: SQLiteStatement) throws(RowsError) -> ItemChoice {
        guard let choice = ItemChoice(rawValue: row.text(0)) else { throw row.damaged() }
        return choice
    }

    package func assets(
        chosen choice: ItemChoice, after id: RecordID?, limit: Int
    ) throws(RowsError) -> [RecordID] {
        try connection.rows(
            """
            SELECT asset FROM itemChoice WHERE choice = ? AND asset > ? ORDER BY asset LIMIT ?
            """, [.text(choice.rawValue), .blob(id?.bytes ?? []), .integer(Int64(limit))]
        ) { (row) throws(RowsError) in try row.identifier(0) }
    }

    package func choose(_ choice: ItemChoice?, for asset: RecordID) throws(RowsError) {
        guard let choice else {
            return try connection.execute(
                "DELETE FROM itemChoice WHERE asset = ?", [.blob(asset.bytes)])
        }
        try connection.execute(
            "INSERT OR REPLACE INTO itemChoice VALUES (?, ?)",
            [.blob(asset.bytes), .text(choice.rawValue)])
    }

    package func removeChoices(_ choice: ItemChoice) throws(RowsError) {
        try connection.execute(
            "DELETE FROM itemChoice WHERE choice = ?", [.text(choice.rawValue)])
    }

    func count(choicesInto statistics: inout RowStatistics) throws(RowsError) {
        // CROSS: from the few choices to their records. Left alone, SQLite walks every record.
        let groups = try connection.rows(
            """
            SELECT choice, lacksHere, count(*), sum(byteCountLacking)
            FROM itemChoice CROSS JOIN remote ON type = 'asset' AND id = asset
            WHERE lacksHere IS NOT NULL GROUP BY choice, lacksHere
            """
        ) { (row) throws(RowsError) in
            (try choice(row), row.flag(1), Int(row.integer(2)), row.integer(3))
        }
        for (choice, lacks, assets, byteCount) in groups {
            statistics.count(
                choice, isHere: !lacks, byteCountLacking: byteCount, assets: assets)
        }
    }

    // MARK: Receipts

    package func save(_ stored: StoredReceipt) throws(RowsError) {
        let receipt = stored.receipt
        try connection.execute(
            "INSERT OR REPLACE INTO receipt VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                .blob(receipt.digest.bytes), .integer(receipt.byteCount),
                .integer(receipt.verifiedAt.milliseconds), .integer(receipt.epoch.rawValue),
                .integer(Int64(receipt.copies)), .integer(stored.askedAt.milliseconds),
                .text(receipt.signed),
            ])
    }

    package func receipt(for digest: Digest) throws(RowsError) -> StoredReceipt? {
        try connection.row(
            """
            SELECT digest, byteCount, verifiedAt, epoch, copies, askedAt, signed FROM receipt
            WHERE digest = ?
            """, [.blob(digest.bytes)]
        ) { (row) throws(RowsError) in
            StoredReceipt(
                ServerReceipt(
                    digest: try row.digest(0), byteCount: row.integer(1),
                    verifiedAt: Timestamp(milliseconds: row.integer(2)),
                    epoch: Epoch(rawValue: row.integer(3)), copies: Int(row.integer(4)),
                    signed: row.text(6)),
                askedAt: Timestamp(milliseconds: row.integer(5)))
        }
    }

    package func assetsLeft(since time: Timestamp?) throws(RowsError) -> Int {
        try connection.row(
            """
            SELECT count(*) FROM remote
            WHERE type = 'asset' AND lacksHere = 1 AND createdAt > ? AND EXISTS (
                SELECT 1 FROM assetDigest JOIN receipt ON receipt.digest = assetDigest.digest
                WHERE asset = id AND isPart = 1)
            """, [.integer(time?.milliseconds ?? .min)]
        ) { Int($0.integer(0)) } ?? 0
    }

    // MARK: Use and space

    package func noteUse(of asset: RecordID, at time: Timestamp) throws(RowsError) {
        try connection.execute(
            """
            INSERT INTO itemUse VALUES (?, ?)
            ON CONFLICT (asset) DO UPDATE SET at = max(at, excluded.at)
            """, [.blob(asset.bytes), .integer(time.milliseconds)])
    }

    package func leastUsedOriginals(limit: Int) throws(RowsError) -> [RecordID] {
        try connection.rows(
            """
            SELECT agreedAsset, max(max(since), coalesce(
                (SELECT at FROM itemUse WHERE asset = agreedAsset), 0)) AS used
            FROM localFile
            WHERE agreedRole = 'original' AND root = 0
                AND NOT EXISTS (SELECT 1 FROM itemChoice WHERE asset = agreedAsset)
            GROUP BY agreedAsset ORDER BY used, agreedAsset LIMIT ?
            """, [.integer(Int64(limit))]
        ) { (row) throws(RowsError) in try row.identifier(0) }
    }

    package func assetsToEvict(after id: RecordID?, limit: Int) throws(RowsError) -> [RecordID] {
        try connection.rows(
            """
            SELECT asset FROM itemChoice WHERE choice = 'inCloud' AND asset > ? AND EXISTS (
                SELECT 1 FROM localFile WHERE agreedAsset = asset AND root = 0)
            ORDER BY asset LIMIT ?
            """, [.blob(id?.bytes ?? []), .integer(Int64(limit))]
        ) { (row) throws(RowsError) in try row.identifier(0) }
    }

    package func assetsInLibrary(
        after id: RecordID?, limit: Int
    ) throws(RowsError) -> [RecordID] {
        try connection.rows(
            """
            SELECT DISTINCT agreedAsset FROM localFile
            WHERE agreedAsset IS NOT NULL AND agreedAsset > ? AND root = 0
            ORDER BY agreedAsset LIMIT ?
            """, [.blob(id?.bytes ?? []), .integer(Int64(limit))]
        ) { (row) throws(RowsError) in try row.identifier(0) }
    }

    package func freeSpaceTarget() throws(RowsError) -> Int64? {
        try connection.row("SELECT byteCount FROM freeSpaceTarget") { $0.integer(0) }
    }

    package func save(freeSpaceTarget: Int64?) throws(RowsError) {
        guard let freeSpaceTarget else {
            return try connection.execute("DELETE FROM freeSpaceTarget")
        }
        try connection.execute(
            "INSERT OR REPLACE INTO freeSpaceTarget VALUES (1, ?)", [.integer(freeSpaceTarget)])
    }
}
