import Library
package import Records
package import SyncEngine

// What this device observed of its files.
extension DatabaseRows {
    static let localFileColumns = """
        root, folder, name, inode, byteCount, modifiedAt, changedAt, state, since, digest, code,
        mediaType, facts, agreedAsset, agreedRole, agreedDigest, agreedByteCount, agreedName,
        agreedFileName, agreedModifiedAt
        """

    package func localFiles(in folder: Folder) throws(RowsError) -> [LocalFile] {
        try connection.rows(
            """
            SELECT \(Self.localFileColumns) FROM localFile WHERE root = ? AND folder = ? ORDER BY name
            """,
            [.integer(folder.root.rawValue), .blob(folder.path.bytes)], localFile)
    }

    package func knownFiles(in folder: Folder) throws(RowsError) -> [KnownFile] {
        try connection.rows(
            """
            SELECT name, inode, byteCount, modifiedAt, changedAt, state FROM localFile
            WHERE root = ? AND folder = ? ORDER BY name
            """,
            [.integer(folder.root.rawValue), .blob(folder.path.bytes)]
        ) { knownFile($0, from: 0) }
    }

    /// Six columns, from `column` on: the name, the stamp's four, the state.
    func knownFile(_ row: SQLiteStatement, from column: Int32) -> KnownFile {
        let state: KnownFile.State =
            switch LocalState(rawValue: row.integer(column + 5)) {
            case .read, .sidecar: .read
            case .notIncluded: .notIncluded
            case .unreadable: .unreadable
            case .unread, nil: .open
            }
        return KnownFile(name: row.blob(column), stamp: stamp(row, from: column + 1), state: state)
    }

    package func localFiles(
        in folder: Folder, namePrefix: [UInt8]
    ) throws(RowsError) -> [LocalFile] {
        // The first name behind all that begin so; none behind a prefix of 0xFF only.
        var end = namePrefix
        while end.last == 0xFF { end.removeLast() }
        guard let last = end.last else {
            return try localFiles(in: folder).filter { $0.place.path.name.starts(with: namePrefix) }
        }
        end[end.count - 1] = last + 1
        return try connection.rows(
            """
            SELECT \(Self.localFileColumns) FROM localFile
            WHERE root = ? AND folder = ? AND name >= ? AND name < ? ORDER BY name
            """,
            [
                .integer(folder.root.rawValue), .blob(folder.path.bytes), .blob(namePrefix),
                .blob(end),
            ], localFile)
    }

    /// Jumps from child to child in the index, so that its cost does not grow with what lies below.
    package func subfolders(of folder: Folder) throws(RowsError) -> [Folder] {
        let prefix = folder.path.bytes.isEmpty ? [] : folder.path.bytes + [UInt8(ascii: "/")]
        var children: Set<[UInt8]> = []
        var (from, includesFrom) = (prefix, false)
        while true {
            let found = try connection.row(
                """
                SELECT folder FROM localFile WHERE root = ? AND folder \(includesFrom ? ">=" : ">") ?
                ORDER BY folder LIMIT 1
                """,
                [.integer(folder.root.rawValue), .blob(from)]
            ) { $0.blob(0) }
            guard let found, found.starts(with: prefix) else { break }
            let child = prefix + found[prefix.count...].prefix { $0 != UInt8(ascii: "/") }
            children.insert(child)
            // Names such as `a-b` sort between `a` and `a/`: only what is below `a/` is jumped over.
            (from, includesFrom) =
                found.count == child.count
                ? (child, false) : (child + [UInt8(ascii: "/") + 1], true)
        }
        return children.sorted { $0.lexicographicallyPrecedes($1) }
            .map { Folder(root: folder.root, path: RelativePath(bytes: $0)) }
    }

    package func localFile(at place: Place) throws(RowsError) -> LocalFile? {
        try connection.row(
            """
            SELECT \(Self.localFileColumns) FROM localFile WHERE root = ? AND folder = ? AND name = ?
            """, key(of: place), localFile)
    }

