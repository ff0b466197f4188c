import Records
import Storage

/// What the kernel refuses, or cannot do.
package struct KernelError: Error, Sendable {
    package enum Code: String, Sendable, CaseIterable {
        case zoneNotFound
        case accountNotFound
        case recordNotFound
        /// Also when it exists but the account does not hold it: knowing a digest gives nothing.
        case blobNotFound
        case uploadNotFound
        /// List the zone again.
        case changeTokenExpired
        /// The device knows a later state than the server: begin a new epoch (`beginEpoch`), then
        /// answer `changeTokenExpired`. Never leaves the server.
        case serverRolledBack
        case notAllowed
        /// The object has not been read back yet, so there is no receipt.
        case notVerified
        case overQuota
        /// Too many bytes are uploaded and not yet referred to by a record.
        case stagedFull
        case invalidName
        case invalidRecord
        case invalidReceipt
        case tooManyRecords
        case tooManyUploads
        /// The id names something else already.
        case conflict
        case storage
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

    /// The same error when it is the kernel's already, else `storage` with it as the cause.
    package init(wrapping error: any Error) {
        if let error = error as? KernelError {
            self = error
        } else {
            let message = (error as? StorageError)?.message ?? "The database failed: \(error)."
            self.init(.storage, message, cause: error)
        }
    }
}
