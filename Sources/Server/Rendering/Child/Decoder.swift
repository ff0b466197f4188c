import Media
import Records

/// Makes the pictures of one file, inside a decoding child.
struct Decoder {
    let request: RenderRequest
    let deadline: Int64
    let memoryByteCountMax: Int64

    private static let previewQuality = 80
    private static let thumbnailQuality = 76
    /// What HEIF's decoders take: planes, rows of colours, and room to work.
    private static let bytesPerPixelMin: Int64 = 12

    func render() throws(RenderingError) -> Rendered {
        if request.mediaType.isVideo { return try renderFilm() }
        if request.mediaType.isRaw { return try renderRaw() }
        switch request.mediaType {
        case .jpeg, .png, .gif, .webp, .heic, .heif, .avif, .tiff, .jxl: return try renderStill()
        case .bmp: return try renderFilm()
        default:
            throw RenderingError(
                .unsupported, "Martlet makes no picture of \(request.mediaType.rawValue).")
        }
    }

    private var box: Int {
        request.sizes.contains(.preview) ? Limits.previewPixels : Limits.thumbnailPixels
    }

    private func renderStill() throws(RenderingError) -> Rendered {
        let header = try Picture.header(request.path)
        guard Int64(header.width) * Int64(header.height) <= Limits.pixelsPerImageMax else {
            throw RenderingError(
                .tooLarge,
                "\(header.width) x \(header.height) pixels are more than Martlet decodes; the "
                    + "original is kept, without a picture.")
        }
        let picture: Picture
        do throws(RenderingError) {
            picture = try Picture.file(request.path, box: box)
        } catch {
            // libvips gives up where FFmpeg still shows what there is of a broken JPEG.
            guard error.code == .damaged else { throw error }
            if request.mediaType == .jpeg, let rest = try? renderFilm() { return rest }
            // HEIF's decoders call it a broken file when they get no memory.
            if request.mediaType.isBoxBased,
                Int64(header.width * header.height) * Self.bytesPerPixelMin > memoryByteCountMax
            {
                throw RenderingError(
                    .outOfMemory,
                    "\(header.width) x \(header.height) pixels of "
                        + "\(request.mediaType.rawValue) take more memory than is allowed.")
            }
            throw error
        }
        return try finish(picture, width: header.width, height: header.height)
    }

    /// The largest picture that the camera put beside its raw data.
    private func renderRaw() throws(RenderingError) -> Rendered {
        let facts = observed()
        for tag in ["JpgFromRaw", "PreviewImage", "OtherImage", "ThumbnailImage"] {
            let found = try OneShot.run(
                "exiftool", ["-config", "", "-q", "-q", "-m", "-b", "-\(tag)", request.path],
                outputByteCountMax: Limits.embeddedPictureByteCountMax, by: deadline)
            guard !found.isCut, found.output.starts(with: [0xFF, 0xD8, 0xFF]) else { continue }
            // An embedded picture that says nothing of how it lies lies as its raw data.
            let own = try? QuickFacts.observe(MemorySource(found.output), name: "preview.jpg")
            let orientation = own?.orientation == nil ? facts?.orientation : nil
            guard
                let picture = try? Picture.encoded(found.output, box: box, orientation: orientation)
            else { continue }
            let shown = facts.map { Facts($0, name: "", fileTime: nil) }
            return try finish(
                picture, width: shown?.width ?? picture.width,
                height: shown?.height ?? picture.height)
        }
        // Some files with a raw format's name are ordinary pictures.
        return try renderStill()
    }

    /// A film's picture, or one that FFmpeg alone can decode.
    private func renderFilm() throws(RenderingError) -> Rendered {
        let facts = observed().map { Facts($0, name: "", fileTime: nil) }
        let frame = try FilmFrame.read(
            request.path, mediaType: request.mediaType, duration: facts?.duration, box: box,
            by: deadline)
        let picture = try Picture.rows(
            frame.rows, width: frame.width, height: frame.height, box: box)
        return try finish(
            picture, width: facts?.width ?? frame.width, height: facts?.height ?? frame.height)
    }

    private func observed() -> Observations? {
        guard let source = try? FileSource(path: request.path) else { return nil }
        return try? QuickFacts.observe(source, name: "file." + request.mediaType.fileExtension)
    }

    private func finish(_ picture: Picture, width: Int, height: Int) throws(RenderingError)
        -> Rendered
    {
        let small =
            box == Limits.thumbnailPixels ? picture : try picture.shrunk(to: Limits.thumbnailPixels)
        return Rendered(
            thumbnail: request.sizes.contains(.thumbnail)
                ? try small.webP(quality: Self.thumbnailQuality) : nil,
            preview: request.sizes.contains(.preview)
                ? try picture.webP(quality: Self.previewQuality) : nil,
            width: width, height: height, thumbhash: try small.thumbhash())
    }
}
