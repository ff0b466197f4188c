package import Library
package import Records

/// The names of all originals, beside the objects: `DATA/manifest.jsonl` (Documentation/formats.md).
///
/// With it and the objects alone, without a database, every original gets its name back.
package enum Manifest {
    /// Where the objects are that it names.
    package enum Blobs: String, Sendable { case directory, bucket }

    static let format = "martlet manifest 1"
}

/// The first line.
///
/// It is written last, over the room that was left for it.
package struct ManifestHeader: Hashable, Sendable {
    package var accounts = 0
    package var blobs = Manifest.Blobs.directory
    package var byteCount: Int64 = 0
    package var files = 0
    package var madeAt: Timestamp
    package var server: String
    /// Records that could not be read: the rows are damaged.
    package var unreadable = 0
    package var version: String

    /// Always of `Limits.manifestHeaderByteCount` bytes: spaces fill it up.
    var line: [UInt8] {
        let text = JSONText.encode([
            "accounts": .integer(Int64(accounts)), "blobs": .string(blobs.rawValue),
            "byteCount": .integer(byteCount), "files": .integer(Int64(files)),
            "format": .string(Manifest.format), "madeAt": .integer(madeAt.milliseconds),
            "server": .string(server), "unreadable": .integer(Int64(unreadable)),
            "version": .string(String(version.prefix(Limits.manifestVersionCountMax))),
        ])
        let room = Limits.manifestHeaderByteCount - 1 - text.utf8.count
        return Array(text.utf8) + Array(repeating: UInt8(ascii: " "), count: max(0, room))
            + [UInt8(ascii: "\n")]
    }
}

/// A line for one file of a live asset: its original, or another part.
package struct ManifestFile: Hashable, Sendable {
    package var account: String
    /// The asset's name, as people see it.
    package var name: String
    /// `YYYY/MM/NAME`, as devices keep it.
    package var path: String
    /// Of the path's last part, only when they aren't UTF-8.
    package var nameBytes: [UInt8]?
    package var role: BlobRole
    package var mediaType: String
    package var digest: Digest
    package var byteCount: Int64
    /// Below `blobs/objects`; `nil` for what the server had lost.
    package var key: String?
    /// The file's own time; when it was imported, for those without.
    package var modifiedAt: Timestamp
    /// The date that it is shown under.
    package var takenAt: LocalTime

    var line: [UInt8] {
        var fields: Fields = [
            "account": .string(account), "byteCount": .integer(byteCount),
            "digest": .string(digest.text), "kind": .string("file"),
            "mediaType": .string(mediaType), "modifiedAt": .integer(modifiedAt.milliseconds),
            "name": .string(name), "path": .string(path), "role": .string(role.rawValue),
            "takenAt": takenAt.json,
        ]
        if let key { fields["key"] = .string(key) }
        if let nameBytes { fields["nameBytes"] = .string(Hexadecimal.encode(nameBytes)) }
        return Array(JSONText.encode(fields).utf8) + [UInt8(ascii: "\n")]
    }

    /// The path's first two parts: the year and the month.
    package var folder: String {
        path.split(separator: "/").prefix(2).joined(separator: "/")
    }

    /// The file's name, or the next ones when other files have it.
    package func fileName(_ number: Int) -> [UInt8] {
        if number == 1, let nameBytes { return nameBytes }
        let last = path.split(separator: "/").last.map(String.init) ?? ""
        return Array(FileName.numbered(last, number).utf8)
    }
}

/// What follows an account's files.
package struct ManifestAccount: Hashable, Sendable {
    package var name: String
    package var files = 0
    package var byteCount: Int64 = 0

    var line: [UInt8] {
        let fields: Fields = [
            "account": .string(name), "byteCount": .integer(byteCount),
            "files": .integer(Int64(files)), "kind": .string("account"),
        ]
        return Array(JSONText.encode(fields).utf8) + [UInt8(ascii: "\n")]
    }
}

/// The last line: without it the manifest was cut off.
struct ManifestEnd: Hashable, Sendable {
    /// Of all bytes between the first line and this one.
    var digest: Digest
    /// Of the first line's bytes.
    var first: Digest
    /// How many lines are between the two.
    var lines: Int

    var line: [UInt8] {
        let fields: Fields = [
            "digest": .string(digest.text), "first": .string(first.text), "kind": .string("end"),
            "lines": .integer(Int64(lines)),
        ]
        return Array(JSONText.encode(fields).utf8) + [UInt8(ascii: "\n")]
    }
}

// MARK: - Reading

