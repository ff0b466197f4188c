import Library
package import Records
package import SyncEngine

// The server's records, and what follows from them for this device's files.
extension DatabaseRows {
    private static let columns = """
        type, id, epoch, sequence, listing, createdAt, createdBy, changedAt, changedBy, trashedAt,
        requires, keyEpoch, fields, blobs, joinedInto, derivedEpoch, derivedSequence
        """
    private static let partRoles = Set(BlobRole.keptAsFiles.map(\.rawValue))

    package func remote(_ key: RecordKey) throws(RowsError) -> RemoteRecord? {
        try connection.row(
            "SELECT \(Self.columns) FROM remote WHERE type = ? AND id = ?",
            [.text(key.type.rawValue), .blob(key.id.bytes)], remote)
    }

    package func assets(with digest: Digest) throws(RowsError) -> [RemoteRecord] {
        try connection.rows(
            """
            SELECT \(Self.columns) FROM assetDigest JOIN remote ON type = 'asset' AND id = asset
            WHERE digest = ? ORDER BY asset
            """, [.blob(digest.bytes)], remote)
    }

    package func assetsNotInLibrary(
        after id: RecordID?, limit: Int
    ) throws(RowsError) -> [RemoteRecord] {
        try connection.rows(
            """
            SELECT \(Self.columns) FROM remote WHERE lacksInLibrary = 1 AND id > ?
            ORDER BY id LIMIT ?
            """, [.blob(id?.bytes ?? []), .integer(Int64(limit))], remote)
    }

    package func remotesNotListed(
        since listing: Int64, limit: Int
    ) throws(RowsError) -> [RemoteRecord] {
        try connection.rows(
            """
            SELECT \(Self.columns) FROM remote WHERE listing < ? ORDER BY type, id LIMIT ?
            """, [.integer(listing), .integer(Int64(limit))], remote)
    }

    /// Live records of one type, in the order of their ids: what `photos list` walks.
    package func records(
        of type: RecordType, after id: RecordID?, limit: Int
    ) throws(RowsError) -> [RemoteRecord] {
        try connection.rows(
            """
            SELECT \(Self.columns) FROM remote
            WHERE type = ? AND id > ? AND fields IS NOT NULL ORDER BY id LIMIT ?
            """,
            [.text(type.rawValue), .blob(id?.bytes ?? []), .integer(Int64(limit))], remote)
    }

    func remotes(
        _ condition: String, _ arguments: [SQLiteArgument], limit: Int
    ) throws(RowsError) -> [RemoteRecord] {
        try connection.rows(
            "SELECT \(Self.columns) FROM remote WHERE \(condition) LIMIT ?",
            arguments + [.integer(Int64(limit))], remote)
    }

    package func save(_ remote: RemoteRecord) throws(RowsError) {
        let record = remote.record
        let envelope = record.envelope
        try connection.execute(
            """
            INSERT INTO remote (\(Self.columns), name, conflictsWith)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (type, id) DO UPDATE SET epoch = excluded.epoch,
                sequence = excluded.sequence, listing = excluded.listing,
                createdAt = excluded.createdAt, createdBy = excluded.createdBy,
                changedAt = excluded.changedAt, changedBy = excluded.changedBy,
                trashedAt = excluded.trashedAt, requires = excluded.requires,
                keyEpoch = excluded.keyEpoch, fields = excluded.fields, blobs = excluded.blobs,
                joinedInto = excluded.joinedInto, derivedEpoch = excluded.derivedEpoch,
                derivedSequence = excluded.derivedSequence, name = excluded.name,
                conflictsWith = excluded.conflictsWith
            """,
            [
                .text(record.key.type.rawValue), .blob(record.key.id.bytes),
                .integer(remote.epoch.rawValue), .integer(envelope.sequence),
                .integer(remote.listing), .integer(envelope.createdAt.milliseconds),
                .blob(envelope.createdBy.bytes), .integer(envelope.changedAt.milliseconds),
                .blob(envelope.changedBy.bytes), .optional(envelope.trashedAt?.milliseconds),
                .integer(Int64(envelope.requires)), .integer(Int64(envelope.keyEpoch)),
                .optional(record.fields.map(FieldsFormat.encode)),
                .blob(FieldsFormat.encode(record.blobs)), .optional(record.joinedInto?.bytes),
                .optional(envelope.derivedFrom?.epoch.rawValue),
                .optional(envelope.derivedFrom?.sequence),
                .optional(record.key.type == .asset ? record.fields?["name"]?.string : nil),
                .optional(record.key.type == .asset ? record.conflictsWith?.bytes : nil),
            ])
        try noteMembership(record.key, record.membership)
        try notePairing(record.key, record.contentIdentifier)
        if record.key.type == .asset { try noteDigests(of: record) }
        try noteRendition(record)
    }

    package func removeRemote(_ key: RecordKey) throws(RowsError) {
        try connection.execute(
            "DELETE FROM remote WHERE type = ? AND id = ?",
            [.text(key.type.rawValue), .blob(key.id.bytes)])
        try noteMembership(key, nil)
        try notePairing(key, nil)
        try noteNoRendition(key)
        guard key.type == .asset else { return }
        let digests = try connection.rows(
            "SELECT digest FROM assetDigest WHERE asset = ?", [.blob(key.id.bytes)]
        ) { (row) throws(RowsError) in try row.digest(0) }
        try connection.execute("DELETE FROM assetDigest WHERE asset = ?", [.blob(key.id.bytes)])
        for digest in digests { try openFiles(with: digest) }
        try noteStaleFiles(of: key.id)
    }

    // MARK: What is named, and what lies here

