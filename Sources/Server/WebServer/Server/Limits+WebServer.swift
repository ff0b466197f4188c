import Records

// Bounds of what only the web server does.
extension Limits {
    /// When to come back after the object store did not answer.
    static let objectStoreRetrySeconds: Int64 = 10
}
