/// What reading a media file can end in.
///
/// What a file *holds* is never an error: broken content gives facts with less in them.
package struct MediaError: Error, Sendable {
    package enum Code: String, Sendable {
        /// The bytes could not be had: the disk, the rights, or the file went away.
        case unreadable
        /// A reader used up its share of bytes or steps: the file is built to waste time.
        case tooMuchWork
        /// A frame between the server and its decoding child was not what it must be.
        case invalidFrame
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
