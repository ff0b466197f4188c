/// Why a server does not start.
package struct ServerError: Error, Sendable {
    package enum Code: String, Sendable, CaseIterable {
        case addressInUse
        case addressNotAllowed
        case addressNotFound
        case dataFolderInUse
        case dataFolderUnusable
        case certificateUnusable
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
