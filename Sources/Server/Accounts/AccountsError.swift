/// What accounts and sessions refuse.
package struct AccountsError: Error, Sendable {
    package enum Code: String, Sendable, CaseIterable {
        /// A wrong password and an unknown account look alike.
        case signInFailed
        /// `retryAfterSeconds` says when to try again.
        case tooManySignIns
        /// More passwords wait to be checked than the server takes on.
        case signInsBusy
        /// No token, an unknown one, one that was revoked, or a session that ran out.
        case signInNeeded
        case accountDisabled
        case accountNotFound
        case accountExists
        case invalidName
        case invalidPassword
        case deviceNotFound
        case tooManyDevices
        case labelExists
        case serviceNotFound
        case hashingFailed
    }

    package let code: Code
    /// A sentence that says what to do.
    package let message: String
    package let retryAfterSeconds: Int64?
    package let cause: (any Error)?

    package init(
        _ code: Code, _ message: String, retryAfterSeconds: Int64? = nil,
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.retryAfterSeconds = retryAfterSeconds
        self.cause = cause
    }
}

extension AccountsError {
    static var signInFailed: Self {
        Self(.signInFailed, "The account or the password is not right: check both.")
    }

    static var signInNeeded: Self {
        Self(.signInNeeded, "Sign in again: the session has ended or was revoked.")
    }

    static var deviceNotFound: Self {
        Self(.deviceNotFound, "The account has no such device: see the list of its devices.")
    }

    static func accountNotFound(_ name: AccountName) -> Self {
        Self(.accountNotFound, "There is no account “\(name.text)”: see martlet account list.")
    }
}
