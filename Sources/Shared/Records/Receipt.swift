/// Proof that an account's object was read back from its medium (P2), and the right to refer to the
/// blob again.
///
/// Its bytes are described in Documentation/formats.md.
package struct Receipt: Hashable, Sendable {
    package let account: AccountID
    package let digest: Digest
    package let byteCount: Int64
    /// When the bytes were read back from the medium.
    package let verifiedAt: Timestamp
    package let epoch: Epoch
    /// How many copies are known, the server's own included.
    package let copies: Int
    package let issuedAt: Timestamp

    package init(
        account: AccountID, digest: Digest, byteCount: Int64, verifiedAt: Timestamp, epoch: Epoch,
        copies: Int, issuedAt: Timestamp
    ) {
        self.account = account
        self.digest = digest
        self.byteCount = byteCount
        self.verifiedAt = verifiedAt
        self.epoch = epoch
        self.copies = copies
        self.issuedAt = issuedAt
    }

    private static let heading = "martlet receipt 1"

    /// What is signed: lines of text, each with a name, a space, a value and a line feed.
    package var canonicalBytes: [UInt8] {
        Array(
            """
            \(Self.heading)
            account \(account.text)
            digest \(digest.text)
            bytes \(byteCount)
            verified \(verifiedAt.milliseconds)
            epoch \(epoch.rawValue)
            copies \(copies)
            issued \(issuedAt.milliseconds)

            """.utf8)
    }

    /// Takes exactly what `canonicalBytes` gives; `nil` for anything else.
    package init?(canonicalBytes bytes: some Collection<UInt8>) {
        let lines = String(decoding: bytes, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 9, lines[0] == Self.heading else { return nil }
        func value(_ line: Int, _ name: String) -> String? {
            guard lines[line].hasPrefix(name + " ") else { return nil }
            return String(lines[line].dropFirst(name.utf8.count + 1))
        }
        func number(_ line: Int, _ name: String) -> Int64? {
            value(line, name).flatMap { Int64($0) }
        }
        guard let account = value(1, "account"), let account = try? AccountID(parsing: account),
            let digest = value(2, "digest"), let digest = try? Digest(parsing: digest),
            let byteCount = number(3, "bytes"), let verifiedAt = number(4, "verified"),
            let epoch = number(5, "epoch"), let copies = number(6, "copies"),
            let issuedAt = number(7, "issued")
        else { return nil }
        self.init(
            account: account, digest: digest, byteCount: byteCount,
            verifiedAt: Timestamp(milliseconds: verifiedAt), epoch: Epoch(rawValue: epoch),
            copies: Int(clamping: copies), issuedAt: Timestamp(milliseconds: issuedAt))
        // Other spellings of the same values are not what was signed.
        guard canonicalBytes.elementsEqual(bytes) else { return nil }
    }
}
