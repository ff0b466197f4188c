import Records

/// Reads the directories of TIFF 6, which are also those of EXIF (CIPA DC-008) and of most raw
/// formats.
///
/// Directories that point at each other in circles are read once each.
struct TIFFReader {
    struct Entry {
        let tag: UInt16
        let kind: UInt16
        let count: Int
        /// Where the values are, from the beginning of the TIFF structure.
        let offset: Int64
    }

    let source: SourceReader
    /// Where the TIFF structure begins in the source; its offsets count from there.
    let base: Int64
    let littleEndian: Bool
    private(set) var isIntact = true
    private var seen: Set<Int64> = []

    private static let entriesPerDirectoryMax = 1_000
    private static let directoriesMax = 64

    /// `nil` where no TIFF structure begins.
    init?(_ source: SourceReader, base: Int64 = 0) throws(MediaError) {
        guard let head = try source.bytes(at: base, count: 4) else { return nil }
        // 42, and what Panasonic (0x55) and Olympus ("RO", "RS") have in its place.
        switch (head[0], head[1]) {
        case (0x49, 0x49) where [0x2A, 0x55, 0x52].contains(head[2]): littleEndian = true
        case (0x4D, 0x4D) where head[3] == 0x2A || head[2] == 0x4F: littleEndian = false
        default: return nil
        }
        self.source = source
        self.base = base
    }

    /// The first directory's entries, and the place of the next one.
    mutating func firstDirectory() throws(MediaError) -> [UInt16: Entry] {
        guard
            let offset = try source.integer(UInt32.self, at: base + 4, littleEndian: littleEndian)
        else {
            isIntact = false
            return [:]
        }
        return try directory(at: Int64(offset))
    }

    /// The entries of the directory at an offset; none where there is none or it was read before.
    mutating func directory(at offset: Int64) throws(MediaError) -> [UInt16: Entry] {
        guard seen.count < Self.directoriesMax, seen.insert(offset).inserted,
            let count = try source.integer(
                UInt16.self, at: base + offset, littleEndian: littleEndian)
        else {
            isIntact = false
            return [:]
        }
        var entries: [UInt16: Entry] = [:]
        if count > Self.entriesPerDirectoryMax { isIntact = false }
        for index in 0..<min(Int(count), Self.entriesPerDirectoryMax) {
            let place = offset + 2 + Int64(index) * 12
            guard let bytes = try source.bytes(at: base + place, count: 12) else {
                isIntact = false
                break
            }
            guard let entry = entry(bytes, at: place) else {
                isIntact = false
                continue
            }
            if entries[entry.tag] == nil { entries[entry.tag] = entry }
        }
        return entries
    }

    private func entry(_ bytes: [UInt8], at place: Int64) -> Entry? {
        guard let tag = bytes.integer(UInt16.self, at: 0, littleEndian: littleEndian),
            let kind = bytes.integer(UInt16.self, at: 2, littleEndian: littleEndian),
            let count = bytes.integer(UInt32.self, at: 4, littleEndian: littleEndian),
            let value = bytes.integer(UInt32.self, at: 8, littleEndian: littleEndian),
            let size = Self.byteCount(of: kind)
        else { return nil }
        let total = Int64(count) * Int64(size)
        return Entry(
            tag: tag, kind: kind, count: Int(count), offset: total <= 4 ? place + 8 : Int64(value))
    }

    private static func byteCount(of kind: UInt16) -> Int? {
        switch kind {
        case 1, 2, 6, 7: 1
        case 3, 8: 2
        case 4, 9, 11, 13: 4
        case 5, 10, 12: 8
        default: nil
        }
    }

    // MARK: - Values

    func text(_ entry: Entry?) throws(MediaError) -> String? {
        guard let entry, entry.kind == 2 || entry.kind == 7 || entry.kind == 1 else { return nil }
        return try bytes(entry)?.text.nonEmpty
    }

    func bytes(_ entry: Entry?, limit: Int = Limits.factsTextByteCountMax) throws(MediaError)
        -> [UInt8]?
    {
        guard let entry, let size = Self.byteCount(of: entry.kind) else { return nil }
        let total = min(Int64(entry.count) * Int64(size), Int64(limit))
        return try source.bytes(at: base + entry.offset, count: Int(total))
    }

    /// Whole numbers of an entry, eight of them at most.
    func integers(_ entry: Entry?) throws(MediaError) -> [Int] {
        guard let entry, let size = Self.byteCount(of: entry.kind), size <= 4,
            let bytes = try bytes(entry, limit: 8 * size)
        else { return [] }
        var values: [Int] = []
        for index in 0..<bytes.count / size {
            let at = index * size
            let value: Int? =
                switch entry.kind {
                case 1, 7: Int(bytes[at])
                case 3: bytes.integer(UInt16.self, at: at, littleEndian: littleEndian).map(Int.init)
                case 4, 13:
                    bytes.integer(UInt32.self, at: at, littleEndian: littleEndian).map(Int.init)
                case 8: bytes.integer(Int16.self, at: at, littleEndian: littleEndian).map(Int.init)
                case 9: bytes.integer(Int32.self, at: at, littleEndian: littleEndian).map(Int.init)
                default: nil
                }
            if let value { values.append(value) }
        }
        return values
    }

    /// Fractions of an entry, `count` of them; `nil` when there are fewer or one has no value.
    func fractions(_ entry: Entry?, count: Int) throws(MediaError) -> [Double]? {
        guard let entry, entry.kind == 5 || entry.kind == 10, entry.count >= count,
            let bytes = try bytes(entry, limit: count * 8), bytes.count == count * 8
        else { return nil }
        var values: [Double] = []
        for index in 0..<count {
            guard let value = fraction(bytes, at: index * 8, isSigned: entry.kind == 10) else {
                return nil
            }
            values.append(value)
        }
        return values
    }

    private func fraction(_ bytes: [UInt8], at offset: Int, isSigned: Bool) -> Double? {
        guard let above = bytes.integer(UInt32.self, at: offset, littleEndian: littleEndian),
            let below = bytes.integer(UInt32.self, at: offset + 4, littleEndian: littleEndian),
            below != 0
        else { return nil }
        if isSigned {
            return Double(Int32(bitPattern: above)) / Double(Int32(bitPattern: below))
        }
        return Double(above) / Double(below)
    }
}
