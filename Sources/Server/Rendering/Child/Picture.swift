import CMartletVips
import Media
import Records

/// A decoded picture of libvips, freed with its last use.
///
/// Lives in decoding children only.
final class Picture {
    private let pointer: OpaquePointer

    private init(_ pointer: OpaquePointer?) throws(RenderingError) {
        guard let pointer else { throw Self.failure() }
        self.pointer = pointer
    }

    deinit { martlet_picture_free(pointer) }

    /// A file's first picture, upright, in a square of `box` pixels at most.
    static func file(_ path: String, box: Int) throws(RenderingError) -> Picture {
        try Picture(martlet_picture_from_file(path, Int32(box)))
    }

    /// An encoded picture.
    ///
    /// An `orientation` replaces its own.
    static func encoded(_ bytes: [UInt8], box: Int, orientation: Int?) throws(RenderingError)
        -> Picture
    {
        let pointer = bytes.withUnsafeBytes {
            martlet_picture_from_bytes(
                $0.baseAddress, $0.count, Int32(box), Int32(orientation ?? 0))
        }
        return try Picture(pointer)
    }

    /// Rows of red, green, blue.
    static func rows(_ bytes: ArraySlice<UInt8>, width: Int, height: Int, box: Int)
        throws(RenderingError) -> Picture
    {
        precondition(bytes.count == width * height * 3, "Rows have three bytes a pixel.")
        let pointer = bytes.withUnsafeBytes {
            martlet_picture_from_rgb($0.baseAddress, Int32(width), Int32(height), Int32(box))
        }
        return try Picture(pointer)
    }

    struct Header {
        /// As shown.
        let width: Int
        let height: Int
    }

    /// The size of a file's picture without decoding it.
    static func header(_ path: String) throws(RenderingError) -> Header {
        var (width, height, orientation, pages): (Int32, Int32, Int32, Int32) = (0, 0, 1, 1)
        guard martlet_picture_header(path, &width, &height, &orientation, &pages) == 0 else {
            throw failure()
        }
        let isTurned = (5...8).contains(orientation)
        return isTurned
            ? Header(width: Int(height), height: Int(width))
            : Header(width: Int(width), height: Int(height))
    }

    func shrunk(to box: Int) throws(RenderingError) -> Picture {
        try Picture(martlet_picture_shrunk(pointer, Int32(box)))
    }

    var width: Int { Int(martlet_picture_width(pointer)) }
    var height: Int { Int(martlet_picture_height(pointer)) }

    func webP(quality: Int) throws(RenderingError) -> [UInt8] {
        var bytes: UnsafeMutableRawPointer?
        var count = 0
        guard martlet_picture_webp(pointer, Int32(quality), &bytes, &count) == 0 else {
            throw Self.failure()
        }
        return WebPFile.withoutNotes(Self.taking(bytes, count))
    }

    /// ThumbHash of the picture.
    func thumbhash() throws(RenderingError) -> [UInt8] {
        let small = try shrunk(to: ThumbHash.pixelsMax)
        var bytes: UnsafeMutableRawPointer?
        var count = 0
        guard martlet_picture_rgba(small.pointer, &bytes, &count) == 0 else {
            throw Self.failure()
        }
        return ThumbHash.encode(
            width: small.width, height: small.height, rgba: Self.taking(bytes, count)) ?? []
    }

    private static func taking(_ bytes: UnsafeMutableRawPointer?, _ count: Int) -> [UInt8] {
        defer { martlet_bytes_free(bytes) }
        return Array(UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : count))
    }

    /// What libvips says went wrong, as one of our codes.
    private static func failure() -> RenderingError {
        let text = String(cString: martlet_pictures_message())
        let line = text.split(separator: "\n").first.map(String.init) ?? "no reason given"
        let memoryWords = ["out of memory", "Cannot allocate", "Error creating thread"]
        if memoryWords.contains(where: text.contains) {
            return RenderingError(
                .outOfMemory, "Decoding this picture takes more memory than is allowed (\(line)).")
        }
        return RenderingError(
            .damaged, "The picture can't be decoded (\(line)); its bytes are kept as they are.")
    }
}
