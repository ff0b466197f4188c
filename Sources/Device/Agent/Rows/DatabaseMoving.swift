import Library
import Records
import SyncEngine

// The library's files have copies on another disk: the same bytes under other stamps.
extension DatabaseRows {
    /// What is known of a file stays known, if it was known under exactly this stamp; else it is
    /// read again.
    ///
    /// `path`: below the library.
    func restamp(
        _ path: RelativePath, from old: FileStamp, to new: FileStamp
    ) throws(RowsError) {
        let stamp: [SQLiteArgument] = [
            .integer(Int64(bitPattern: new.inode)), .integer(new.modifiedAt),
            .integer(new.changedAt),
        ]
        let same: [SQLiteArgument] = [
            .integer(Int64(bitPattern: old.inode)), .integer(old.byteCount),
            .integer(old.modifiedAt),
        ]
        let place = Place(root: .library, path: path)
        try connection.execute(
            """
            UPDATE localFile SET inode = ?, modifiedAt = ?, changedAt = ?
            WHERE root = ? AND folder = ? AND name = ? AND inode = ? AND byteCount = ?
                AND modifiedAt = ? AND changedAt = ?
            """, stamp + key(of: place) + same + [.integer(old.changedAt)])
        try connection.execute(
            """
            UPDATE intent SET inode = ?, modifiedAt = ?, changedAt = ?
            WHERE inode = ? AND byteCount = ? AND modifiedAt = ?
            """, stamp + same)
        guard path.components.first == LibraryFolder.name else { return }
        try connection.execute(
            """
            UPDATE trashedFile SET inode = ?, modifiedAt = ?, changedAt = ?
            WHERE inode = ? AND byteCount = ? AND modifiedAt = ?
            """, stamp + same)
    }
}
