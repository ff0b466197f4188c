/// Why a server cannot be moved.
package struct MoveError: Error, Sendable {
    package enum Code: String, Sendable, CaseIterable {
        /// No server has its data where one is to come from.
        case noServerThere
        /// Both places have one database.
        case samePlace
        /// Where it is to go is something else.
        case targetTaken
        /// It is on its way to another place, or there already.
        case movedElsewhere
        /// There is no move to give up.
        case notMoving
        /// Objects that the server should have are gone or damaged.
        case objectsMissing
        /// What was copied is not what is there: something writes meanwhile.
        case rowsDiffer
    }

    package let code: Code
    /// A sentence that says what to do.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}
