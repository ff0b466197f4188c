import Kernel
import Records
import Storage

/// The rows of objects of a database that was made anew, against what is in the store.
struct MendedObjects: Sendable {
    private struct Row: Sendable {
        let digest: Digest?
        let key: ObjectKey
        let byteCount: Int64
    }

    /// What the store has; nothing says so better than itself.
    private(set) var listed: [ObjectKey: Int64] = [:]

    init(_ store: any ObjectStore) async throws {
        var last: ObjectKey?
        while true {
            let page = try await store.list(
                after: last, limit: Limits.examinedObjectsPerReadMax)
            guard let end = page.last else { return }
            last = end.key
            for object in page { listed[object.key] = object.byteCount }
        }
    }

    /// Puts the rows right that do not say what is there.
    ///
    /// A row whose bytes are not in the store at all stays as it is: the scrub looks after those.
    func mend(
        _ database: any Database, _ store: any ObjectStore, _ kernel: Kernel, at now: Timestamp
    ) async throws {
        let rows = try await database.read { transaction in
            try transaction.rows("SELECT digest, objectKey, byteCount FROM object").map {
                Row(
                    digest: $0.optionalDigest(0), key: ObjectKey(text: $0.text(1)),
                    byteCount: $0.integer(2))
            }
        }
        let wrong = rows.filter { row in
            guard let digest = row.digest else { return true }
            return Self.digest(of: row.key).map { $0 != digest } ?? false
        }
        try await database.write { transaction in
            for row in wrong {
                try transaction.execute(
                    "DELETE FROM object WHERE objectKey = ?", [.text(row.key.text)])
            }
        }
        let wrongKeys = Set(wrong.map(\.key))
        var right: [StoredObject] = []
        var known: Set<Digest> = []
        for row in rows where !wrongKeys.contains(row.key) {
            guard let digest = row.digest, let byteCount = listed[row.key] else { continue }
            known.insert(digest)
            guard byteCount != row.byteCount else { continue }
            if let found = try? await store.verify(row.key), found.digest == digest {
                right.append(found)
            }
        }
        let missing = try await database.read { try Self.wanted(in: $0) }.subtracting(known)
        let spent = try await database.read { try Self.spent(in: $0) }
        let taken = Set(rows.map(\.key)).subtracting(wrongKeys)
        for key in listed.keys.sorted() where !spent.contains(key) && !taken.contains(key) {
            // A bucket's keys say nothing of their bytes.
            guard !missing.isEmpty, Self.digest(of: key).map(missing.contains) ?? true,
                let found = try? await store.verify(key), missing.contains(found.digest),
                known.insert(found.digest).inserted
            else { continue }
            right.append(found)
        }
        let adopted = right
        try await database.write { try kernel.adopt(adopted, at: now, in: $0) }
    }

    /// In a directory a key's last part begins with the digest of its bytes.
    private static func digest(of key: ObjectKey) -> Digest? {
        guard let name = key.text.split(separator: "/").last else { return nil }
        return try? Digest(parsing: String(name.prefix(64)))
    }

    private static func wanted(in transaction: any Transaction) throws -> Set<Digest> {
        let rows = try transaction.rows(
            "SELECT digest FROM blobReference UNION SELECT digest FROM holding")
        return Set(rows.compactMap { $0.optionalDigest(0) })
    }

    private static func spent(in transaction: any Transaction) throws -> Set<ObjectKey> {
        let rows = try transaction.rows(
            "SELECT objectKey FROM objectRemoval UNION SELECT objectKey FROM lostObject")
        return Set(rows.map { ObjectKey(text: $0.text(0)) })
    }
}
