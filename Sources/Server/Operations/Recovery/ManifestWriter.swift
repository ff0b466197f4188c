package import Kernel
import Library
package import Records
package import Storage

/// Writes `DATA/manifest.jsonl`: a line for each file of each live asset of each account.
///
/// - The one before stays until the new one is whole and on the medium.
/// - Pages are read in transactions of their own, so that a large library neither fills the memory
///   nor keeps the database's log from being cut. What is there all the while is in it; what comes or
///   goes meanwhile may be in it or not.
/// - A record whose row is damaged is counted and left out: one row must not cost the others' names.
package struct ManifestWriter: Sendable {
    private let database: any Database
    private let kernel: Kernel
    private let path: String
    private let blobs: Manifest.Blobs
    private let version: String
    private let now: @Sendable () -> Timestamp
    private let randomNumber: @Sendable () -> UInt64

    /// `path`: of the manifest itself, in a folder that is there.
    package init(
        database: any Database, kernel: Kernel, path: String, blobs: Manifest.Blobs,
        version: String, now: @escaping @Sendable () -> Timestamp,
        randomNumber: @escaping @Sendable () -> UInt64
    ) {
        self.database = database
        self.kernel = kernel
        self.path = path
        self.blobs = blobs
        self.version = version
        self.now = now
        self.randomNumber = randomNumber
    }

    /// Writes it when there is none of this day (UTC) and server; returns whether it did.
    ///
    /// So each night's first call writes it, whichever of several servers makes it.
    @discardableResult
    package func writeIfDue() async throws -> Bool {
        let server = try await state().id
        let day = Self.day(now())
        // A few hundred bytes of a file that was just written: not worth a thread.
        if let header = try? ManifestReader(path: path).header(), header.server == server,
            Self.day(header.madeAt) == day
        {
            return false
        }
        try await write()
        return true
    }

    private static func day(_ time: Timestamp) -> Int64 {
        time.milliseconds / Timestamp.millisecondsPerDay
    }

    private func state() async throws -> ServerState {
        try await database.read { [kernel] in try kernel.serverState(in: $0) }
    }

    /// Writes it now; returns what its first line says.
    ///
    /// Throws `StorageError` (`diskFull`: the one before stays), `KernelError`.
    @discardableResult
    package func write() async throws -> ManifestHeader {
        try checkSpace()
        let file = try await ReplacingFile.create(path, randomNumber: randomNumber(), now: now())
        do {
            let header = try await fill(file)
            try await file.settle()
            return header
        } catch {
            await file.discard()
            throw error
        }
    }

    /// A manifest must not take the room that the database needs.
    private func checkSpace() throws {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let before = try PlainFiles.byteCount(path) ?? 0
        guard try PlainFiles.freeByteCount(folder) > before + Limits.diskReserveByteCount else {
            throw StorageError(
                .diskFull, "The server's disk has no room for a new \(path): free some space.")
        }
    }

    private func fill(_ file: ReplacingFile) async throws -> ManifestHeader {
        var header = ManifestHeader(
            blobs: blobs, madeAt: now(), server: try await state().id, version: version)
        try await file.append(header.line)
        var hasher = Digest.Hasher()
        var lineCount = 0
        let accounts = try await database.read { [kernel] in try kernel.accounts(in: $0) }
        for account in accounts {
            var sum = ManifestAccount(name: account.name)
            for zone in try await libraries(of: account) {
                var after: RecordID?
                while true {
                    let page = try await page(of: account, zone, after: after)
                    sum.files += page.files
                    sum.byteCount += page.byteCount
                    lineCount += page.files
                    header.unreadable += page.unreadable
                    hasher.update(page.bytes)
                    try await file.append(page.bytes)
                    guard let last = page.last else { break }
                    after = last
                }
            }
            let line = sum.line
            hasher.update(line)
            try await file.append(line)
            lineCount += 1
            header.accounts += 1
            header.files += sum.files
            header.byteCount += sum.byteCount
        }
        let first = header.line
        try await file.append(
            ManifestEnd(digest: hasher.digest(), first: Digest(of: first), lines: lineCount).line)
        try await file.replaceBeginning(first)
        return header
    }

    // MARK: - Pages

    private struct Page: Sendable {
        var bytes: [UInt8] = []
        var files = 0
        var byteCount: Int64 = 0
        var unreadable = 0
        /// `nil` behind the last asset.
        var last: RecordID?
    }

    private func libraries(of account: Account) async throws -> [ZoneID] {
        try await database.read { [kernel] transaction in
            try kernel.zones(of: account.id, in: transaction)
                .filter { $0.kind == ZoneKind.photos && $0.owner == account.id }.map(\.id)
        }
    }

    private func page(
        of account: Account, _ zone: ZoneID, after: RecordID?
    ) async throws -> Page {
        try await database.read { [kernel] transaction in
            // Ids first: a row that cannot be read must not hide those behind it.
            let ids: [RecordID] = try transaction.all(
                """
                SELECT id FROM record
                WHERE zone = ? AND id > ? AND type = ? AND fields IS NOT NULL
                ORDER BY id LIMIT ?
                """,
                [
                    SQLValue(zone), .blob(after?.bytes ?? []), .text(RecordType.asset.rawValue),
                    SQLValue(Limits.manifestPageCountMax),
                ]
            ).compactMap { $0.optionalIdentifier(0) }
            var page = Page(last: ids.last)
            for id in ids {
                let key = RecordKey(type: .asset, id: id)
                guard let asset = try kernel.readable(key, in: zone, transaction) else {
                    page.unreadable += 1
                    continue
                }
                guard asset.isLiveAsset else { continue }
                let facts = try kernel.readable(
                    RecordKey(type: .facts, id: id), in: zone, transaction)
                for file in try Self.files(of: asset, facts, account, transaction) {
                    page.bytes += file.line
                    page.files += 1
                    page.byteCount += file.byteCount
                }
            }
            return page
        }
    }

    private static func files(
        of asset: Record, _ facts: Record?, _ account: Account, _ transaction: any Transaction
    ) throws(KernelError) -> [ManifestFile] {
        let fields = AssetFields(asset.fields ?? [:])
        let shown = ShownDate.of(asset: fields, facts: facts?.fields)
        var files: [ManifestFile] = []
        for (role, blob) in asset.fileParts {
            let name = LibraryPath.name(of: role, mediaType: blob.mediaType, asset: fields)
            let path = LibraryPath.folder(for: shown).appending(name)
            let key = try transaction.first(
                "SELECT objectKey FROM object WHERE digest = ?", [SQLValue(blob.digest)])?.text(0)
            files.append(
                ManifestFile(
                    account: account.name, name: fields.name, path: path.text,
                    nameBytes: Array(path.text.utf8) == path.bytes ? nil : name, role: role,
                    mediaType: blob.mediaType, digest: blob.digest, byteCount: blob.byteCount,
                    key: key, modifiedAt: fields.fileTime, takenAt: shown))
        }
        return files
    }
}

extension Kernel {
    /// A record; `nil` also for one whose row is damaged.
    fileprivate func readable(
        _ key: RecordKey, in zone: ZoneID, _ transaction: any Transaction
    ) throws(KernelError) -> Record? {
        do throws(KernelError) {
            return try record(key, in: zone, in: transaction)
        } catch {
            // What the database itself refuses is no row's fault.
            guard error.cause is RecordsError else { throw error }
            return nil
        }
    }
}
