import Crypto
import Records
package import Storage
import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Keepsakes of servers that share nothing but a database and a bucket.
///
///     receiptKey (a row)     the key that signs receipts, sealed
///     PREFIX/key/RANDOM      what it is sealed by
///     PREFIX/revoked/RANDOM  lines of what was revoked, sealed by a key that follows from it
///
/// - Who copies the database cannot sign receipts, and who keeps the bucket cannot either; nor can he
///   read what was revoked, or add to it.
/// - The row and the note that it names are made once and never changed, so a database that was put
///   back to an earlier state has the same key. What was revoked is in the bucket alone.
/// - What an earlier version left in a server's folder is taken over at its start.
package final class BucketKeepsakes: Keepsakes {
    private struct Row: Sendable {
        let name: String
        let sealed: [UInt8]
    }

    private static let keyFolder = "key/"
    private static let revokedFolder = "revoked/"
    private static let keyPurpose = Data("martlet receipt key 1".utf8)
    private static let revokedPurpose = Data("martlet revoked 1".utf8)

    private let database: any Database
    private let store: S3ObjectStore
    private let folder: FileKeepsakes
    private let folderName: String
    private let opened = Mutex<[UInt8]?>(nil)

    /// `folder`: the one of `--data`, by the paths of its files.
    package init(
        database: any Database, store: S3ObjectStore, folder: FileKeepsakes, folderName: String
    ) {
        self.database = database
        self.store = store
        self.folder = folder
        self.folderName = folderName
    }

    /// Whether the key of the database's server is kept in this way.
    package static func areUsed(in transaction: any Transaction) throws(StorageError) -> Bool {
        try transaction.firstRow("SELECT 1 FROM receiptKey") != nil
    }

    // MARK: - The key

    /// Throws `wrongPlace` when the bucket or the folder is another server's.
    package func receiptKey() async throws -> [UInt8]? {
        if let key = opened.withLock(\.self) { return key }
        let other = try await folder.receiptKey()
        guard let row = try await row() else { return other }
        let key = try await open(row)
        guard other == nil || other == key else {
            throw StorageError(
                .wrongPlace,
                "\(folderName) has the receipt.key of another server: name this server's folder by "
                    + "--data, or an empty one.")
        }
        opened.withLock { $0 = key }
        return key
    }

    /// Throws unless devices may be shown a new key, or there is one.
    ///
    /// They keep the public half since they signed in, and would believe no receipt of another.
    package func requireKeyOrNoDevices() async throws {
        guard try await receiptKey() == nil else { return }
        let hasDevices = try await database.read { transaction in
            try transaction.firstRow("SELECT 1 FROM device LIMIT 1") != nil
        }
        guard !hasDevices else {
            throw StorageError(
                .wrongPlace,
                "The key that signs this server's receipts is neither in its database nor in "
                    + "\(folderName): start it once with the folder that it has had until now, or "
                    + "put the receipt.key of a backup there. From then on any folder will do.")
        }
    }

    /// Of two servers that come at once both get the one that was kept first.
    package func keep(receiptKey new: [UInt8]) async throws -> [UInt8] {
        if let key = opened.withLock(\.self) { return key }
        if try await row() == nil {
            let key = try await folder.receiptKey() ?? new
            let sealing = SymmetricKey(size: .bits256)
            let row = Row(
                name: store.newNoteName(in: Self.keyFolder),
                sealed: try Self.seal(key, by: sealing, for: Self.keyPurpose))
            let text = sealing.withUnsafeBytes { Hexadecimal.encode(Array($0)) } + "\n"
            try await store.putNote(Array(text.utf8), as: row.name)
            let isKept = try await database.write { transaction in
                try transaction.execute(
                    """
                    INSERT INTO receiptKey ("only", name, sealed) VALUES (1, ?, ?)
                    ON CONFLICT ("only") DO NOTHING
                    """, [.text(row.name), .blob(row.sealed)])
                return try Self.row(in: transaction)?.name == row.name
            }
            // What is left of a try that came second is of no use to anybody, and does no harm.
            if !isKept { try? await store.removeNotes([row.name]) }
        }
        return try await receiptKey() ?? new
    }

    private func row() async throws -> Row? {
        try await database.read { try Self.row(in: $0) }
    }

    private static func row(in transaction: any Transaction) throws(StorageError) -> Row? {
        try transaction.firstRow("SELECT name, sealed FROM receiptKey")
            .map { Row(name: $0.text(0), sealed: $0.blob(1)) }
    }

    private func open(_ row: Row) async throws -> [UInt8] {
        let text = try await store.note(row.name).map { String(decoding: $0, as: UTF8.self) }
        let line = text?.split(separator: "\n").first.map(String.init)
        guard let sealing = line.flatMap(KeyFile.decode),
            let key = Self.open(
                row.sealed, by: SymmetricKey(data: sealing), for: Self.keyPurpose)
        else {
            throw StorageError(
                .wrongPlace,
                "This is not the bucket of this server: \(row.name) is not in it as it was. Name the "
                    + "right one by --blobs, or put that object back.")
        }
        return key
    }

    // MARK: - What was revoked

    package func revoked() async throws -> [String] {
        let names = try await store.noteNames(in: Self.revokedFolder)
        return names.isEmpty ? [] : try await lines(of: names)
    }

    /// Where the bucket does not answer they lie in the folder until the server starts again.
    package func add(revoked lines: [String]) async throws {
        guard !lines.isEmpty else { return }
        do {
            try await put(lines, isWaitedFor: true)
        } catch let failure as StorageError where failure.code == .objectStoreUnreachable {
            do { try await folder.add(revoked: lines) } catch { throw failure }
        }
    }

    /// At the start: takes over what is in the folder alone, and joins notes when there are many.
    package func settle() async throws {
        let here = try await folder.revoked()
        let names = try await store.noteNames(in: Self.revokedFolder)
        guard !here.isEmpty || names.count > Limits.revokedNotesMax else { return }
        var known: Set<String> = []
        let there = try await lines(of: names).filter { known.insert($0).inserted }
        let new = here.filter { known.insert($0).inserted }
        if names.count > Limits.revokedNotesMax {
            let pages = Self.pages(there + new)
            guard pages.count <= names.count / 2 else { return }
            for page in pages { try await put(page) }
            // Two servers that do this at once leave lines twice, which says no more than once.
            try await store.removeNotes(names)
        } else {
            for page in Self.pages(new) { try await put(page) }
        }
    }

    private func put(_ lines: [String], isWaitedFor: Bool = false) async throws {
        let text = Array((lines.joined(separator: "\n") + "\n").utf8)
        let sealed = try Self.seal(text, by: try await revokedKey(), for: Self.revokedPurpose)
        try await store.putNote(
            sealed, as: store.newNoteName(in: Self.revokedFolder), isWaitedFor: isWaitedFor)
    }

    /// A note that this server did not write, or that was changed, counts for nothing.
    private func lines(of names: [String]) async throws -> [String] {
        let key = try await revokedKey()
        return try await store.notes(names).flatMap { note -> [String] in
            guard let text = Self.open(note, by: key, for: Self.revokedPurpose) else { return [] }
            return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }

    private func revokedKey() async throws -> SymmetricKey {
        let key = try await keep(
            receiptKey: SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) })
        return HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: key), info: Self.revokedPurpose,
            outputByteCount: KeyFile.keyByteCount)
    }

    private static func pages(_ lines: [String]) -> [[String]] {
        var pages: [[String]] = []
        var byteCount = Limits.revokedNoteByteCountMax
        for line in lines {
            byteCount += line.utf8.count + 1
            if byteCount > Limits.revokedNoteByteCountMax {
                pages.append([])
                byteCount = line.utf8.count + 1
            }
            pages[pages.count - 1].append(line)
        }
        return pages
    }

    // MARK: - Sealing

    /// AES-GCM: 12 random bytes, the sealed ones, 16 that prove that nobody changed them.
    private static func seal(
        _ bytes: [UInt8], by key: SymmetricKey, for purpose: Data
    ) throws -> [UInt8] {
        guard let sealed = try AES.GCM.seal(bytes, using: key, authenticating: purpose).combined
        else { preconditionFailure("A nonce of 12 bytes always combines.") }
        return Array(sealed)
    }

    /// `nil` when it was sealed by another key, for something else, or changed since.
    private static func open(
        _ sealed: [UInt8], by key: SymmetricKey, for purpose: Data
    ) -> [UInt8]? {
        guard let box = try? AES.GCM.SealedBox(combined: sealed),
            let bytes = try? AES.GCM.open(box, using: key, authenticating: purpose)
        else { return nil }
        return Array(bytes)
    }
}
