package import Media

/// The pictures that Martlet makes of an original, each a WebP in a square it must fit.
package struct PictureSizes: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// In a square of `Limits.thumbnailPixels`.
    package static let thumbnail = Self(rawValue: 1)
    /// In a square of `Limits.previewPixels`.
    package static let preview = Self(rawValue: 2)
    package static let all: Self = [.thumbnail, .preview]
}

/// One file to make pictures of.
package struct RenderRequest: Sendable, Hashable {
    /// A regular file that the server may read; at most `Limits.pathByteCountMax` bytes.
    package var path: String
    package var mediaType: MediaType
    /// JPEG gives a thumbnail alone quickly; of other formats ask for both at once, since one
    /// decoding serves both.
    package var sizes: PictureSizes

    package init(path: String, mediaType: MediaType, sizes: PictureSizes = .all) {
        self.path = path
        self.mediaType = mediaType
        self.sizes = sizes
    }
}

/// What was made.
package struct Rendered: Sendable, Hashable {
    /// WebP; `nil` if it wasn't asked for.
    package var thumbnail: [UInt8]?
    package var preview: [UInt8]?
    /// The original's pixels as shown, orientation applied.
    package var width: Int
    package var height: Int
    /// ThumbHash; empty when none could be made.
    package var thumbhash: [UInt8]

    package init(
        thumbnail: [UInt8]?, preview: [UInt8]?, width: Int, height: Int, thumbhash: [UInt8]
    ) {
        self.thumbnail = thumbnail
        self.preview = preview
        self.width = width
        self.height = height
        self.thumbhash = thumbhash
    }
}

/// What one decoding may use.
package struct DecodingLimits: Sendable, Hashable {
    package var memoryByteCount: Int64
    package var renderMilliseconds: Int
    package var factsMilliseconds: Int

    package init(memoryByteCount: Int64, renderMilliseconds: Int, factsMilliseconds: Int) {
        self.memoryByteCount = memoryByteCount
        self.renderMilliseconds = renderMilliseconds
        self.factsMilliseconds = factsMilliseconds
    }
}
