/// What the edge of the record model refuses: text or bytes that are not what they should be.
package struct RecordsError: Error, Sendable, Equatable {
    package enum Code: String, Sendable {
        case invalidIdentifier
        case invalidDigest
        case invalidChangeToken
        case invalidJSON
        case invalidName
    }

    package let code: Code
    /// A sentence that says what to do.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
