/// Reads the formats that are a row of named pieces: PNG (W3C), WebP and AVI (RIFF); and the
/// headers of GIF and BMP.
enum ChunkReader {
    private static let chunksMax = 4_000

    static func readPNG(_ source: SourceReader, into observed: inout Observations)
        throws(MediaError)
    {
        var place: Int64 = 8
        for _ in 0..<chunksMax {
            guard let head = try source.bytes(at: place, count: 8),
                let count: UInt32 = head.integer(at: 0)
            else { return }
            let body = place + 8
            if head.starts(with: "IHDR", at: 4) {
                (observed.width, observed.height) = try size32(source, at: body)
            } else if head.starts(with: "eXIf", at: 4) {
                _ = try ExifReader.read(source, base: body, into: &observed)
            } else if head.starts(with: "iTXt", at: 4), count < 1 << 20,
                let text = try source.bytes(at: body, count: Int(count)),
                text.starts(with: "XML:com.adobe.xmp\0\0")
            {
                XMPReader.read(Array(text.dropFirst(22)), isSidecar: false, into: &observed)
            } else if head.starts(with: "IEND", at: 4) {
                return
            }
            place = body + Int64(count) + 4
        }
    }

    private static func size32(_ source: SourceReader, at place: Int64) throws(MediaError) -> (
        Int?, Int?
    ) {
        guard let width = try source.integer(UInt32.self, at: place),
            let height = try source.integer(UInt32.self, at: place + 4), width > 0, height > 0
        else { return (nil, nil) }
        return (Int(width), Int(height))
    }

    static func readGIF(_ source: SourceReader, into observed: inout Observations)
        throws(MediaError)
    {
        guard let width = try source.integer(UInt16.self, at: 6, littleEndian: true),
            let height = try source.integer(UInt16.self, at: 8, littleEndian: true)
        else { return }
        (observed.width, observed.height) = (Int(width), Int(height))
    }

    static func readBMP(_ source: SourceReader, into observed: inout Observations)
        throws(MediaError)
    {
        guard let width = try source.integer(Int32.self, at: 18, littleEndian: true),
            let height = try source.integer(Int32.self, at: 22, littleEndian: true)
        else { return }
        // A height below zero says that the rows begin at the top.
        (observed.width, observed.height) = (Int(width), abs(Int(height)))
    }

    static func readWebP(_ source: SourceReader, into observed: inout Observations)
        throws(MediaError)
    {
        try eachRIFFChunk(source, from: 12) { name, body, count throws(MediaError) in
            switch name {
            case "VP8X":
                guard let bytes = try source.bytes(at: body, count: 10) else { return }
                observed.width = 1 + (Int(bytes[4]) | Int(bytes[5]) << 8 | Int(bytes[6]) << 16)
                observed.height = 1 + (Int(bytes[7]) | Int(bytes[8]) << 8 | Int(bytes[9]) << 16)
            case "VP8 " where observed.width == nil:
                guard let bytes = try source.bytes(at: body, count: 10),
                    bytes[3...5].elementsEqual([0x9D, 0x01, 0x2A])
                else { return }
                observed.width = Int(bytes[6]) | Int(bytes[7] & 0x3F) << 8
                observed.height = Int(bytes[8]) | Int(bytes[9] & 0x3F) << 8
            case "VP8L" where observed.width == nil:
                guard let bytes = try source.bytes(at: body, count: 5), bytes[0] == 0x2F,
                    let bits: UInt32 = bytes.integer(at: 1, littleEndian: true)
                else { return }
                observed.width = 1 + Int(bits & 0x3FFF)
                observed.height = 1 + Int(bits >> 14 & 0x3FFF)
            case "EXIF":
                let isNamed =
                    try source.bytes(at: body, count: 6)?.starts(with: "Exif\0\0") ?? false
                _ = try ExifReader.read(source, base: isNamed ? body + 6 : body, into: &observed)
            case "XMP ":
                guard count < 1 << 20, let text = try source.bytes(at: body, count: Int(count))
                else { return }
                XMPReader.read(text, isSidecar: false, into: &observed)
            default: break
            }
        }
    }

    /// AVI's header list: size, frames and their time; `IDIT` holds a date in many forms, which are
    /// left to the full reader.
    static func readAVI(_ source: SourceReader, into observed: inout Observations)
        throws(MediaError)
    {
        try eachRIFFChunk(source, from: 12) { name, body, _ throws(MediaError) in
            guard name == "LIST", observed.width == nil,
                let head = try source.bytes(at: body, count: 12 + 40),
                head.starts(with: "hdrlavih"),
                let frameMicroseconds: UInt32 = head.integer(at: 12, littleEndian: true),
                let frames: UInt32 = head.integer(at: 28, littleEndian: true),
                let width: UInt32 = head.integer(at: 44, littleEndian: true),
                let height: UInt32 = head.integer(at: 48, littleEndian: true)
            else { return }
            (observed.width, observed.height) = (Int(width), Int(height))
            observed.duration = Double(frames) * Double(frameMicroseconds) / 1e6
        }
    }

    private static func eachRIFFChunk(
        _ source: SourceReader, from start: Int64,
        _ body: (String, Int64, Int64) throws(MediaError) -> Void
    ) throws(MediaError) {
        var place = start
        for _ in 0..<chunksMax {
            guard let head = try source.bytes(at: place, count: 8),
                let count: UInt32 = head.integer(at: 4, littleEndian: true)
            else { return }
            try body(String(decoding: head[0..<4], as: UTF8.self), place + 8, Int64(count))
            place += 8 + (Int64(count) + 1) & ~1
        }
    }
}
