import Records

// Bounds of what only the photos service does.
extension Limits {
    /// An object of a store without files is copied for the decoding children up to this size.
    package static let readableCopyByteCountMax: Int64 = 16 << 30
}
