/// Tells a file's type from its first bytes.
///
/// Sources: the formats' own definitions (JFIF and ITU-T T.81, PNG, GIF89a, RFC 9649, TIFF 6,
/// ISO 14496-12 with the brand registry of mp4ra.org, ISO 13818-1, RFC 8794, ASF, XMP part 3).
enum Magic {
    static func type(of head: [UInt8]) -> MediaType? {
        still(head) ?? riff(head) ?? boxes(head) ?? stream(head) ?? (isXMP(head) ? .xmp : nil)
    }

    private static func still(_ head: [UInt8]) -> MediaType? {
        if head.starts(with: [0xFF, 0xD8, 0xFF]) { return .jpeg }
        if head.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return .png }
        if head.starts(with: "GIF87a") || head.starts(with: "GIF89a") { return .gif }
        if head.starts(with: [0x49, 0x49, 0x2A, 0x00])
            || head.starts(with: [0x4D, 0x4D, 0x00, 0x2A])
        {
            return head.starts(with: "CR", at: 8) ? .cr2 : .tiff
        }
        if head.starts(with: [0x49, 0x49, 0x55, 0x00]) { return .panasonicRaw }
        if head.starts(with: "IIRO") || head.starts(with: "IIRS") || head.starts(with: "MMOR") {
            return .olympusRaw
        }
        if head.starts(with: "FUJIFILMCCD-RAW") { return .fujifilmRaw }
        if head.starts(with: [0xFF, 0x0A]) { return .jxl }
        if head.starts(with: [0, 0, 0, 0x0C, 0x4A, 0x58, 0x4C, 0x20]) { return .jxl }
        if head.starts(with: "BM"), let size: UInt32 = head.integer(at: 14, littleEndian: true),
            [12, 16, 40, 52, 56, 64, 108, 124].contains(size)
        {
            return .bmp
        }
        return nil
    }

    private static func riff(_ head: [UInt8]) -> MediaType? {
        guard head.starts(with: "RIFF") else { return nil }
        if head.starts(with: "WEBP", at: 8) { return .webp }
        if head.starts(with: "AVI ", at: 8) { return .avi }
        return nil
    }

    private static func boxes(_ head: [UInt8]) -> MediaType? {
        // QuickTime files of old begin without saying so.
        for name in ["moov", "mdat", "wide"] as [StaticString] where head.starts(with: name, at: 4)
        {
            return .quickTime
        }
        guard head.starts(with: "ftyp", at: 4), let size: UInt32 = head.integer(at: 0) else {
            return nil
        }
        let end = min(head.count, Int(clamping: max(size, 16)), 1 << 10)
        var brands = [head.piece(at: 8, count: 4)]
        for offset in stride(from: 16, to: end - 3, by: 4) {
            brands.append(head.piece(at: offset, count: 4))
        }
        let names = brands.map { String(decoding: $0, as: UTF8.self) }
        if let type = names.first.flatMap(brand) { return type }
        // `mif1` and `isom` leave the kind to the compatible brands.
        let compatible = names.dropFirst().compactMap(brand)
        if names.first == "mif1" || names.first == "msf1" {
            return compatible.first { $0 == .heic || $0 == .avif } ?? .heif
        }
        return compatible.first { $0 == .heic || $0 == .avif } ?? .mp4
    }

    private static func brand(_ name: String) -> MediaType? {
        switch name {
        case "heic", "heix", "heim", "heis", "hevc", "hevx": .heic
        case "avif", "avis": .avif
        case "crx ": .cr3
        case "qt  ": .quickTime
        case "M4V ", "M4VH", "M4VP": .m4v
        case _ where name.hasPrefix("3g"): .threeGP
        case "mp41", "mp42", "isom", "iso2", "iso4", "iso5", "iso6", "avc1", "MSNV", "dash": .mp4
        default: nil
        }
    }

    private static func stream(_ head: [UInt8]) -> MediaType? {
        if head.starts(with: [0x1A, 0x45, 0xDF, 0xA3]) {
            let words = head.piece(at: 0, count: 64)
            return words.indices.contains { words.starts(with: "webm", at: $0) } ? .webm : .matroska
        }
        if head.starts(with: [0, 0, 1, 0xBA]) || head.starts(with: [0, 0, 1, 0xB3]) {
            return .mpeg
        }
        if head.starts(with: [0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11]) {
            return .windowsMedia
        }
        // Packets of 188 bytes; cameras put four bytes of time before each.
        for (start, step) in [(0, 188), (4, 192)] {
            let places = (0..<4).map { start + $0 * step }
            if head.count > places[3], places.allSatisfy({ head[$0] == 0x47 }) {
                return .mpegTransport
            }
        }
        return nil
    }

    private static func isXMP(_ head: [UInt8]) -> Bool {
        guard let first = head.first, first == UInt8(ascii: "<") || first >= 0xEF || first == 0x20
        else { return false }
        let text = XMPText.utf8(head.piece(at: 0, count: 2 << 10))
        return text.indices.contains {
            text[$0] == UInt8(ascii: "<") && text.starts(with: "<x:xmpmeta", at: $0)
        }
    }
}
