import Kernel
package import Media
package import Records

/// One picture that facts, a thumbnail or a preview are missing of.
struct RenderingJob: Hashable, Sendable {
    /// The work of a kind is taken up again on its own: previews never wait in front of thumbnails.
    enum Stage: String, Sendable, CaseIterable {
        /// Facts and thumbnail; of what takes long to decode the preview as well.
        case read = "photos.read"
        case preview = "photos.preview"
    }

    let stage: Stage
    let lease: Job
    let zone: ZoneID
    let owner: AccountID
    let id: RecordID
    let name: String
    let mediaType: MediaType
    let original: Digest
    let sidecar: Digest?
    let fileModifiedAt: Timestamp?
    let needsFacts: Bool
    let needsThumbnail: Bool
    let needsPreview: Bool
}

/// What came of one job.
///
/// What is `nil` was not asked for.
struct RenderingOutcome: Sendable {
    var facts: Facts?
    var picture: RenderedPicture?
    /// There will be no picture: why.
    var problem: String?
    /// It could not be done now, and is tried again.
    var failure: String?
}

/// The pictures made of one file.
package struct RenderedPicture: Hashable, Sendable {
    /// WebP.
    package var thumbnail: [UInt8]?
    package var preview: [UInt8]?
    package var thumbhash: [UInt8]?
    /// As shown, orientation applied.
    package var width: Int
    package var height: Int

    package init(
        thumbnail: [UInt8]?, preview: [UInt8]?, thumbhash: [UInt8]?, width: Int, height: Int
    ) {
        self.thumbnail = thumbnail
        self.preview = preview
        self.thumbhash = thumbhash
        self.width = width
        self.height = height
    }
}

/// Why a file was not read.
package enum PictureFailure: Error, Hashable, Sendable {
    /// No picture can be got from the file, however often it is tried.
    case damaged(String)
    /// It took too long: it is tried again, a few times, and then taken for damaged.
    case temporary(String)
    /// Not the file's fault: the decoder is missing, the disk failed, the server stops.
    case unavailable(String)
}

/// Reads and draws files: in decoding children in the server, made up in tests.
package protocol PictureReader: Sendable {
    /// How many files it can have in work at once.
    var widthMax: Int { get }

    /// Throws `PictureFailure`.
    func facts(
        of path: String, sidecar: String?, name: String, fileModifiedAt: Timestamp?,
        mediaType: MediaType
    ) async throws -> Facts

    /// Throws `PictureFailure`.
    func render(
        _ path: String, mediaType: MediaType, thumbnail: Bool, preview: Bool
    ) async throws -> RenderedPicture
}
