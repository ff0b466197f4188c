import HTTPTypes

/// Statuses that HTTPTypes has no name for.
extension HTTPResponse.Status {
    static let insufficientStorage = Self(code: 507, reasonPhrase: "Insufficient Storage")
    static let locked = Self(code: 423, reasonPhrase: "Locked")
    /// tus checksum extension.
    static let checksumMismatch = Self(code: 460, reasonPhrase: "Checksum Mismatch")
}
