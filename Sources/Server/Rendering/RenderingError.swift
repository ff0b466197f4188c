/// What making pictures of a file, or reading its facts, can end in.
///
/// One file's error is never another's: the child that failed is replaced.
package struct RenderingError: Error, Sendable {
    package enum Code: UInt8, Sendable, CaseIterable {
        /// Nothing here makes a picture of this format.
        case unsupported = 1
        /// The format is broken: no picture can be made, the bytes are kept as they are.
        case damaged = 2
        /// More pixels than Martlet decodes.
        case tooLarge = 3
        /// The decoder wanted more memory than it may have.
        case outOfMemory = 4
        case decoderTimedOut = 5
        case decoderCrashed = 6
        /// The file can't be read.
        case unreadable = 7
        /// A program that is needed could not be started.
        case decoderUnavailable = 8
        case shutDown = 9
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

    /// Whether the file itself is at fault: another try of the same program ends the same.
    package var isAboutTheFile: Bool {
        switch code {
        case .unsupported, .damaged, .tooLarge, .outOfMemory, .decoderTimedOut, .decoderCrashed:
            true
        case .unreadable, .decoderUnavailable, .shutDown: false
        }
    }
}
