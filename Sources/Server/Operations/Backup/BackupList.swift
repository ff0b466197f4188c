import Records
import Storage

/// One object of a backup: a line of its list.
struct BackupObject: Hashable, Sendable {
    let digest: Digest
    let byteCount: Int64
    /// Where the server keeps it.
    let key: ObjectKey

    var line: String { "\(digest.text) \(byteCount) \(key.text)\n" }

    init(digest: Digest, byteCount: Int64, key: ObjectKey) {
        self.digest = digest
        self.byteCount = byteCount
        self.key = key
    }

    /// `nil` for anything that `line` doesn't give, and for a key that leads out of the store.
    init?(line: Substring) {
        let parts = line.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 3, let digest = try? Digest(parsing: String(parts[0])),
            let byteCount = Int64(parts[1]), byteCount >= 0, !parts[2].isEmpty,
            !parts[2].hasPrefix("/"), !parts[2].split(separator: "/").contains("..")
        else { return nil }
        self.init(digest: digest, byteCount: byteCount, key: ObjectKey(text: String(parts[2])))
    }

    /// Below a backup's place.
    var name: String { Self.name(of: digest) }

    static func name(of digest: Digest) -> String {
        let text = digest.text
        return "objects/\(text.prefix(2))/\(text)"
    }
}
