/// What keeps an alert from being set up, or from arriving.
package struct AlertError: Error, Sendable {
    package enum Code: String, Sendable, CaseIterable {
        /// Something that was said of a channel cannot be.
        case invalidChannel
        case channelExists
        case channelNotFound
        case tooManyChannels
        /// Nobody answers at the address, or its name is not known.
        case unreachable
        case timedOut
        /// The certificate is not trusted, or there is no TLS where it was asked for.
        case tlsFailed
        /// The password or token is not taken.
        case notSignedIn
        /// The other side refuses the message, now and later.
        case refused
        /// The other side says that it cannot now, or what it says is not understood.
        case unavailable
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
