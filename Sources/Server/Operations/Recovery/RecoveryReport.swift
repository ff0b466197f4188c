package import Records

/// What became of a recovery.
package struct RecoveryReport: Hashable, Sendable {
    package enum Names: Hashable, Sendable {
        case whole
        /// What is wrong with the manifest.
        case damaged(String)
        case absent
    }

    package var names = Names.absent
    /// When the manifest was made, as far as it says so.
    package var madeAt: Timestamp?
    package var copiedCount = 0
    package var copiedByteCount: Int64 = 0
    /// The same bytes had the name already.
    package var thereCount = 0
    /// Of both: those that only have their digest for a name.
    package var unnamedCount = 0
    /// Files that no object has the bytes of, by `ACCOUNT/YYYY/MM/NAME`.
    package var missing: [String] = []
    /// Files whose object cannot be read, or has other bytes; with the object's path.
    package var damaged: [String] = []

    package init() {}
}

/// Why a recovery cannot be made, or go on.
package struct RecoveryError: Error, Sendable {
    package enum Code: String, Sendable, CaseIterable {
        case noServerThere
        /// One of the two folders lies within the other, or OUT cannot be written.
        case invalidFolder
        case blobsInBucket
        case accountNotFound
        /// Only the manifest knows whose the objects are.
        case manifestMissing
        /// Of the folder that is copied to.
        case diskFull
    }

    package let code: Code
    /// A sentence that says what to do.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
