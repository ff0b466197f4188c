import Records

/// Names of files, as the disks of all devices can bear them.
package enum FileName {
    /// A name as text: invalid UTF-8 and NUL become U+FFFD; `isExact` says that nothing was lost.
    package static func cleaned(_ bytes: [UInt8]) -> (text: String, isExact: Bool) {
        let decoded = String(decoding: bytes, as: UTF8.self)
        let text =
            decoded.unicodeScalars.contains("\0")
            ? String(
                String.UnicodeScalarView(
                    decoded.unicodeScalars.map { $0 == "\0" ? "\u{FFFD}" : $0 }))
            : decoded
        return (text, Array(text.utf8) == bytes)
    }

    /// The name that a file gets on a disk: no path separators, no control characters, none of
    /// those that other systems forbid, not hidden, at most `Limits.nameByteCountMax` bytes with
    /// its extension kept.
    package static func sanitized(_ name: String, reserving reserved: Int = 0) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in name.unicodeScalars {
            scalars.append(isForbidden(scalar) ? "_" : scalar)
        }
        var text = String(scalars)
        while let last = text.unicodeScalars.last, last == " " || last == "." {
            text.unicodeScalars.removeLast()
        }
        if text.unicodeScalars.first == "." { text = "_" + text.dropFirst() }
        if text.isEmpty { text = "unnamed" }
        return shortened(text, byteCountMax: Limits.nameByteCountMax - reserved)
    }

    /// `name`, or with ` (2)`, ` (3)`, … before its extension: the first that `isFree`.
    package static func numbered(_ name: String, _ number: Int) -> String {
        guard number > 1 else { return sanitized(name) }
        let suffix = " (\(number))"
        let (stem, ending) = split(sanitized(name, reserving: suffix.utf8.count))
        return stem + suffix + ending
    }

    /// The stem and the extension with its dot.
    ///
    /// `("IMG_1", ".JPG")`. A leading dot is no extension.
    package static func split(_ name: String) -> (stem: String, ending: String) {
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return (name, "") }
        return (String(name[..<dot]), String(name[dot...]))
    }

    /// Equal for names that some disk takes for the same: canonically equivalent, or differing in
    /// case only. (Strings compare by canonical equivalence.)
    package static func key(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        // Upper case first: ß and SS, ſ and s are one to a disk that folds case.
        return bytes.allSatisfy { $0 < 0x80 }
            ? text.lowercased() : text.uppercased().lowercased()
    }

    /// Whether it has a letter with its mark in one: a disk that decomposes names (HFS+; Unicode
    /// Standard Annex 15, form D) never lists it so, whoever gave it.
    ///
    /// Of the letters that have such a form those of Latin-1, of Cyrillic and of Korean are known
    /// here; of others it says `false`.
    package static func hasComposedLetter(_ bytes: [UInt8]) -> Bool {
        guard bytes.contains(where: { $0 >= 0x80 }) else { return false }
        return String(decoding: bytes, as: UTF8.self).unicodeScalars.contains { scalar in
            switch scalar {
            case "Æ", "Ð", "×", "Ø", "Þ", "ß", "æ", "ð", "÷", "ø", "þ": false
            case "\u{C0}"..."\u{FF}", "Ё", "Й", "й", "ё", "\u{AC00}"..."\u{D7A3}": true
            default: false
            }
        }
    }

    private static func shortened(_ name: String, byteCountMax: Int) -> String {
        guard name.utf8.count > byteCountMax else { return name }
        var (stem, ending) = split(name)
        if ending.utf8.count > 32 { (stem, ending) = (name, "") }
        while stem.utf8.count + ending.utf8.count > byteCountMax, !stem.isEmpty {
            stem.removeLast()
        }
        return stem + ending
    }

    private static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "/", "\\", ":", "*", "?", "\"", "<", ">", "|": true
        default: scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
        }
    }
}
