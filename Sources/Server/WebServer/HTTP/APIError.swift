import HTTPTypes
package import Hummingbird
package import Wire

/// An error as it leaves the server: a status and `ErrorReply`.
package struct APIError: Error, Sendable {
    package let status: HTTPResponse.Status
    package let reply: ErrorReply
    package let retryAfterSeconds: Int64?
    /// For the log only.
    package let cause: (any Error)?

    package init(
        _ status: HTTPResponse.Status, _ code: String, _ message: String, fields: [String] = [],
        retryAfterSeconds: Int64? = nil, cause: (any Error)? = nil
    ) {
        self.status = status
        self.reply = ErrorReply(code: code, message: message, fields: fields)
        self.retryAfterSeconds = retryAfterSeconds
        self.cause = cause
    }
}

extension APIError {
    init(_ status: HTTPResponse.Status, _ reply: ErrorReply, retryAfterSeconds: Int64?) {
        self.status = status
        self.reply = reply
        self.retryAfterSeconds = retryAfterSeconds
        cause = nil
    }

    static func badRequest(
        _ code: String, _ message: String, fields: [String] = []
    ) -> APIError {
        APIError(.badRequest, code, message, fields: fields)
    }

    static func invalid(_ field: String, _ message: String) -> APIError {
        APIError(.badRequest, "invalidRequest", message, fields: [field])
    }

    static func tooLarge(_ code: String, byteCountMax: Int64) -> APIError {
        APIError(
            .contentTooLarge, code, "Send at most \(byteCountMax) bytes in one request.")
    }

    static let notFound = APIError(
        .notFound, "notFound", "There is nothing under this address: check it.")
}
