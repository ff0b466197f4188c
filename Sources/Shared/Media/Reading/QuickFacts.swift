package import Records

/// Martlet's own reader of facts: in Swift, without another program, reading a few pieces of a file.
///
/// It trusts nothing in the file: every place is checked, every loop bounded, all that is read
/// comes out of a share. What it doesn't know stays empty; where it finds a value, ExifTool finds
/// the same (a test over the real photos proves it).
package enum QuickFacts {
    /// Reads the facts of a file.
    ///
    /// - Parameters:
    ///   - name: the file's original name.
    ///   - fileTime: when the file was last changed.
    ///   - sidecar: the bytes of the XMP file beside it.
    /// - Throws: `unreadable` when the bytes can't be had; never for what they are.
    /// - Returns: `nil` for a file that is no photo and no video.
    package static func read(
        _ source: some ByteSource, name: String, fileTime: Timestamp?, sidecar: [UInt8]? = nil
    ) throws(MediaError) -> Facts? {
        guard var observed = try observe(source, name: name) else { return nil }
        if let sidecar { XMPReader.read(sidecar, isSidecar: true, into: &observed) }
        return Facts(observed, name: name, fileTime: fileTime)
    }

    /// What the file says, before the order of dates; `nil` for no photo and no video.
    package static func observe(_ source: some ByteSource, name: String) throws(MediaError)
        -> Observations?
    {
        let head = try source.read(at: 0, count: MediaContent.headByteCount)
        guard let type = MediaContent.classify(name: name, head: head).mediaType, type != .xmp
        else { return nil }
        var observed = Observations(mediaType: type)
        do {
            try read(SourceReader(source), type: Magic.type(of: head) ?? type, into: &observed)
        } catch {
            // A file that wastes time gives what was found so far.
            guard error.code == .tooMuchWork else { throw error }
            observed.isComplete = false
        }
        return observed
    }

    private static func read(
        _ source: SourceReader, type: MediaType, into observed: inout Observations
    ) throws(MediaError) {
        switch type {
        case .jpeg: try JPEGReader.read(source, into: &observed)
        case .png: try ChunkReader.readPNG(source, into: &observed)
        case .webp: try ChunkReader.readWebP(source, into: &observed)
        case .gif: try ChunkReader.readGIF(source, into: &observed)
        case .bmp: try ChunkReader.readBMP(source, into: &observed)
        case .avi: try ChunkReader.readAVI(source, into: &observed)
        case .heic, .heif, .avif: try HEIFReader.read(source, into: &observed)
        case .mp4, .quickTime, .m4v, .threeGP: try MovieReader.read(source, into: &observed)
        case _ where type.isTIFFBased:
            _ = try ExifReader.read(source, isWholeFile: true, into: &observed)
        default: break
        }
    }
}
