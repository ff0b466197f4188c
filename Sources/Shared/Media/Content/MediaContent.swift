/// What a file is, told from its first bytes and, where they say nothing, from its name.
package enum MediaContent: Hashable, Sendable {
    case image(MediaType)
    case video(MediaType)
    /// What is known about another file: XMP.
    case sidecar
    case other

    /// How many bytes of a file's beginning `classify` can use.
    package static let headByteCount = 64 << 10

    /// Tells what a file is.
    ///
    /// The first bytes decide; a file that has a photo's or video's name and whose bytes nothing
    /// recognises is that photo or video, damaged: it is kept all the same.
    ///
    /// - Parameters:
    ///   - nameBytes: the file's name, in whatever bytes the disk has.
    ///   - head: the first 64 KiB at most; may be empty.
    package static func classify(nameBytes: [UInt8], head: [UInt8]) -> Self {
        let named = MediaType.named(by: fileExtension(of: nameBytes))
        switch Magic.type(of: head) {
        case .some(.xmp): return .sidecar
        // Raw formats of cameras are TIFF or JPEG at their beginning; the name knows which.
        case .some(let found):
            if let named, named.isRaw, found.isTIFFBased || found == .heif { return .image(named) }
            return found.content
        case .none:
            return named?.content ?? .other
        }
    }

    package static func classify(name: String, head: [UInt8]) -> Self {
        classify(nameBytes: Array(name.utf8), head: head)
    }

    /// Whether a file of this name could be media or a sidecar: what a scan opens to look into.
    package static func isCandidate(_ name: String) -> Bool {
        MediaType.named(by: fileExtension(of: Array(name.utf8))) != nil
    }

    package var mediaType: MediaType? {
        switch self {
        case .image(let type), .video(let type): type
        case .sidecar: .xmp
        case .other: nil
        }
    }

    package var isMedia: Bool {
        switch self {
        case .image, .video: true
        case .sidecar, .other: false
        }
    }

    /// The lower-case extension: the bytes behind the last full stop of a name that begins with
    /// something else; empty when there is none.
    static func fileExtension(of nameBytes: [UInt8]) -> String {
        guard let dot = nameBytes.lastIndex(of: UInt8(ascii: ".")), dot > 0 else { return "" }
        let suffix = nameBytes[(dot + 1)...]
        guard (1...8).contains(suffix.count) else { return "" }
        return String(decoding: suffix, as: UTF8.self).lowercased()
    }
}
