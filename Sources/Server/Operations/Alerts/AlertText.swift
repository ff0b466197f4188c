import NIOSSL
import Records

/// What may stand in an alert, a header or an address.
enum AlertText {
    static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    static func isNameByte(_ byte: UInt8) -> Bool {
        isLetterOrDigit(byte) || "-_.".utf8.contains(byte)
    }

    /// A name, or an address of the fourth or sixth version; without brackets.
    static func isHost(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count) && text.first != "-" && text.first != "."
            && text.utf8.allSatisfy { isNameByte($0) || $0 == UInt8(ascii: ":") }
    }

    /// `HOST`, `HOST:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT`; 0 stands for a port that is none.
    static func hostAndPort(_ text: String) -> (host: String?, port: Int?) {
        let (host, rest): (Substring, Substring)
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<end]
            rest = text[text.index(after: end)...]
        } else {
            host = text.prefix { $0 != ":" }
            rest = text.dropFirst(host.count)
        }
        if rest.isEmpty { return (String(host), nil) }
        guard rest.first == ":" else { return (nil, nil) }
        return (String(host), Int(rest.dropFirst()) ?? 0)
    }

    /// What may be said to a server in one line, whatever it is.
    static func isSecret(_ text: String) -> Bool {
        (1...Limits.alertSecretByteCountMax).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }

    static func isHeaderSecret(_ text: String) -> Bool {
        isSecret(text) && text.utf8.allSatisfy { isNameByte($0) || "~+/=".utf8.contains($0) }
    }

    /// Throws `invalidChannel` for what holds no certificate.
    static func trust(_ pem: String?) throws(AlertError) -> String? {
        guard let pem else { return nil }
        guard pem.utf8.count <= Limits.alertTrustByteCountMax,
            let certificates = try? NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)),
            !certificates.isEmpty
        else {
            throw AlertError(
                .invalidChannel, "The file to trust must be a PEM file with certificates.")
        }
        return pem
    }

    /// One line without control characters, of at most so many characters.
    static func line(_ text: some StringProtocol, max count: Int) -> String {
        let safe = String.UnicodeScalarView(
            text.unicodeScalars.map { scalar in
                switch scalar.properties.generalCategory {
                case .control, .lineSeparator, .paragraphSeparator, .format: " "
                default: scalar
                }
            })
        let line = String(safe)
        return line.count <= count ? line : line.prefix(max(0, count - 1)) + "…"
    }

    /// At most so many bytes, between characters.
    static func cut(_ text: String, toByteCount count: Int) -> String {
        guard text.utf8.count > count else { return text }
        var (result, size) = ("", 3)
        for character in text {
            size += character.utf8.count
            if size > count { break }
            result.append(character)
        }
        return result + "…"
    }
}
