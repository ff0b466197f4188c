package import Status

/// What other processes ask of the running agent: one line of JSON on its socket, one back.
package struct ControlRequest: Hashable, Sendable, Codable {
    package enum Ask: String, Sendable, Codable {
        case status
        case compareAll
        case retryNow
        /// Sources or settings were changed in the device's database.
        case rootsChanged
        /// Favorites, albums or the trash were changed in the device's database.
        case userDecided
        /// It was chosen anew which originals are to be on this device.
        case choicesChanged
        /// `martlet login` renewed the device's secret.
        case signedIn
        /// `martlet library move`: let go of the library while its lock is held.
        case libraryMoves
        /// One item's story: `about` says which.
        case why
        /// The states of all that is open, for lists.
        case openStates
        /// `martlet pause` or `martlet resume`.
        case pauseChanged
        /// `martlet services`.
        case serviceChanged
        /// `martlet config`.
        case policiesChanged
        /// `martlet sync --now`.
        case syncNow
        /// `martlet library accept`: the answer is in the rows.
        case libraryAccepted
    }

    package let ask: Ask
    /// A path or an id.
    package let about: String?

    package init(_ ask: Ask, about: String? = nil) {
        self.ask = ask
        self.about = about
    }
}

package struct ControlReply: Hashable, Sendable, Codable {
    package let status: LibraryStatus?
    /// A sentence, instead of a status.
    package let problem: String?
    /// The answer to `why`; `nil` when nothing is known of the item.
    package var story: ItemStory?
    /// The answer to `openStates`: by the item's id.
    package var states: [String: ItemState]?

    package init(status: LibraryStatus, story: ItemStory? = nil) {
        self.status = status
        problem = nil
        self.story = story
    }

    package init(problem: String) {
        status = nil
        self.problem = problem
    }
}
