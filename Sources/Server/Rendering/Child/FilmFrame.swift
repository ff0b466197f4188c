import Media
import Records

/// One frame of a film, by FFmpeg in a process of its own: the one at a tenth of the film, where
/// something is usually to be seen, else the first.
struct FilmFrame {
    let width: Int
    let height: Int
    /// Red, green, blue of each pixel, row by row.
    let rows: ArraySlice<UInt8>

    private static let seekSecondsMax = 10.0

    static func read(
        _ path: String, mediaType: MediaType, duration: Double?, box: Int, by deadline: Int64
    ) throws(RenderingError) -> FilmFrame {
        guard let format = formats[mediaType] else {
            throw RenderingError(
                .unsupported, "Martlet makes no picture of \(mediaType.rawValue).")
        }
        let seconds = mediaType.isVideo ? min((duration ?? 10) / 10, seekSecondsMax) : 0
        var messages = ""
        for start in seconds > 0 ? [seconds, 0] : [0] {
            let outcome = try OneShot.run(
                "ffmpeg", arguments(path, format: format, start: start, box: box),
                outputByteCountMax: box * box * 3 + 64, by: deadline)
            if !outcome.isCut, let frame = FilmFrame(pixmap: outcome.output) { return frame }
            messages = outcome.messages
        }
        if messages.contains("Cannot allocate memory") {
            throw RenderingError(
                .outOfMemory, "Decoding this film takes more memory than is allowed.")
        }
        throw RenderingError(
            .damaged, "No frame of this film can be decoded; its bytes are kept as they are.")
    }

    /// The demuxer is named, so that no file can pass for a list of other files or addresses, and
    /// nothing but this file may be opened.
    private static func arguments(_ path: String, format: String, start: Double, box: Int)
        -> [String]
    {
        let fit =
            "scale=w='trunc(iw*sar)':h=ih,setsar=1,"
            + "scale=w='min(\(box),iw)':h='min(\(box),ih)':force_original_aspect_ratio=decrease"
        return ["-nostdin", "-hide_banner", "-v", "error", "-threads", "1"]
            + ["-protocol_whitelist", "file,pipe", "-f", format]
            + (start > 0 ? ["-ss", "\(start)"] : [])
            + ["-i", "file:\(path)", "-an", "-sn", "-dn", "-frames:v", "1"]
            + ["-filter_threads", "1", "-vf", fit, "-pix_fmt", "rgb24"]
            + ["-c:v", "ppm", "-f", "image2pipe", "pipe:1"]
    }

    private static let formats: [MediaType: String] = [
        .mp4: "mov", .quickTime: "mov", .m4v: "mov", .threeGP: "mov", .avi: "avi",
        .mpegTransport: "mpegts", .matroska: "matroska", .webm: "matroska", .mpeg: "mpeg",
        .windowsMedia: "asf", .bmp: "bmp_pipe", .jpeg: "jpeg_pipe",
    ]

    /// Netpbm's portable pixmap: `P6`, width, height, 255, then rows.
    init?(pixmap: [UInt8]) {
        var numbers: [Int] = []
        var place = 2
        guard pixmap.starts(with: Array("P6".utf8)) else { return nil }
        while numbers.count < 3, place < pixmap.count, place < 64 {
            while place < pixmap.count, pixmap[place] <= 0x20 { place += 1 }
            var number = 0
            while place < pixmap.count, (48...57).contains(pixmap[place]), number < 1 << 20 {
                number = number * 10 + Int(pixmap[place] - 48)
                place += 1
            }
            numbers.append(number)
        }
        place += 1
        guard numbers.count == 3, numbers[2] == 255, numbers[0] > 0, numbers[1] > 0,
            pixmap.count - place >= numbers[0] * numbers[1] * 3
        else { return nil }
        width = numbers[0]
        height = numbers[1]
        rows = pixmap[place..<place + width * height * 3]
    }
}
