package import Records

// The records of a zone of kind `photos`, and the parts of an asset.

extension RecordType {
    /// A photo or video as a person thinks of it: what people decide about it, and its parts.
    package static let asset = RecordType(rawValue: "asset")
    /// What was read from an asset's original; has the asset's id.
    package static let facts = RecordType(rawValue: "facts")
    /// What was made from an asset's original; has the asset's id.
    package static let rendering = RecordType(rawValue: "rendering")
    package static let album = RecordType(rawValue: "album")
    /// One asset in one album, so that adding and removing merge.
    package static let membership = RecordType(rawValue: "membership")
    package static let folder = RecordType(rawValue: "folder")
}

extension BlobRole {
    package static let original = BlobRole(rawValue: "original")
    /// The video of a Live Photo.
    package static let pairedVideo = BlobRole(rawValue: "pairedVideo")
    /// A RAW file beside a JPEG.
    package static let alternate = BlobRole(rawValue: "alternate")
    package static let edited = BlobRole(rawValue: "edited")
    package static let adjustment = BlobRole(rawValue: "adjustment")
    package static let sidecar = BlobRole(rawValue: "sidecar")

    // Of `rendering`
    package static let thumbnail = BlobRole(rawValue: "thumbnail")
    package static let preview = BlobRole(rawValue: "preview")
    package static let playable = BlobRole(rawValue: "playable")
    package static let poster = BlobRole(rawValue: "poster")

    /// The parts that a device with originals keeps as files, the most important first.
    package static let keptAsFiles: [BlobRole] = [.original, .pairedVideo, .alternate, .sidecar]
}

extension Record {
    /// An asset that is neither deleted nor in Recently Deleted.
    package var isLiveAsset: Bool { key.type == .asset && !isDeleted && !isTrashed }

    /// Of a `rendering`: its preview, and the digest of the original that it was made of.
    package var madePreview: (of: Digest, preview: BlobReference)? {
        guard key.type == .rendering, let text = fields?["of"]?.string,
            let of = try? Digest(parsing: text), let preview = blob(.preview)
        else { return nil }
        return (of, preview)
    }

    /// The parts that a device with originals keeps as files, in the order of `keptAsFiles`.
    package var fileParts: [(role: BlobRole, blob: BlobReference)] {
        BlobRole.keptAsFiles.compactMap { role in blob(role).map { (role, $0) } }
    }
}
