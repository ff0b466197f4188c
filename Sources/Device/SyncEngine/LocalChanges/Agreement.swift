import Library
package import Records

/// The base view of a file: the part of an asset that it was when this device and the server last
/// agreed.
///
/// Only what was agreed on can be missed, edited or renamed here; a file without an agreement is
/// just a file that this device has.
package struct Agreement: Hashable, Sendable {
    package let asset: RecordID
    package let role: BlobRole
    package let digest: Digest
    package let byteCount: Int64
    /// The asset's name then; another one now is a rename on the other side.
    package var name: String
    /// The file's own name then; another one now is a rename here.
    ///
    /// `nil`: it doesn't matter.
    package var fileName: [UInt8]?
    /// The file's modification time then, in nanoseconds since 1970; `nil`: it doesn't matter.
    package var modifiedAt: Int64?

    package init(
        asset: RecordID, role: BlobRole, digest: Digest, byteCount: Int64, name: String,
        fileName: [UInt8]? = nil, modifiedAt: Int64? = nil
    ) {
        self.asset = asset
        self.role = role
        self.digest = digest
        self.byteCount = byteCount
        self.name = name
        self.fileName = fileName
        self.modifiedAt = modifiedAt
    }
}