enum ManifestLine: Hashable, Sendable {
    case header(ManifestHeader)
    case file(ManifestFile)
    case account(ManifestAccount)
    case end(ManifestEnd)

    /// `nil` for a line that is damaged, or that a later version wrote.
    init?(_ bytes: [UInt8]) {
        guard bytes.last == UInt8(ascii: "\n"),
            let text = String(validating: bytes.dropLast(), as: UTF8.self),
            let fields = try? JSONText.decodeFields(text)
        else { return nil }
        if fields["format"] != nil {
            guard let header = ManifestHeader(fields) else { return nil }
            self = .header(header)
            return
        }
        switch fields["kind"]?.string {
        case "file":
            guard let file = ManifestFile(fields) else { return nil }
            self = .file(file)
        case "account":
            guard let account = ManifestAccount(fields) else { return nil }
            self = .account(account)
        case "end":
            guard let end = ManifestEnd(fields) else { return nil }
            self = .end(end)
        default: return nil
        }
    }
}

extension ManifestHeader {
    init?(_ fields: Fields) {
        guard fields["format"]?.string == Manifest.format,
            let accounts = fields.count("accounts"), let files = fields.count("files"),
            let blobs = fields["blobs"]?.string.flatMap(Manifest.Blobs.init(rawValue:)),
            let byteCount = fields["byteCount"]?.integer,
            let madeAt = fields["madeAt"]?.integer, let server = fields["server"]?.string,
            let unreadable = fields.count("unreadable"), let version = fields["version"]?.string
        else { return nil }
        self.init(
            accounts: accounts, blobs: blobs, byteCount: byteCount, files: files,
            madeAt: Timestamp(milliseconds: madeAt), server: server, unreadable: unreadable,
            version: version)
    }
}

extension ManifestFile {
    init?(_ fields: Fields) {
        guard let account = fields["account"]?.string, let name = fields["name"]?.string,
            let path = fields["path"]?.string, Self.isUsable(path: path),
            let role = fields["role"]?.string, let mediaType = fields["mediaType"]?.string,
            let digest = Digest(field: fields["digest"]),
            let byteCount = fields["byteCount"]?.integer, byteCount >= 0,
            let modifiedAt = fields["modifiedAt"]?.integer,
            let takenAt = LocalTime(fields["takenAt"])
        else { return nil }
        self.init(
            account: account, name: name, path: path,
            nameBytes: fields["nameBytes"]?.string.flatMap(Self.nameBytes),
            role: BlobRole(rawValue: role), mediaType: mediaType, digest: digest,
            byteCount: byteCount, key: fields["key"]?.string,
            modifiedAt: Timestamp(milliseconds: modifiedAt), takenAt: takenAt)
        guard key.map(Self.isUsable(key:)) ?? true else { return nil }
    }

    /// A line that somebody has tampered with must not lead out of the folder.
    private static func isUsable(path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 3 && isNumber(parts[0], count: 4) && isNumber(parts[1], count: 2)
            && !parts[2].isEmpty
    }

    private static func isUsable(key: String) -> Bool {
        !key.isEmpty && !key.hasPrefix("/") && !key.split(separator: "/").contains("..")
    }

    private static func isNumber(_ text: Substring, count: Int) -> Bool {
        text.utf8.count == count && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    private static func nameBytes(_ text: String) -> [UInt8]? {
        guard let bytes = Hexadecimal.decode(text, byteCount: text.utf8.count / 2),
            (1...Limits.nameByteCountMax).contains(bytes.count), bytes[0] != UInt8(ascii: "."),
            bytes.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "/") && $0 != 0x7F })
        else { return nil }
        return bytes
    }
}

extension ManifestAccount {
    init?(_ fields: Fields) {
        guard let name = fields["account"]?.string, let files = fields.count("files"),
            let byteCount = fields["byteCount"]?.integer
        else { return nil }
        self.init(name: name, files: files, byteCount: byteCount)
    }
}

extension ManifestEnd {
    init?(_ fields: Fields) {
        guard let digest = Digest(field: fields["digest"]),
            let first = Digest(field: fields["first"]), let lines = fields.count("lines")
        else { return nil }
        self.init(digest: digest, first: first, lines: lines)
    }
}

extension Digest {
    fileprivate init?(field: JSONValue?) {
        guard let text = field?.string, let digest = try? Digest(parsing: text) else { return nil }
        self = digest
    }
}

extension Fields {
    fileprivate func count(_ key: String) -> Int? {
        self[key]?.integer.flatMap { $0 >= 0 ? Int(exactly: $0) : nil }
    }
}