    package func localFiles(with digest: Digest) throws(RowsError) -> [LocalFile] {
        try connection.rows(
            "SELECT \(Self.localFileColumns) FROM localFile WHERE digest = ?",
            [.blob(digest.bytes)],
            localFile
        ).sorted { $0.place < $1.place }
    }

    package func openLocalFiles(after place: Place?, limit: Int) throws(RowsError) -> [LocalFile] {
        try connection.rows(
            """
            SELECT \(Self.localFileColumns) FROM localFile
            WHERE openPath IS NOT NULL AND (root, openPath) > (?, ?)
            ORDER BY root, openPath LIMIT ?
            """,
            [
                .integer(place?.root.rawValue ?? .min), .blob(place?.path.bytes ?? []),
                .integer(Int64(limit)),
            ], localFile)
    }

    package func save(_ file: LocalFile) throws(RowsError) {
        let before = try digest(at: file.place)
        let digest = file.content?.digest
        var isOpen = file.state == .unread
        if let digest { isOpen = file.isEdited ? true : try !isNamed(digest) }
        let stored = StoredState(file.state)
        let marks = try marks(of: file)
        try connection.execute(
            """
            INSERT OR REPLACE INTO localFile (\(Self.localFileColumns), openPath, stalePath, otherNamePath)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            key(of: file.place) + [
                .integer(Int64(bitPattern: file.stamp.inode)), .integer(file.stamp.byteCount),
                .integer(file.stamp.modifiedAt), .integer(file.stamp.changedAt),
                .integer(stored.state.rawValue), .integer(file.since.milliseconds),
                .optional(digest?.bytes), .optional(stored.code),
                .optional(file.content?.mediaType),
                .optional(file.content.map { FieldsFormat.encode($0.facts) }),
                .optional(file.agreed?.asset.bytes), .optional(file.agreed?.role.rawValue),
                .optional(file.agreed?.digest.bytes), .optional(file.agreed?.byteCount),
                .optional(file.agreed?.name), .optional(file.agreed?.fileName),
                .optional(file.agreed?.modifiedAt),
                .optional(isOpen ? file.place.path.bytes : nil),
                .optional(marks.isStale ? file.place.path.bytes : nil),
                .optional(marks.isNamedOtherwise ? file.place.path.bytes : nil),
            ])
        guard digest != before else { return }
        if let before { try compareAssets(with: before) }
        if let digest { try compareAssets(with: digest) }
    }

    package func removeLocalFile(at place: Place) throws(RowsError) {
        let before = try digest(at: place)
        try connection.execute(
            "DELETE FROM localFile WHERE root = ? AND folder = ? AND name = ?", key(of: place))
        if let before { try compareAssets(with: before) }
    }

    func key(of place: Place) -> [SQLiteArgument] {
        [
            .integer(place.root.rawValue), .blob(place.folder.path.bytes), .blob(place.path.name),
        ]
    }

    /// Relative paths of some files that the library had when it was last looked at.
    func someLibraryPaths(limit: Int) throws(RowsError) -> [RelativePath] {
        try connection.rows(
            "SELECT folder, name FROM localFile WHERE root = ? LIMIT ?",
            [.integer(RootID.library.rawValue), .integer(Int64(limit))]
        ) { RelativePath(bytes: $0.blob(0)).appending($0.blob(1)) }
    }

    private func digest(at place: Place) throws(RowsError) -> Digest? {
        try connection.row(
            "SELECT digest FROM localFile WHERE root = ? AND folder = ? AND name = ?",
            key(of: place)
        ) { (row) throws(RowsError) in row.isNull(0) ? nil : try row.digest(0) } ?? nil
    }

    func localFile(_ row: SQLiteStatement) throws(RowsError) -> LocalFile {
        let folder = RelativePath(bytes: row.blob(1))
        let stamp = stamp(row, from: 3)
        return LocalFile(
            place: Place(
                root: RootID(rawValue: row.integer(0)), path: folder.appending(row.blob(2))),
            stamp: stamp, state: try state(row, stamp),
            since: Timestamp(milliseconds: row.integer(8)), agreed: try agreementWithFile(row))
    }

    /// The four columns of a stamp, from `column` on.
    func stamp(_ row: SQLiteStatement, from column: Int32) -> FileStamp {
        FileStamp(
            inode: UInt64(bitPattern: row.integer(column)), byteCount: row.integer(column + 1),
            modifiedAt: row.integer(column + 2), changedAt: row.integer(column + 3))
    }

    private func agreementWithFile(_ row: SQLiteStatement) throws(RowsError) -> Agreement? {
        var agreed = try agreement(row)
        agreed?.fileName = row.isNull(18) ? nil : row.blob(18)
        agreed?.modifiedAt = row.isNull(19) ? nil : row.integer(19)
        return agreed
    }

    /// The five columns of an agreement, from `column` on.
    func agreement(
        _ row: SQLiteStatement, from column: Int32 = 13
    ) throws(RowsError) -> Agreement? {
        guard !row.isNull(column) else { return nil }
        return Agreement(
            asset: try row.identifier(column), role: BlobRole(rawValue: row.text(column + 1)),
            digest: try row.digest(column + 2), byteCount: row.integer(column + 3),
            name: row.text(column + 4))
    }

    /// Files that were agreed on as parts of an asset, ordered by place.
    package func localFiles(agreedFor asset: RecordID) throws(RowsError) -> [LocalFile] {
        try connection.rows(
            "SELECT \(Self.localFileColumns) FROM localFile WHERE agreedAsset = ?",
            [.blob(asset.bytes)],
            localFile
        ).sorted { $0.place < $1.place }
    }

    private func state(
        _ row: SQLiteStatement, _ stamp: FileStamp
    ) throws(RowsError) -> LocalFile.State {
        switch LocalState(rawValue: row.integer(7)) {
        case .unread: return .unread
        case .read: return .read(try content(row, stamp))
        case .sidecar: return .sidecar(try content(row, stamp))
        case .notIncluded: return .notIncluded(code: row.text(10))
        case .unreadable: return .unreadable(DiskError(stored: row.text(10)))
        case nil: throw row.damaged()
        }
    }

    private func content(
        _ row: SQLiteStatement, _ stamp: FileStamp
    ) throws(RowsError) -> FileContent {
        guard let facts = row.withBlob(12, FieldsFormat.decode) else { throw row.damaged() }
        return FileContent(
            stamp: stamp, digest: try row.digest(9), mediaType: row.text(11), facts: facts)
    }
}

/// The columns of a file's state.
private struct StoredState {
    let state: LocalState
    var code: String?

    init(_ state: LocalFile.State) {
        switch state {
        case .unread: self.state = .unread
        case .read: self.state = .read
        case .sidecar: self.state = .sidecar
        case .notIncluded(let code): (self.state, self.code) = (.notIncluded, code)
        case .unreadable(let error): (self.state, self.code) = (.unreadable, error.stored)
        }
    }
}

extension DiskError {
    private static let names: [(String, DiskError)] = [
        ("notFound", .notFound), ("alreadyExists", .alreadyExists),
        ("notPermitted", .notPermitted), ("noSpace", .noSpace), ("readOnly", .readOnly),
        ("notAFolder", .notAFolder), ("changed", .changed),
    ]

    /// The form in the database: a word, or the system's number.
    var stored: String {
        if case .inputOutput(let number) = self { return String(number) }
        return Self.names.first { $0.1 == self }?.0 ?? "0"
    }

    init(stored text: String) {
        self =
            Self.names.first { $0.0 == text }?.1 ?? .inputOutput(errno: Int32(text) ?? 0)
    }
}

extension DatabaseRows {
    /// All files of the library, ordered by folder and name.
    package func libraryFiles() throws(RowsError) -> [LocalFile] {
        try connection.rows(
            "SELECT \(Self.localFileColumns) FROM localFile WHERE root = 0 ORDER BY folder, name",
            [], localFile)
    }
}
