import Records
import Storage

/// Reads a manifest in little memory, however large it is.
///
/// Every call blocks.
struct ManifestReader {
    /// How a manifest is, read to its end.
    enum Condition: Hashable {
        case absent
        case whole(ManifestHeader)
        /// What can be read of it still names files; `why` says what is wrong, for people.
        case damaged(ManifestHeader?, why: String)
    }

    let path: String

    /// The first line, unproven; `nil` when there is none that can be read.
    func header() throws(StorageError) -> ManifestHeader? {
        guard try PlainFiles.byteCount(path) != nil else { return nil }
        var lines = try FileLines(path, byteCountMax: Limits.manifestLineByteCountMax)
        guard let line = try lines.next(), case .header(let header)? = ManifestLine(line) else {
            return nil
        }
        return header
    }

    func condition() throws(StorageError) -> Condition {
        guard try PlainFiles.byteCount(path) != nil else { return .absent }
        var lines = try FileLines(path, byteCountMax: Limits.manifestLineByteCountMax)
        var hasher = Digest.Hasher()
        var (files, lineCount, broken) = (0, 0, 0)
        guard let first = try lines.next(), case .header(let header)? = ManifestLine(first) else {
            return .damaged(nil, why: "its first line cannot be read")
        }
        while let line = try lines.next() {
            switch ManifestLine(line) {
            case .end(let end)?:
                if try lines.next() != nil {
                    return .damaged(header, why: "something follows its last line")
                }
                let isWhole =
                    broken == 0 && end.lines == lineCount && end.first == Digest(of: first)
                    && end.digest == hasher.digest() && header.files == files
                return isWhole
                    ? .whole(header)
                    : .damaged(header, why: "its lines are not those that its last one counted")
            case .file?: files += 1
            case .account?: break
            case .header?, nil: broken += 1
            }
            lineCount += 1
            hasher.update(line)
        }
        return .damaged(header, why: "it ends after \(files) of \(header.files) files")
    }

    /// Hands out every file that can be read.
    func forEachFile(_ body: (ManifestFile) throws -> Void) throws {
        var lines = try FileLines(path, byteCountMax: Limits.manifestLineByteCountMax)
        while let line = try lines.next() {
            if case .file(let file)? = ManifestLine(line) { try body(file) }
        }
    }

    /// The accounts that it knows, in its order.
    func accounts() throws(StorageError) -> [String] {
        var lines = try FileLines(path, byteCountMax: Limits.manifestLineByteCountMax)
        var names: [String] = []
        while let line = try lines.next() {
            switch ManifestLine(line) {
            case .file(let file)? where names.last != file.account: names.append(file.account)
            case .account(let account)? where names.last != account.name:
                names.append(account.name)
            default: break
            }
        }
        return names
    }
}
