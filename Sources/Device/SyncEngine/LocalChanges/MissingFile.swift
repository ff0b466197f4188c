import Library
package import Records

/// A file of the library that was agreed on and is not there any more.
///
/// An observation, not yet a deletion: absent is not deleted (P4).
package struct MissingFile: Hashable, Sendable {
    package var place: Place
    package var agreed: Agreement
    /// As it was seen last.
    package var stamp: FileStamp
    /// When it was first found missing.
    package var since: Timestamp
    /// Everything that makes it a deletion was proven.
    package var isConfirmed: Bool
    /// The user said yes to a list with it.
    package var isApproved: Bool

    package init(
        place: Place, agreed: Agreement, stamp: FileStamp, since: Timestamp,
        isConfirmed: Bool = false, isApproved: Bool = false
    ) {
        self.place = place
        self.agreed = agreed
        self.stamp = stamp
        self.since = since
        self.isConfirmed = isConfirmed
        self.isApproved = isApproved
    }
}

/// How many files are missing, by what is known of them.
package struct MissingCounts: Hashable, Sendable {
    package var all = 0
    package var unconfirmed = 0
    /// Confirmed originals that nobody said yes to.
    package var unapproved = 0
    /// Confirmed originals that the user said yes to.
    package var approved = 0
    /// Since when the first of `unapproved` is missing.
    package var oldestUnapproved: Timestamp?

    package init() {}
}

/// A deletion or a change of bytes that was sent without a question, counted over 24 hours.
package struct SentChange: Hashable, Sendable {
    package let asset: RecordID
    package let at: Timestamp

    package init(asset: RecordID, at: Timestamp) {
        self.asset = asset
        self.at = at
    }
}
