/// Takes date, title, caption and keywords from the records of IPTC-IIM 4, and those from the
/// resource blocks of Photoshop (`8BIM`, resource 0x0404) that JPEG keeps in APP13.
enum IPTCReader {
    static func readPhotoshop(_ bytes: [UInt8], into observed: inout Observations) {
        guard bytes.starts(with: "Photoshop 3.0\0") else { return }
        var place = 14
        while bytes.starts(with: "8BIM", at: place) {
            guard let kind: UInt16 = bytes.integer(at: place + 4), place + 6 < bytes.count else {
                return
            }
            // A Pascal string, padded to an even count, then the length, then padded bytes.
            let nameCount = (Int(bytes[place + 6]) + 2) & ~1
            let start = place + 6 + nameCount + 4
            guard let count: UInt32 = bytes.integer(at: start - 4), Int(count) <= bytes.count else {
                return
            }
            if kind == 0x0404 { read(bytes.piece(at: start, count: Int(count)), into: &observed) }
            place = start + (Int(count) + 1) & ~1
        }
    }

    static func read(_ bytes: [UInt8], into observed: inout Observations) {
        var place = 0
        var date: String?
        var time: String?
        var keywords: [String] = []
        var isUTF8 = false
        while place + 5 <= bytes.count, bytes[place] == 0x1C {
            guard let count: UInt16 = bytes.integer(at: place + 3), count < 0x8000 else { break }
            let value = bytes.piece(at: place + 5, count: Int(count))
            let text = { isUTF8 ? value.text : decoded(value) }
            switch (bytes[place + 1], bytes[place + 2]) {
            case (1, 90): isUTF8 = value == [0x1B, 0x25, 0x47]
            case (2, 5): observed.title = observed.title ?? text().nonEmpty
            case (2, 25): keywords.append(text())
            case (2, 55): date = date ?? value.text
            case (2, 60): time = time ?? value.text
            case (2, 120): observed.noteCaption(text())
            default: break
            }
            place += 5 + Int(count)
        }
        observed.noteKeywords(keywords)
        if let date, date.utf8.count == 8 {
            let digits = Array(date)
            let day = "\(String(digits[0..<4])):\(String(digits[4..<6])):\(String(digits[6..<8]))"
            observed.note(.iptc, time.flatMap(clock).map { "\(day) \($0)" } ?? day)
        }
    }

    /// `HHMMSS±HHMM` with colons.
    private static func clock(_ text: String) -> String? {
        let digits = Array(text)
        guard digits.count >= 6, digits[0..<6].allSatisfy(\.isNumber) else { return nil }
        return "\(String(digits[0..<2])):\(String(digits[2..<4])):\(String(digits[4..<6]))"
            + String(digits[6...])
    }

    /// Text whose character set isn't named: UTF-8 if it is that, else Latin-1.
    private static func decoded(_ bytes: [UInt8]) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text.cleaned }
        var scalars = String.UnicodeScalarView()
        for byte in bytes { scalars.append(Unicode.Scalar(byte)) }
        return String(scalars).cleaned
    }
}
