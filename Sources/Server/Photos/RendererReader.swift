package import Media
package import Records
package import Rendering

/// Files are read and drawn in Rendering's decoding children.
package struct RendererReader: PictureReader {
    private let renderer: Renderer
    package let widthMax: Int

    package init(renderer: Renderer, widthMax: Int) {
        self.renderer = renderer
        self.widthMax = widthMax
    }

    package func facts(
        of path: String, sidecar: String?, name: String, fileModifiedAt: Timestamp?,
        mediaType: MediaType
    ) async throws -> Facts {
        do {
            return try await renderer.facts(
                of: path, sidecar: sidecar, originalName: name, fileTime: fileModifiedAt)
        } catch {
            throw PictureFailure(error)
        }
    }

    package func render(
        _ path: String, mediaType: MediaType, thumbnail: Bool, preview: Bool
    ) async throws -> RenderedPicture {
        var sizes: PictureSizes = []
        if thumbnail { sizes.insert(.thumbnail) }
        if preview { sizes.insert(.preview) }
        do {
            let rendered = try await renderer.render(
                RenderRequest(path: path, mediaType: mediaType, sizes: sizes))
            return RenderedPicture(
                thumbnail: rendered.thumbnail, preview: rendered.preview,
                thumbhash: rendered.thumbhash.isEmpty ? nil : rendered.thumbhash,
                width: rendered.width, height: rendered.height)
        } catch {
            throw PictureFailure(error)
        }
    }
}

extension PictureFailure {
    /// Time and crashes alone do not condemn a file at once: a machine under load makes any file
    /// slow, and a decoder may itself be at fault.
    init(_ error: RenderingError) {
        switch error.code {
        case .unsupported, .damaged, .tooLarge, .outOfMemory:
            self = .damaged(error.message)
        case .decoderTimedOut, .decoderCrashed: self = .temporary(error.message)
        case .unreadable, .decoderUnavailable, .shutDown: self = .unavailable(error.message)
        }
    }
}
