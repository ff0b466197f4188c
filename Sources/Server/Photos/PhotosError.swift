import Kernel
import Storage

/// What the photos service refuses, or cannot do.
package struct PhotosError: Error, Sendable {
    package enum Code: String, Sendable, CaseIterable {
        /// No such zone for this account.
        case zoneNotFound
        case assetNotFound
        /// The thumbnail or preview is still to be made.
        case analysing
        /// There will be none: no picture can be read from the file.
        case damagedFile
        /// The server has lost the bytes.
        case blobNotFound
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

    init(wrapping error: any Error) {
        switch error {
        case let error as PhotosError:
            self = error
        case let error as KernelError where error.code == .zoneNotFound:
            self.init(.zoneNotFound, error.message, cause: error)
        case let error as KernelError where error.code == .blobNotFound:
            self.init(.blobNotFound, error.message, cause: error)
        case let error as KernelError:
            self.init(.storage, error.message, cause: error)
        default:
            let message = (error as? StorageError)?.message ?? "The database failed. Try again."
            self.init(.storage, message, cause: error)
        }
    }
}
