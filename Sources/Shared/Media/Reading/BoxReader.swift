/// Walks the boxes of ISO 14496-12.
struct BoxReader {
    struct Box {
        let type: String
        /// Where the box's content begins and ends.
        let start: Int64
        let end: Int64

        var byteCount: Int64 { end - start }
    }

    let source: SourceReader
    private static let boxesMax = 4_000
    static let depthMax = 8

    init(_ source: SourceReader) { self.source = source }

    /// The boxes from `start` to `end`, in order, as far as their sizes make sense.
    ///
    /// A last box that promises more than there is ends where its surroundings do.
    func boxes(from start: Int64, to end: Int64) throws(MediaError) -> [Box] {
        var boxes: [Box] = []
        var place = start
        while place + 8 <= end, boxes.count < Self.boxesMax {
            guard let head = try source.bytes(at: place, count: 8),
                let short: UInt32 = head.integer(at: 0)
            else { break }
            var size = Int64(short)
            var headSize: Int64 = 8
            if short == 1 {
                guard let long = try source.integer(UInt64.self, at: place + 8) else { break }
                size = Int64(clamping: long)
                headSize = 16
            } else if short == 0 {
                size = end - place
            }
            guard size >= headSize else { break }
            let boxEnd = size > end - place ? end : place + size
            guard boxEnd >= place + headSize else { break }
            boxes.append(
                Box(type: Self.name(head[4..<8]), start: place + headSize, end: boxEnd))
            place = boxEnd
        }
        return boxes
    }

    func boxes(in box: Box, skipping: Int64 = 0) throws(MediaError) -> [Box] {
        try boxes(from: box.start + skipping, to: box.end)
    }

    func content(of box: Box, limit: Int) throws(MediaError) -> [UInt8]? {
        try source.bytes(at: box.start, count: Int(min(box.byteCount, Int64(limit))))
    }

    /// A box's name; QuickTime has names that begin with ©, which is one byte there.
    static func name(_ bytes: ArraySlice<UInt8>) -> String {
        String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }
}
