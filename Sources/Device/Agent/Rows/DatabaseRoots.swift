import Records
package import SyncEngine

/// A root as it is kept: what the engine needs of it, and what only the disk needs.
package struct StoredRoot: Hashable, Sendable {
    package let id: RootID
    package let disk: DiskRoot
    /// A one-time import: it goes when all of its files are sent.
    package let isOnce: Bool

    package init(id: RootID, disk: DiskRoot, isOnce: Bool) {
        self.id = id
        self.disk = disk
        self.isOnce = isOnce
    }
}

// The folder trees that this device looks at.
extension DatabaseRows {
    package var roots: [RootRow] {
        get throws(RowsError) {
            try storedRoots().map {
                RootRow(id: $0.id, path: String(decoding: $0.disk.path, as: UTF8.self))
            }
        }
    }

    package func storedRoots() throws(RowsError) -> [StoredRoot] {
        try connection.rows("SELECT id, path, onlyNames, isOnce FROM root ORDER BY id") { row in
            let names: Set<[UInt8]>? =
                row.isNull(2) ? nil : Set(row.blob(2).split(separator: 0).map(Array.init))
            return StoredRoot(
                id: RootID(rawValue: row.integer(0)),
                disk: DiskRoot(path: row.blob(1), onlyNames: names), isOnce: row.flag(3))
        }
    }

    /// Replaces the root of this id.
    package func save(_ root: StoredRoot) throws(RowsError) {
        let names = root.disk.onlyNames.map { names in
            Array(names.sorted { $0.lexicographicallyPrecedes($1) }.joined(separator: [0]))
        }
        try connection.execute(
            "INSERT OR REPLACE INTO root VALUES (?, ?, ?, ?)",
            [
                .integer(root.id.rawValue), .blob(root.disk.path), .optional(names),
                .flag(root.isOnce),
            ])
    }

    /// Adds a root under the next free number.
    ///
    /// The same path again is the same root.
    package func addRoot(_ disk: DiskRoot, isOnce: Bool = false) throws(RowsError) -> RootID {
        let roots = try storedRoots()
        if let same = roots.first(where: { $0.disk == disk && !$0.id.isLibrary }) {
            if same.isOnce && !isOnce {
                try save(StoredRoot(id: same.id, disk: disk, isOnce: false))
            }
            return same.id
        }
        let id = RootID(rawValue: (roots.map(\.id.rawValue).max() ?? 0) + 1)
        try save(StoredRoot(id: id, disk: disk, isOnce: isOnce))
        return id
    }

    /// Forgets a root and what was observed in it; no file is touched.
    package func removeRoot(_ id: RootID) throws(RowsError) {
        let digests = try connection.rows(
            "SELECT DISTINCT digest FROM localFile WHERE root = ? AND digest IS NOT NULL",
            [.integer(id.rawValue)]
        ) { (row) throws(RowsError) in try row.digest(0) }
        try connection.execute("DELETE FROM localFile WHERE root = ?", [.integer(id.rawValue)])
        try connection.execute("DELETE FROM root WHERE id = ?", [.integer(id.rawValue)])
        for digest in digests { try compareAssets(with: digest) }
    }

    /// One-time roots that were looked at and have nothing left to send.
    package func finishedRoots() throws(RowsError) -> [RootID] {
        var finished: [RootID] = []
        for root in try storedRoots() where root.isOnce {
            let number = SQLiteArgument.integer(root.id.rawValue)
            let seen = try connection.exists(
                "SELECT 1 FROM localFile WHERE root = ? LIMIT 1", [number])
            let open = try connection.exists(
                "SELECT 1 FROM localFile WHERE root = ? AND openPath IS NOT NULL LIMIT 1", [number])
            if seen && !open { finished.append(root.id) }
        }
        return finished
    }
}
