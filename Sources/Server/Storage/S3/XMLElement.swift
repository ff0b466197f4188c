import Records

/// One element of a small XML answer: its name, text and children.
///
/// Reads what S3 stores write: elements, text, entities, character data sections; attributes,
/// comments and declarations are passed over, and names lose their prefix.
package struct XMLElement: Hashable {
    package var name: String
    package var text = ""
    package var children: [XMLElement] = []

    package init(name: String) { self.name = name }

    /// `nil` when the bytes are not one whole element, or are nested or crowded beyond all reason.
    package init?(parsing bytes: [UInt8]) {
        var reader = XMLTextReader(bytes)
        guard let element = reader.readDocument() else { return nil }
        self = element
    }

    package subscript(name: String) -> XMLElement? { children.first { $0.name == name } }

    func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }
}

private struct XMLTextReader {
    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func readDocument() -> XMLElement? {
        var open: [XMLElement] = []
        var count = 0
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "<") else {
                let text = readText()
                guard let text else { return nil }
                if open.isEmpty {
                    guard text.allSatisfy(\.isWhitespace) else { return nil }
                } else {
                    open[open.count - 1].text += text
                }
                continue
            }
            if skips("<?") {
                guard skip(past: "?>") else { return nil }
            } else if skips("<!--") {
                guard skip(past: "-->") else { return nil }
            } else if skips("<![CDATA[") {
                let start = index
                guard !open.isEmpty, skip(past: "]]>") else { return nil }
                open[open.count - 1].text += String(
                    decoding: bytes[start..<(index - 3)], as: UTF8.self)
            } else if skips("<!") {
                // A document type with declarations of its own is none of S3's.
                guard skip(past: ">") else { return nil }
            } else if skips("</") {
                guard let last = open.popLast(), let name = readName(), name == last.name,
                    skip(past: ">")
                else { return nil }
                guard !open.isEmpty else { return last }
                open[open.count - 1].children.append(last)
            } else {
                index += 1
                count += 1
                guard open.count < Limits.xmlDepthMax, count <= Limits.xmlElementsMax,
                    let name = readName(), let isEmpty = readTagEnd()
                else { return nil }
                let element = XMLElement(name: name)
                guard isEmpty else {
                    open.append(element)
                    continue
                }
                guard !open.isEmpty else { return element }
                open[open.count - 1].children.append(element)
            }
        }
        return nil
    }

    /// Up to the next tag; `nil` for an entity that XML does not have.
    private mutating func readText() -> String? {
        var text: [UInt8] = []
        while index < bytes.count, bytes[index] != UInt8(ascii: "<") {
            guard bytes[index] == UInt8(ascii: "&") else {
                text.append(bytes[index])
                index += 1
                continue
            }
            guard
                let end = bytes[index...].prefix(12).firstIndex(of: UInt8(ascii: ";")),
                let character = Self.character(
                    String(decoding: bytes[(index + 1)..<end], as: UTF8.self))
            else { return nil }
            text += Array(String(character).utf8)
            index = end + 1
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func character(_ entity: String) -> Character? {
        switch entity {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default:
            guard entity.hasPrefix("#") else { return nil }
            let digits = entity.dropFirst()
            let number =
                digits.hasPrefix("x") ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
            return number.flatMap(Unicode.Scalar.init).map(Character.init)
        }
    }

    private mutating func readName() -> String? {
        let start = index
        while index < bytes.count, !Self.endsName(bytes[index]) { index += 1 }
        guard index > start else { return nil }
        let name = String(decoding: bytes[start..<index], as: UTF8.self)
        return name.split(separator: ":").last.map(String.init)
    }

    private static func endsName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"),
            UInt8(ascii: "/"), UInt8(ascii: ">"), UInt8(ascii: "<"):
            true
        default: false
        }
    }

    /// Passes over the attributes; says whether the element ends with its own tag.
    private mutating func readTagEnd() -> Bool? {
        var quote: UInt8?
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if let open = quote {
                if byte == open { quote = nil }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            } else if byte == UInt8(ascii: ">") {
                return bytes[index - 2] == UInt8(ascii: "/")
            }
        }
        return nil
    }

    private mutating func skips(_ text: String) -> Bool {
        guard bytes[index...].starts(with: text.utf8) else { return false }
        index += text.utf8.count
        return true
    }

    private mutating func skip(past text: String) -> Bool {
        let wanted = Array(text.utf8)
        while index + wanted.count <= bytes.count {
            if bytes[index..<(index + wanted.count)].elementsEqual(wanted) {
                index += wanted.count
                return true
            }
            index += 1
        }
        return false
    }
}
