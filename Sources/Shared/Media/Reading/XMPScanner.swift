import Records

/// Collects the properties of an XMP packet: values by name, from attributes and from elements.
///
/// It is a scanner, no XML parser: it declares nothing, fetches nothing, expands nothing, and takes
/// broken packets as far as they make sense. Names have the usual prefix of their namespace,
/// whichever the packet uses.
struct XMPScanner {
    private(set) var values: [String: [String]] = [:]

    private let bytes: [UInt8]
    private var place = 0
    private var path: [String] = []
    private var text: [UInt8] = []
    private var prefixes: [String: String] = [:]

    private static let depthMax = 64
    private static let valuesMax = 2_000
    private var valueCount = 0

    /// Scans a packet, its first MiB.
    init(_ packet: [UInt8]) {
        bytes = XMPText.utf8(packet.piece(at: 0, count: Limits.sidecarByteCountMax))
        while place < bytes.count, valueCount < Self.valuesMax { step() }
    }

    func first(_ names: String...) -> String? {
        for name in names {
            if let value = values[name]?.first { return value }
        }
        return nil
    }

    private mutating func step() {
        guard bytes[place] == UInt8(ascii: "<") else {
            let end = find(UInt8(ascii: "<"), from: place) ?? bytes.count
            if text.count < Limits.factsTextByteCountMax { text += bytes[place..<end] }
            place = end
            return
        }
        if bytes.starts(with: "<!--", at: place) {
            place = find("-->", from: place + 4) ?? bytes.count
        } else if bytes.starts(with: "<?", at: place) || bytes.starts(with: "<!", at: place) {
            place = (find(UInt8(ascii: ">"), from: place) ?? bytes.count - 1) + 1
        } else if bytes.starts(with: "</", at: place) {
            closeElement()
            place = (find(UInt8(ascii: ">"), from: place) ?? bytes.count - 1) + 1
        } else {
            openElement()
        }
    }

    private mutating func openElement() {
        place += 1
        let name = readName()
        text = []
        var attributes: [(String, String)] = []
        while let (key, value) = readAttribute() { attributes.append((key, value)) }
        for (key, value) in attributes where key.hasPrefix("xmlns:") {
            if let usual = Self.usualPrefixes[value], prefixes.count < 100 {
                prefixes[String(key.dropFirst(6))] = usual
            }
        }
        if path.count < Self.depthMax { path.append(usual(name)) }
        for (key, value) in attributes where !key.hasPrefix("xml") && !key.hasPrefix("rdf:") {
            append(value, to: usual(key))
        }
        if place < bytes.count, bytes[place] == UInt8(ascii: "/") {
            _ = path.popLast()
            place += 1
        }
        place = (find(UInt8(ascii: ">"), from: place) ?? bytes.count - 1) + 1
    }

    private mutating func closeElement() {
        guard let name = path.popLast() else { return }
        let value = XMPText.unescaped(text[...]).cleaned
        text = []
        if value.isEmpty { return }
        // A list's entries belong to the property around the list.
        let owner = name == "rdf:li" ? path.last { !$0.hasPrefix("rdf:") } : name
        if let owner { append(value, to: owner) }
    }

    private mutating func append(_ value: String, to name: String) {
        valueCount += 1
        values[name, default: []].append(value)
    }

    private mutating func readName() -> String {
        let start = place
        while place < bytes.count, !Self.endsName(bytes[place]) { place += 1 }
        return String(decoding: bytes[start..<min(place, start + 100)], as: UTF8.self)
    }

    private mutating func readAttribute() -> (String, String)? {
        while place < bytes.count, bytes[place] <= 0x20 { place += 1 }
        guard place < bytes.count, !Self.endsName(bytes[place]) else { return nil }
        let name = readName()
        while place < bytes.count, bytes[place] <= 0x20 { place += 1 }
        guard place < bytes.count, bytes[place] == UInt8(ascii: "=") else { return nil }
        place += 1
        while place < bytes.count, bytes[place] <= 0x20 { place += 1 }
        guard place < bytes.count, [UInt8(ascii: "\""), UInt8(ascii: "'")].contains(bytes[place])
        else { return nil }
        let quote = bytes[place]
        let end = find(quote, from: place + 1) ?? bytes.count
        let value = bytes[(place + 1)..<end].prefix(Limits.factsTextByteCountMax)
        place = min(end + 1, bytes.count)
        return (name, XMPText.unescaped(value).cleaned)
    }

    private func usual(_ name: String) -> String {
        guard let colon = name.firstIndex(of: ":"), let prefix = prefixes[String(name[..<colon])]
        else { return name }
        return prefix + name[colon...]
    }

    private func find(_ byte: UInt8, from start: Int) -> Int? {
        start < bytes.count ? bytes[start...].firstIndex(of: byte) : nil
    }

    private func find(_ text: StaticString, from start: Int) -> Int? {
        var index = start
        while index < bytes.count {
            if bytes.starts(with: text, at: index) { return index + text.utf8CodeUnitCount }
            index += 1
        }
        return nil
    }

    private static func endsName(_ byte: UInt8) -> Bool {
        byte <= 0x20 || byte == UInt8(ascii: "=") || byte == UInt8(ascii: ">")
            || byte == UInt8(ascii: "/")
    }

    private static let usualPrefixes: [String: String] = [
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
        "http://purl.org/dc/elements/1.1/": "dc",
        "http://ns.adobe.com/xap/1.0/": "xmp",
        "http://ns.adobe.com/exif/1.0/": "exif",
        "http://ns.adobe.com/exif/1.0/aux/": "aux",
        "http://ns.adobe.com/tiff/1.0/": "tiff",
        "http://ns.adobe.com/photoshop/1.0/": "photoshop",
        "http://ns.google.com/photos/1.0/camera/": "GCamera",
    ]
}
