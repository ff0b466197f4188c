/// What a database or an object store refuses or cannot do.
package struct StorageError: Error, Sendable {
    package enum Code: String, Sendable, CaseIterable {
        /// Nothing was changed; the same again works once there is space.
        case diskFull
        /// Another process holds the database.
        case busy
        /// The database's server is not there, or has gone away; a write may or may not have
        /// happened. Repeat it.
        case unreachable
        /// Written by a later Martlet, or not by Martlet at all.
        case databaseFromNewerVersion
        /// Only a server brings it up to date.
        case databaseFromOlderVersion
        /// The server is, or is to be, somewhere else.
        case databaseMoved
        case notOurDatabase
        case cannotOpen
        case readOnly
        /// A rule of the schema (unique, foreign key, check, type) refuses the row.
        case constraint
        /// What was read is not what was written.
        case damaged
        case inputOutput
        /// Another write of the same transaction ended it; repeat this one.
        case transactionLost
        case interrupted
        case objectNotFound
        /// The staged bytes don't reach the offset that is to be written.
        case offsetMismatch
        /// A bucket: its address or key is missing or cannot be read.
        case invalidPlace
        /// The same again works once the object store answers.
        case objectStoreUnreachable
        /// The key is not known, or may not do this.
        case objectStoreRefused
        case bucketNotFound
        /// It holds another server's objects.
        case bucketTaken
        /// The objects are somewhere else.
        case wrongPlace
        case wrongRegion
        /// This machine's clock is too far from the object store's.
        case clockWrong
        case failed
    }

    package let code: Code
    /// A sentence that says what to do.
    package let message: String
    package let cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }
}
