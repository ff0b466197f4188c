import Records

/// What a device or a browser shows with each request: 32 random bytes, in hexadecimal.
///
/// The server keeps only the SHA-256 of the bytes, so a stolen database opens no session.
package struct SessionToken: Sendable {
    package static let byteCount = 32

    private let secret: Secret<[UInt8]>

    init(bytes: [UInt8]) { secret = Secret(bytes) }

    /// `nil` for anything but 64 hexadecimal digits.
    package init?(parsing text: String) {
        guard let bytes = Hexadecimal.decode(text, byteCount: Self.byteCount) else { return nil }
        self.init(bytes: bytes)
    }

    package func reveal() -> String { Hexadecimal.encode(secret.reveal()) }

    /// What is stored.
    var digest: Digest { Digest(of: secret.reveal()) }
}

/// Passwords that the server makes: for one program, or for the first sign-in.
enum GeneratedPassword {
    /// Without characters that are taken for one another.
    private static let alphabet = Array("abcdefghjkmnpqrstuvwxyz23456789")
    private static let length = 25

    /// Five groups of five, some 123 bits.
    ///
    /// `randomBytes` gives as many bytes as asked.
    static func make(_ randomBytes: (Int) -> [UInt8]) -> Secret<String> {
        var letters: [Character] = []
        while letters.count < length {
            // Bytes past the last whole multiple would make the first letters more likely.
            let fair = 256 / alphabet.count * alphabet.count
            for byte in randomBytes(length) where Int(byte) < fair && letters.count < length {
                letters.append(alphabet[Int(byte) % alphabet.count])
            }
        }
        let groups = stride(from: 0, to: length, by: 5).map { String(letters[$0..<$0 + 5]) }
        return Secret(groups.joined(separator: "-"))
    }

    /// As typed by people: case and separators make no difference.
    static func digest(_ password: Secret<String>) -> Digest {
        let letters = password.reveal().lowercased().filter { $0 != "-" && !$0.isWhitespace }
        return Digest(of: Array(letters.utf8))
    }
}
