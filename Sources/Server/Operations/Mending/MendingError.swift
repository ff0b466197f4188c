/// Why a server's database cannot be mended.
package struct MendingError: Error, Sendable {
    package enum Code: String, Sendable, CaseIterable {
        /// Only SQLite's files are mended.
        case notSQLite
        /// Its list of steps is not this version's.
        case otherVersion
        /// Nothing at all can be read of it.
        case unreadable
        /// Rows are lost that nothing else knows.
        case essentialRowsLost
        /// So much is lost that a backup is the better beginning.
        case tooMuchLost
        case noRoom
        /// What was made is not sound either.
        case stillDamaged
        /// No repair has moved a database aside.
        case nothingAside
    }

    package let code: Code
    /// A sentence that says what to do.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// What is left to do where a repair cannot help.
    static let restore =
        "run martlet restore with the latest backup, or without one martlet recover; nothing was "
        + "changed."
}
