package import Records

/// What the user said about one item's original on this device.
///
/// Without a word of theirs the device's own rule holds: every original is kept, or, with Optimize
/// Storage, those that are here stay until their space is needed.
package enum ItemChoice: String, Hashable, Sendable, CaseIterable {
    /// Always here, whatever the space.
    case keepHere
    /// Not here: it leaves as soon as it may (P2), and is not fetched.
    case inCloud
    /// Fetched once, then as without a choice.
    case fetch
}

/// A receipt and when this device asked for it: kept, since it is itself the right to refer to that
/// blob again.
package struct StoredReceipt: Hashable, Sendable {
    package let receipt: ServerReceipt
    /// By this device's own clock.
    package let askedAt: Timestamp

    package init(_ receipt: ServerReceipt, askedAt: Timestamp) {
        self.receipt = receipt
        self.askedAt = askedAt
    }
}
