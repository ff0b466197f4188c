import Records

// Bounds of what only the web server does.
extension Limits {
    /// A server that has not renewed its claim to its temporary folder for so long has none.
    package static let temporaryLeaseSeconds = 86_400
    /// When to come back after the object store did not answer.
    static let objectStoreRetrySeconds: Int64 = 10

    // MARK: - Servers side by side

    /// Heads that are published within it go out together.
    static let relayMilliseconds = 20
    static let relayRetryMilliseconds = 1_000
    /// PostgreSQL takes up to 8,000 bytes.
    static let notificationByteCountMax = 7_900
}
