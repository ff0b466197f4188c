import Records

/// Walks the segments of a JPEG (ITU-T T.81) up to its picture: EXIF, XMP, IPTC, and the size.
enum JPEGReader {
    /// Segments of one file; cameras write some twenty.
    private static let segmentsMax = 2_000

    static func read(_ source: SourceReader, into observed: inout Observations) throws(MediaError) {
        var place: Int64 = 2
        var isIntact = true
        var hasExif = false
        for _ in 0..<segmentsMax {
            guard let marker = try nextMarker(source, &place, &isIntact) else { break }
            // Markers that stand alone; the picture's own bytes; the end.
            if marker == 0x01 || (0xD0...0xD7).contains(marker) { continue }
            if marker == 0xDA || marker == 0xD9 { break }
            guard let length = try source.integer(UInt16.self, at: place), length >= 2 else {
                isIntact = false
                break
            }
            let count = Int(length) - 2
            switch marker {
            case 0xC0...0xCF where ![0xC4, 0xC8, 0xCC].contains(marker):
                try readFrame(source, at: place + 2, into: &observed)
            case 0xE1:
                if let bytes = try source.bytes(at: place + 2, count: count) {
                    try readAPP1(bytes, &hasExif, &isIntact, into: &observed)
                } else {
                    isIntact = false
                }
            case 0xED:
                if let bytes = try source.bytes(at: place + 2, count: count) {
                    IPTCReader.readPhotoshop(bytes, into: &observed)
                }
            default: break
            }
            place += Int64(length)
        }
        observed.isComplete = isIntact && observed.width != nil
    }

    /// The byte behind the next 0xFF; bytes between segments are passed over, a few of them.
    private static func nextMarker(
        _ source: SourceReader, _ place: inout Int64, _ isIntact: inout Bool
    ) throws(MediaError) -> UInt8? {
        var passed = 0
        while let byte = try source.byte(at: place), passed < 4_096 {
            place += 1
            guard byte == 0xFF else {
                passed += 1
                isIntact = false
                continue
            }
            while let next = try source.byte(at: place), passed < 4_096 {
                place += 1
                passed += 1
                if next == 0 { break }
                if next != 0xFF { return next }
            }
        }
        isIntact = false
        return nil
    }

    private static func readFrame(
        _ source: SourceReader, at place: Int64, into observed: inout Observations
    ) throws(MediaError) {
        guard observed.width == nil, let bytes = try source.bytes(at: place, count: 5),
            let height: UInt16 = bytes.integer(at: 1), let width: UInt16 = bytes.integer(at: 3),
            width > 0, height > 0
        else { return }
        (observed.width, observed.height) = (Int(width), Int(height))
    }

    private static func readAPP1(
        _ bytes: [UInt8], _ hasExif: inout Bool, _ isIntact: inout Bool,
        into observed: inout Observations
    ) throws(MediaError) {
        if bytes.starts(with: "Exif\0") {
            // A second one would be a preview's, or a program's mistake.
            if hasExif {
                isIntact = false
                return
            }
            hasExif = true
            let exif = SourceReader(MemorySource(bytes))
            if try !ExifReader.read(exif, base: 6, into: &observed) { isIntact = false }
        } else if bytes.starts(with: "http://ns.adobe.com/xap/1.0/\0") {
            XMPReader.read(Array(bytes.dropFirst(29)), isSidecar: false, into: &observed)
        }
    }
}
