package import Records

/// How one item is doing, in one word.
///
/// The first eight are those of `ItemCounts`; the others name items that are not counted there.
package enum ItemState: String, Sendable, Codable, CaseIterable {
    case inSync, onlyHere, onlyInCloud, waiting, uploading, downloading, failed, held
    /// In Recently Deleted, or deleted for good.
    case recentlyDeleted
    /// On this device only, and meant to be.
    case notIncluded
}

/// How one item is, and why: derived from evidence when it is asked for (P6).
package struct ItemStatus: Hashable, Sendable, Codable {
    /// The asset's id; `nil` while its bytes are not known.
    package var item: RecordID?
    package var name: String
    package var state: ItemState
    /// What it waits for, and what is to be known of it; that of the highest rank first.
    package var reasons: [Reason]
    /// Items whose turn comes before, when it is queued.
    package var ahead: Int?
    package var nextTry: Timestamp?

    package init(
        item: RecordID?, name: String, state: ItemState, reasons: [Reason] = [],
        ahead: Int? = nil, nextTry: Timestamp? = nil
    ) {
        self.item = item
        self.name = name
        self.state = state
        self.reasons = reasons
        self.ahead = ahead
        self.nextTry = nextTry
    }
}

/// One item's story: `martlet why`.
package struct ItemStory: Hashable, Sendable, Codable {
    /// One place where bytes of the item lie.
    package struct Copy: Hashable, Sendable, Codable {
        /// An absolute path on this device, or the server's address.
        package let `where`: String
        package let role: String
        /// When these bytes were last read to their end and found to be what they should be.
        package let verifiedAt: Timestamp?

        package init(where place: String, role: String, verifiedAt: Timestamp?) {
            self.where = place
            self.role = role
            self.verifiedAt = verifiedAt
        }
    }

    /// Something that happened to the item.
    package struct Event: Hashable, Sendable, Codable {
        package let at: Timestamp
        /// Stable, for programs; those of newer versions are passed on as they are.
        package let event: String
        /// A sentence, or its part: what, where, why.
        package let detail: String
        /// How many times in a row, up to `lastAt`.
        package let times: Int
        package let lastAt: Timestamp

        package init(
            at: Timestamp, event: String, detail: String, times: Int = 1,
            lastAt: Timestamp? = nil
        ) {
            self.at = at
            self.event = event
            self.detail = detail
            self.times = times
            self.lastAt = lastAt ?? at
        }
    }

    package var status: ItemStatus
    /// Absolute, of its file on this device: of the original where there is one.
    package var path: String?
    package var copies: [Copy]
    /// The oldest first.
    package var history: [Event]

    package init(status: ItemStatus, path: String?, copies: [Copy], history: [Event]) {
        self.status = status
        self.path = path
        self.copies = copies
        self.history = history
    }
}
