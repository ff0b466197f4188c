import GRDB

extension StorageError {
    /// The error of this layer for an error of SQLite's.
    init(sqlite error: any Error) {
        if let error = error as? StorageError {
            self = error
            return
        }
        guard let failure = error as? DatabaseError else {
            self.init(.failed, "The database failed: \(error). Look into the log.", cause: error)
            return
        }
        let (code, message) = Self.describe(failure.resultCode)
        self.init(
            code, "\(message) (\(failure.message ?? "SQLite said nothing more"))", cause: error)
    }

    private static func describe(_ result: ResultCode) -> (Code, String) {
        switch result {
        case .SQLITE_FULL:
            (.diskFull, "The disk of the database is full: free some space.")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            (.busy, "Another process holds the database: try again shortly.")
        case .SQLITE_READONLY, .SQLITE_PERM:
            (.readOnly, "The database may not be written: check who owns its folder.")
        case .SQLITE_CANTOPEN:
            (.cannotOpen, "The database cannot be opened: check its folder.")
        case .SQLITE_CONSTRAINT, .SQLITE_MISMATCH:
            (.constraint, "A rule of the database refuses the row.")
        case .SQLITE_CORRUPT:
            (.damaged, "The database is damaged: run martlet doctor.")
        case .SQLITE_NOTADB:
            (.notOurDatabase, "The file is not a database of Martlet's: name another folder.")
        case .SQLITE_IOERR:
            (.inputOutput, "The disk failed under the database: check it.")
        case .SQLITE_INTERRUPT, .SQLITE_ABORT:
            (.interrupted, "The request was cancelled.")
        default:
            (.failed, "The database failed.")
        }
    }
}
