import Records

/// Takes facts from the primary item of a HEIF file (ISO 23008-12): its size, how it is turned, and
/// its EXIF and XMP items.
///
/// Thumbnails and tiles have sizes too, so only properties that are associated with the primary
/// item count.
struct HEIFReader {
    private let boxes: BoxReader
    private static let itemsMax = 5_000

    private struct Item {
        var type = ""
        var isXMP = false
        var extents: [(offset: Int64, count: Int64)] = []
        var isInItemData = false
    }

    static func read(_ source: SourceReader, into observed: inout Observations) throws(MediaError) {
        let reader = Self(boxes: BoxReader(source))
        for box in try reader.boxes.boxes(from: 0, to: source.byteCount) {
            if box.type == "meta" { try reader.readMeta(box, into: &observed) }
            // Samsung's and Google's films inside a still lie in a box of their own.
            if box.type == "mpvd" { observed.hasFilmInside = true }
        }
    }

    private func readMeta(_ meta: BoxReader.Box, into observed: inout Observations)
        throws(MediaError)
    {
        let parts = try boxes.boxes(in: meta, skipping: 4)
        var items: [UInt32: Item] = [:]
        var primary: UInt32?
        for part in parts {
            switch part.type {
            case "pitm":
                guard let bytes = try boxes.content(of: part, limit: 8) else { continue }
                primary =
                    bytes.first == 0
                    ? bytes.integer(UInt16.self, at: 4).map(UInt32.init)
                    : bytes.integer(UInt32.self, at: 4)
            case "iinf": try readItemInfo(part, into: &items)
            default: break
            }
        }
        for part in parts where part.type == "iloc" { try readLocations(part, into: &items) }
        if let primary, let properties = parts.first(where: { $0.type == "iprp" }) {
            try readProperties(properties, of: primary, into: &observed)
        }
        // The item data box holds what isn't elsewhere in the file.
        let itemData = parts.first { $0.type == "idat" }?.start ?? 0
        for item in items.sorted(by: { $0.key < $1.key }).map(\.value) {
            guard item.type == "Exif" || item.isXMP, let extent = item.extents.first else {
                continue
            }
            let place = extent.offset &+ (item.isInItemData ? itemData : 0)
            try readItem(item, at: place, count: extent.count, into: &observed)
        }
    }

    private func readItem(
        _ item: Item, at place: Int64, count: Int64, into observed: inout Observations
    ) throws(MediaError) {
        let limit = Limits.sidecarByteCountMax
        guard place >= 0, count > 4, count <= limit,
            let bytes = try boxes.source.bytes(at: place, count: Int(count))
        else { return }
        if item.isXMP {
            XMPReader.read(bytes, isSidecar: false, into: &observed)
            return
        }
        // Four bytes say how far behind them the TIFF structure begins.
        guard let skipped: UInt32 = bytes.integer(at: 0) else { return }
        // HEIF turns by its own properties; EXIF's orientation is only a note about it.
        let orientation = observed.orientation ?? 1
        observed.orientation = orientation
        let exif = SourceReader(MemorySource(bytes))
        _ = try ExifReader.read(exif, base: 4 + Int64(skipped), into: &observed)
    }

    private func readItemInfo(_ box: BoxReader.Box, into items: inout [UInt32: Item])
        throws(MediaError)
    {
        guard let version = try boxes.source.byte(at: box.start) else { return }
        for entry in try boxes.boxes(in: box, skipping: version == 0 ? 6 : 8) {
            guard entry.type == "infe", items.count < Self.itemsMax,
                let bytes = try boxes.content(of: entry, limit: 128), let version = bytes.first,
                version == 2 || version == 3
            else { continue }
            let wide = version == 3 ? 2 : 0
            guard
                let number = wide == 0
                    ? bytes.integer(UInt16.self, at: 4).map(UInt32.init)
                    : bytes.integer(UInt32.self, at: 4)
            else { continue }
            let type = BoxReader.name(bytes.piece(at: 8 + wide, count: 4)[...])
            // The item's name, then the content type, each ended by a zero.
            let rest = bytes.piece(at: 12 + wide, count: 100).split(
                separator: 0, omittingEmptySubsequences: false)
            let contentType = rest.count > 1 ? String(decoding: rest[1], as: UTF8.self) : ""
            items[number] = Item(
                type: type, isXMP: type == "mime" && contentType == "application/rdf+xml")
        }
    }

