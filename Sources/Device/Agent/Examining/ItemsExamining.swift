package import Library
package import Records
package import SyncEngine

/// Files, counted and summed, with some of them named.
package struct ItemSample: Hashable, Sendable {
    package var count = 0
    package var byteCount: Int64 = 0
    /// Paths below their root, the first few.
    package var names: [String] = []

    package init(count: Int = 0, byteCount: Int64 = 0, names: [String] = []) {
        self.count = count
        self.byteCount = byteCount
        self.names = names
    }

    package mutating func add(_ name: @autoclosure () -> String, _ byteCount: Int64 = 0) {
        count += 1
        self.byteCount += byteCount
        if names.count < Limits.itemsNamedMax { names.append(name()) }
    }
}

/// A file whose bytes were read and agreed on with the server.
package struct AgreedFile: Hashable, Sendable {
    package let place: Place
    package let stamp: FileStamp
    package let digest: Digest

    package init(place: Place, stamp: FileStamp, digest: Digest) {
        self.place = place
        self.stamp = stamp
        self.digest = digest
    }
}

// What the doctor asks the rows about items.
extension DatabaseRows {
    /// Every file that is known below a root, by its path.
    package func knownFiles(of root: RootID) throws(RowsError) -> [RelativePath: KnownFile] {
        let files = try connection.rows(
            """
            SELECT folder, name, inode, byteCount, modifiedAt, changedAt, state FROM localFile
            WHERE root = ?
            """, [.integer(root.rawValue)]
        ) { row in
            let file = knownFile(row, from: 1)
            return (RelativePath(bytes: row.blob(0)).appending(file.name), file)
        }
        return Dictionary(files) { first, _ in first }
    }

    /// Files of the library that were read and are what was agreed on, ordered by place.
    package func agreedFiles() throws(RowsError) -> [AgreedFile] {
        try connection.rows(
            """
            SELECT folder, name, inode, byteCount, modifiedAt, changedAt, digest FROM localFile
            WHERE root = 0 AND digest IS NOT NULL AND agreedDigest = digest
            ORDER BY folder, name
            """
        ) { (row) throws(RowsError) in
            AgreedFile(
                place: Place(
                    root: .library,
                    path: RelativePath(bytes: row.blob(0)).appending(row.blob(1))),
                stamp: stamp(row, from: 2), digest: try row.digest(6))
        }
    }

    /// Files whose turn has not come since `time`, the oldest first, and since when that one waits.
    package func stuckFiles(
        since time: Timestamp
    ) throws(RowsError) -> (sample: ItemSample, oldest: Timestamp?) {
        let rows = try connection.rows(
            """
            SELECT folder, name, byteCount, since FROM localFile
            WHERE openPath IS NOT NULL AND since < ? ORDER BY since
            """, [.integer(time.milliseconds)]
        ) { (path(of: $0), $0.integer(2), $0.integer(3)) }
        var sample = ItemSample()
        for (path, byteCount, _) in rows { sample.add(path.text, byteCount) }
        return (sample, rows.first.map { Timestamp(milliseconds: $0.2) })
    }

    /// Decisions that the server has not heard of.
    package func undeliveredDecisions() throws(RowsError) -> Int {
        try connection.row("SELECT count(*) FROM pendingChange") { Int($0.integer(0)) } ?? 0
    }

    package func unreadableFiles() throws(RowsError) -> [(path: String, error: DiskError)] {
        try connection.rows(
            "SELECT folder, name, code FROM localFile WHERE state = 4 ORDER BY folder, name LIMIT ?",
            [.integer(Int64(Limits.itemsNamedMax))]
        ) { (path(of: $0).text, DiskError(stored: $0.text(2))) }
    }

    /// Agreed files of the library for which no receipt was ever stored.
    package func unprovenFiles() throws(RowsError) -> ItemSample {
        try connection.row(
            """
            SELECT count(*), coalesce(sum(byteCount), 0) FROM localFile
            WHERE root = 0 AND agreedDigest IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM receipt WHERE digest = agreedDigest)
            """
        ) { ItemSample(count: Int($0.integer(0)), byteCount: $0.integer(1)) } ?? ItemSample()
    }

    /// Files of the library whose bytes lie there under another name already.
    package func duplicateFiles() throws(RowsError) -> ItemSample {
        let rows = try connection.rows(
            """
            SELECT folder, name, byteCount FROM (
                SELECT folder, name, byteCount,
                    row_number() OVER (PARTITION BY digest ORDER BY folder, name) AS number
                FROM localFile WHERE root = 0 AND digest IS NOT NULL)
            WHERE number > 1 ORDER BY folder, name
            """
        ) { (path(of: $0), $0.integer(2)) }
        var sample = ItemSample()
        for (path, byteCount) in rows { sample.add(path.text, byteCount) }
        return sample
    }

    /// Files of the library beside which lies one of the same name, to a disk that folds case.
    package func clashingNames() throws(RowsError) -> ItemSample {
        let rows = try connection.rows(
            "SELECT folder, name FROM localFile WHERE root = 0 ORDER BY folder, name"
        ) { ($0.blob(0), $0.blob(1)) }
        var (sample, folder, seen) = (ItemSample(), [UInt8](), [String: [UInt8]]())
        for (next, name) in rows {
            if next != folder { (folder, seen) = (next, [:]) }
            if let other = seen.updateValue(name, forKey: FileName.key(name)) {
                let path = RelativePath(bytes: folder)
                sample.add("\(path.appending(other).text), \(path.appending(name).text)")
            }
        }
        return sample
    }

    /// Previews that should lie in `.martlet/previews/`.
    package func placedPreviews() throws(RowsError) -> [(name: PreviewName, byteCount: Int64)] {
        try connection.rows(
            "SELECT asset, byteCount FROM preview WHERE isPlaced = 1 ORDER BY asset"
        ) { (row) throws(RowsError) in
            (PreviewName(try row.identifier(0)), row.integer(1))
        }
    }

    /// Which files in `.martlet/trash/` and `.martlet/leaving/` rows know of.
    package func namesAside() throws(RowsError) -> Set<String> {
        let trashed = try connection.rows("SELECT name FROM trashedFile") { $0.text(0) }
        let intended = try connection.rows("SELECT aside FROM intent WHERE aside IS NOT NULL") {
            $0.text(0)
        }
        return Set(trashed + intended)
    }

    /// Whether a file in the making of this digest is of use: a part or a preview is yet to come.
    package func isWanted(_ digest: Digest) throws(RowsError) -> Bool {
        try connection.exists(
            """
            SELECT 1 FROM assetDigest JOIN remote ON type = 'asset' AND id = asset
            WHERE digest = ?1 AND isPart = 1 AND lacksInLibrary = 1
            UNION ALL SELECT 1 FROM rendition WHERE digest = ?1 AND NOT EXISTS (
                SELECT 1 FROM preview WHERE preview.digest = ?1 AND isPlaced = 1)
            """, [.blob(digest.bytes)])
    }

    private func path(of row: SQLiteStatement) -> RelativePath {
        RelativePath(bytes: row.blob(0)).appending(row.blob(1))
    }
}
