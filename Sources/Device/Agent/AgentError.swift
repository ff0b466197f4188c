/// What the agent tells a person: a code for programs, a sentence that says what to do.
package struct AgentError: Error, Sendable {
    package enum Code: String, Sendable {
        /// MARTLET_HOME, its files or the library's folder cannot be used.
        case homeUnusable
        case notSignedIn
        case signInNeeded
        case serverUnreachable
        case refused
        case libraryTaken
        case invalidConfiguration
        case agentRuns
        case databaseDamaged
        case databaseFromNewerVersion
        case diskFull
        case fileUnusable
        case digestMismatch
    }

    package let code: Code
    package let message: String
    package let cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }
}