    private func readLocations(_ box: BoxReader.Box, into items: inout [UInt32: Item])
        throws(MediaError)
    {
        guard let bytes = try boxes.content(of: box, limit: 1 << 20), bytes.count > 8 else {
            return
        }
        let version = bytes[0]
        var cursor = ByteCursor(bytes, at: 4)
        guard let sizes = cursor.number(2) else { return }
        let offsetSize = Int(sizes >> 12 & 15)
        let lengthSize = Int(sizes >> 8 & 15)
        let baseSize = Int(sizes >> 4 & 15)
        let indexSize = version == 0 ? 0 : Int(sizes & 15)
        guard let count = cursor.number(version < 2 ? 2 : 4) else { return }
        for _ in 0..<min(Int(count), Self.itemsMax) {
            guard let number = cursor.number(version < 2 ? 2 : 4) else { return }
            let method = version == 0 ? 0 : (cursor.number(2) ?? 0) & 15
            guard cursor.number(2) != nil, let base = cursor.number(baseSize),
                let extents = cursor.number(2)
            else { return }
            for _ in 0..<extents {
                guard cursor.number(indexSize) != nil, let offset = cursor.number(offsetSize),
                    let length = cursor.number(lengthSize)
                else { return }
                let place = Int64(clamping: base).addingReportingOverflow(Int64(clamping: offset))
                guard !place.overflow, items[UInt32(clamping: number)] != nil else { continue }
                items[UInt32(clamping: number)]?.isInItemData = method == 1
                items[UInt32(clamping: number)]?.extents.append(
                    (place.partialValue, Int64(clamping: length)))
            }
        }
    }

    private func readProperties(
        _ box: BoxReader.Box, of primary: UInt32, into observed: inout Observations
    ) throws(MediaError) {
        let parts = try boxes.boxes(in: box)
        guard let container = parts.first(where: { $0.type == "ipco" }),
            let associations = parts.first(where: { $0.type == "ipma" })
        else { return }
        let properties = try boxes.boxes(in: container)
        var turns = Turns()
        for index in try propertyNumbers(associations, of: primary) {
            guard index >= 1, index <= properties.count else { continue }
            let property = properties[index - 1]
            guard let bytes = try boxes.content(of: property, limit: 12) else { continue }
            switch property.type {
            case "ispe":
                guard let width: UInt32 = bytes.integer(at: 4),
                    let height: UInt32 = bytes.integer(at: 8)
                else { continue }
                (observed.width, observed.height) = (Int(width), Int(height))
            case "irot": turns.turn(quartersLeft: Int(bytes.first ?? 0) & 3)
            case "imir": turns.mirror(topToBottom: (bytes.first ?? 0) & 1 == 0)
            default: break
            }
        }
        observed.orientation = turns.orientation
    }

    private func propertyNumbers(_ box: BoxReader.Box, of primary: UInt32) throws(MediaError)
        -> [Int]
    {
        guard let bytes = try boxes.content(of: box, limit: 1 << 20), bytes.count > 8 else {
            return []
        }
        let isWide = bytes[3] & 1 == 1
        var cursor = ByteCursor(bytes, at: 4)
        guard let count = cursor.number(4) else { return [] }
        for _ in 0..<min(count, UInt64(Self.itemsMax)) {
            guard let item = cursor.number(bytes[0] == 0 ? 2 : 4), let entries = cursor.number(1)
            else { return [] }
            var numbers: [Int] = []
            for _ in 0..<entries {
                guard let entry = cursor.number(isWide ? 2 : 1) else { return [] }
                numbers.append(Int(entry & (isWide ? 0x7FFF : 0x7F)))
            }
            if item == UInt64(primary) { return numbers }
        }
        return []
    }
}

/// Turns and mirrorings one after the other, as the one orientation of EXIF that does the same.
struct Turns {
    /// How many quarters to the right, after mirroring left to right.
    private var quartersRight = 0
    private var isMirrored = false

    mutating func turn(quartersLeft: Int) {
        quartersRight = (quartersRight + 4 - quartersLeft) % 4
    }

    mutating func mirror(topToBottom: Bool) {
        // Mirroring after a turn is the opposite turn after mirroring.
        quartersRight = (4 - quartersRight) % 4
        isMirrored.toggle()
        if topToBottom { quartersRight = (quartersRight + 2) % 4 }
    }

    var orientation: Int {
        isMirrored ? [2, 7, 4, 5][quartersRight] : [1, 6, 3, 8][quartersRight]
    }
}

/// Reads big-endian numbers one after the other.
struct ByteCursor {
    private let bytes: [UInt8]
    private(set) var place: Int

    init(_ bytes: [UInt8], at place: Int = 0) {
        self.bytes = bytes
        self.place = place
    }

    /// The number in the next `count` bytes, eight at most; none of them is zero.
    mutating func number(_ count: Int) -> UInt64? {
        guard (0...8).contains(count), count <= bytes.count - place else { return nil }
        defer { place += count }
        return bytes[place..<place + count].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
