import Records

// Bounds of what only servers side by side do.
extension Limits {
    /// Heads that are published within it go out together.
    static let relayMilliseconds = 20
    static let relayRetryMilliseconds = 1_000
    /// PostgreSQL takes up to 8,000 bytes.
    static let notificationByteCountMax = 7_900
}
