/// The container of WebP (RFC 9649).
enum WebPFile {
    /// Where the flags of colour profile, EXIF and XMP are in an extended header.
    private static let noteFlags: UInt8 = 0x20 | 0x08 | 0x04

    /// A picture without what a saver puts beside it.
    ///
    /// Ours are in sRGB and upright, so that nothing needs to be said; and nothing that the
    /// original says may leave with its thumbnail.
    static func withoutNotes(_ file: [UInt8]) -> [UInt8] {
        var chunks: [[UInt8]] = []
        var place = 12
        while place + 8 <= file.count {
            let count = (0..<4).reduce(0) { $0 | Int(file[place + 4 + $1]) << ($1 * 8) }
            let end = place + 8 + count + count % 2
            guard end <= file.count else { return file }
            chunks.append(Array(file[place..<end]))
            place = end
        }
        let hasName = { (chunk: [UInt8], name: String) in chunk.starts(with: Array(name.utf8)) }
        chunks.removeAll { chunk in ["ICCP", "EXIF", "XMP "].contains { hasName(chunk, $0) } }
        if let head = chunks.firstIndex(where: { hasName($0, "VP8X") }) {
            chunks[head][8] &= ~noteFlags
            if chunks[head][8] == 0 { chunks.remove(at: head) }
        }
        let body = chunks.reduce(into: Array("WEBP".utf8)) { $0 += $1 }
        let size = (0..<4).map { UInt8(body.count >> ($0 * 8) & 255) }
        return Array("RIFF".utf8) + size + body
    }
}