    /// Whether an asset names the digest, or did.
    func isNamed(_ digest: Digest) throws(RowsError) -> Bool {
        try connection.exists(
            "SELECT 1 FROM assetDigest WHERE digest = ?", [.blob(digest.bytes)])
    }

    /// Files of this digest came or went, so the assets that name it may lie here whole or no longer.
    func compareAssets(with digest: Digest) throws(RowsError) {
        let assets = try connection.rows(
            "SELECT asset FROM assetDigest WHERE digest = ? AND isPart = 1",
            [.blob(digest.bytes)]
        ) { $0.blob(0) }
        for asset in assets {
            try compareAsset(asset)
            try comparePreview(asset)
        }
    }

    private func compareAsset(_ id: [UInt8]) throws(RowsError) {
        try connection.execute(
            """
            UPDATE remote SET (lacksInLibrary, lacksHere, byteCountLacking) = (
                SELECT count(part.digest) > 0,
                    coalesce(max(NOT EXISTS (
                        SELECT 1 FROM localFile WHERE digest = part.digest)), 0),
                    coalesce(sum(part.byteCount), 0)
                FROM assetDigest AS part
                WHERE part.asset = remote.id AND part.isPart = 1 AND NOT EXISTS (
                    SELECT 1 FROM localFile WHERE digest = part.digest AND root = 0))
            WHERE type = 'asset' AND id = ? AND fields IS NOT NULL AND trashedAt IS NULL
            """, [.blob(id)])
    }

    /// Keeps `assetDigest` and the marks of the asset's files right.
    private func noteDigests(of record: Record) throws(RowsError) {
        let id = record.key.id.bytes
        let parts = Set(
            record.blobs.filter { Self.partRoles.contains($0.key) }.map(\.value.digest))
        var before: [Digest: (isPart: Bool, isNamed: Bool)] = [:]
        let rows = try connection.rows(
            "SELECT digest, isPart, endedAt FROM assetDigest WHERE asset = ?", [.blob(id)]
        ) { (row) throws(RowsError) in (try row.digest(0), row.flag(1), row.isNull(2)) }
        for (digest, isPart, isNamed) in rows { before[digest] = (isPart, isNamed) }
        for blob in record.blobs.values {
            let isPart = parts.contains(blob.digest)
            if let known = before[blob.digest], known.isNamed, known.isPart == isPart { continue }
            try connection.execute(
                """
                INSERT OR REPLACE INTO assetDigest (digest, asset, isPart, byteCount)
                VALUES (?, ?, ?, ?)
                """,
                [
                    .blob(blob.digest.bytes), .blob(id), .flag(isPart),
                    .integer(blob.byteCount),
                ])
            guard before[blob.digest] == nil else { continue }
            try connection.execute(
                """
                UPDATE localFile SET openPath = NULL WHERE digest = ? AND openPath IS NOT NULL
                    AND (agreedDigest IS NULL OR agreedDigest = digest)
                """, [.blob(blob.digest.bytes)])
        }
        let named = Set(record.blobs.values.map(\.digest))
        for (digest, known) in before
        where !named.contains(digest) && (known.isPart || known.isNamed) {
            try connection.execute(
                """
                UPDATE assetDigest SET isPart = 0, endedAt = coalesce(endedAt, ?)
                WHERE digest = ? AND asset = ?
                """,
                [
                    .integer(record.envelope.changedAt.milliseconds), .blob(digest.bytes),
                    .blob(id),
                ])
        }
        try noteStaleFiles(of: record.key.id)
        guard record.isDeleted || record.isTrashed else { return try compareAsset(id) }
        try connection.execute(
            """
            UPDATE remote SET lacksInLibrary = NULL, lacksHere = NULL, byteCountLacking = NULL
            WHERE type = 'asset' AND id = ?
            """, [.blob(id)])
    }

    /// Files of a digest that no asset names any longer are open again.
    func openFiles(with digest: Digest) throws(RowsError) {
        guard try !isNamed(digest) else { return }
        try connection.execute(
            """
            UPDATE localFile SET openPath = CAST(
                CASE WHEN folder = x'' THEN name ELSE folder || x'2F' || name END AS BLOB)
            WHERE digest = ? AND state IN (1, 2)
            """, [.blob(digest.bytes)])
    }

    private func remote(_ row: SQLiteStatement) throws(RowsError) -> RemoteRecord {
        let fields = row.isNull(12) ? nil : row.withBlob(12, FieldsFormat.decode)
        guard row.isNull(12) || fields != nil,
            let blobs = row.withBlob(13, FieldsFormat.decodeBlobs)
        else { throw row.damaged() }
        let derivedFrom = row.optionalInteger(15).map {
            Base(epoch: Epoch(rawValue: $0), sequence: row.integer(16))
        }
        let envelope = Envelope(
            sequence: row.integer(3), createdAt: Timestamp(milliseconds: row.integer(5)),
            createdBy: try row.identifier(6), changedAt: Timestamp(milliseconds: row.integer(7)),
            changedBy: try row.identifier(8),
            trashedAt: row.optionalInteger(9).map(Timestamp.init(milliseconds:)),
            requires: Int(row.integer(10)), keyEpoch: Int(row.integer(11)),
            derivedFrom: derivedFrom)
        let record = Record(
            key: RecordKey(type: RecordType(rawValue: row.text(0)), id: try row.identifier(1)),
            envelope: envelope, fields: fields, blobs: blobs,
            joinedInto: row.isNull(14) ? nil : try row.identifier(14))
        return RemoteRecord(
            record: record, epoch: Epoch(rawValue: row.integer(2)), listing: row.integer(4))
    }
}
