import NIOCore
import Records
import Storage

/// The objects that a snapshot names, in the order of their digests, a page at a time.
struct SnapshotObjects {
    struct Page {
        var objects: [BackupObject] = []
        /// Rows whose digest is none.
        var unreadableCount = 0
        var isLast = false
    }

    private let path: String
    private var after: [UInt8] = []

    init(_ path: String) { self.path = path }

    /// Blocks.
    mutating func next() throws -> Page {
        let rows = try SQLiteSnapshot.read(path) { [after] transaction in
            try transaction.rows(
                """
                SELECT digest, byteCount, objectKey FROM object
                WHERE digest > ? ORDER BY digest LIMIT ?
                """, [.blob(after), SQLValue(Limits.backupPageRowsMax)])
        }
        var page = Page(isLast: rows.count < Limits.backupPageRowsMax)
        for row in rows {
            if let digest = row.optionalDigest(0) {
                page.objects.append(
                    BackupObject(
                        digest: digest, byteCount: row.integer(1),
                        key: ObjectKey(text: row.text(2))))
            } else {
                page.unreadableCount += 1
            }
        }
        if let last = rows.last { after = last.blob(0) }
        return page
    }

    /// How many there are.
    ///
    /// Blocks.
    static func count(_ path: String) throws -> Int {
        try SQLiteSnapshot.read(path) { transaction in
            try transaction.firstRow("SELECT COUNT(*) FROM object")?.int(0) ?? 0
        }
    }
}

/// The lines of a backup's list, in the order of their digests, in little memory however many.
///
/// Throws `BackupError.backupDamaged` for what is no list, or another one than the manifest's: the
/// latter is known only at its end.
struct ListedObjects {
    private let place: any BackupPlace
    private let file: BackupManifest.File
    private var offset: Int64 = 0
    private var buffer: [UInt8] = []
    private var start = 0
    private var hasher = Digest.Hasher()
    private var last: Digest?
    private(set) var count = 0

    init(_ manifest: BackupManifest, in place: any BackupPlace) {
        self.place = place
        file = manifest.list
    }

    /// `nil` at the end, behind which it is not to be asked.
    mutating func next() async throws -> BackupObject? {
        while true {
            if let end = buffer[start...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: buffer[start..<end], as: UTF8.self)
                start = end + 1
                guard let object = BackupObject(line: line[...]),
                    last.map({ $0 < object.digest }) ?? true
                else { throw isNoList }
                last = object.digest
                count += 1
                return object
            }
            guard offset < file.byteCount else { break }
            try await fill()
        }
        guard start == buffer.count else { throw isNoList }
        guard hasher.digest() == file.digest else {
            throw BackupManifest.damaged(file, in: place)
        }
        return nil
    }

    private mutating func fill() async throws {
        buffer.removeFirst(start)
        start = 0
        guard buffer.count < Limits.backupListStepByteCount else { throw isNoList }
        let end = min(file.byteCount, offset + Int64(Limits.backupListStepByteCount))
        for try await step in place.bytes(file.name, offset..<end) {
            step.withUnsafeReadableBytes { bytes in
                hasher.update(bytes)
                buffer.append(contentsOf: bytes)
            }
        }
        offset = end
    }

    private var isNoList: BackupError {
        BackupError(
            .backupDamaged,
            "\(file.name) in \(place.text) cannot be understood: take another backup.")
    }
}

/// The objects that lie in a backup's place, in the order of their digests, a page at a time.
struct PlacedObjects {
    struct Object {
        let digest: Digest
        let byteCount: Int64
    }

    private let place: any BackupPlace
    private var page: ArraySlice<BackupFile> = []
    private var after: String?
    private var isAtEnd = false
    private var ahead: Object?

    init(_ place: any BackupPlace) { self.place = place }

    /// The next one; `nil` at the end.
    ///
    /// What has no object's name is passed over.
    mutating func next() async throws -> Object? {
        if let object = ahead {
            ahead = nil
            return object
        }
        while true {
            while let file = page.popFirst() {
                if let digest = try? Digest(parsing: String(file.name.suffix(64))),
                    file.name == BackupObject.name(of: digest)
                {
                    return Object(digest: digest, byteCount: file.byteCount)
                }
            }
            guard !isAtEnd else { return nil }
            try Task.checkCancellation()
            let found = try await place.objects(after: after, limit: Limits.backupPageRowsMax)
            // A store may give fewer than it was asked for.
            isAtEnd = found.isEmpty
            after = found.last?.name ?? after
            page = found[...]
        }
    }

    /// The size of the object with this digest; `nil`: it is not there.
    ///
    /// To be asked in the order of digests.
    mutating func byteCount(of digest: Digest) async throws -> Int64? {
        while let object = try await next() {
            guard object.digest >= digest else { continue }
            if object.digest == digest { return object.byteCount }
            ahead = object
            return nil
        }
        return nil
    }
}

/// Does the work side by side where the network is waited for, else in turn; in the items' order.
///
/// `isAlone`: one that needs much memory.
func each<Item: Sendable, R: Sendable>(
    _ items: [Item], isRemote: Bool, isAlone: (Item) -> Bool,
    _ body: @escaping @Sendable (Int, Item) async throws -> R
) async throws -> [R] {
    var results: [Int: R] = [:]
    let together = isRemote ? items.indices.filter { !isAlone(items[$0]) } : []
    try await withThrowingTaskGroup(of: (Int, R).self) { group in
        for index in together {
            let item = items[index]
            group.addTask { (index, try await body(index, item)) }
        }
        for try await (index, result) in group { results[index] = result }
    }
    for index in items.indices where results[index] == nil {
        results[index] = try await body(index, items[index])
    }
    return items.indices.compactMap { results[$0] }
}

extension Limits {
    /// Objects of a snapshot, or of a backup's place, that are in memory at once.
    static let backupPageRowsMax = 1_000
    static let backupListStepByteCount = 256 << 10
    /// Larger ones go into a bucket, or out of one, one after another.
    static let backupTogetherByteCountMax: Int64 = 8 << 20
}
