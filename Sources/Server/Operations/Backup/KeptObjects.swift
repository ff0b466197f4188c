import Kernel
import Records
import Storage

/// Objects that lie in a store already when a backup is put there: a bucket may have outlived its
/// database.
///
/// Each is read back, and gets a row when it is the first of its bytes: those that the backup names
/// need not be copied, the others wait for whoever has the right to them. Without a row the server
/// would sweep them.
struct KeptObjects: Sendable {
    let store: any ObjectStore
    let database: any Database
    let backup: SQLiteDatabase
    let kernel: Kernel
    let now: Timestamp

    /// How many the backup names, and how many it does not know.
    ///
    /// `progress` gets how many were looked at.
    func run(
        _ progress: (Int) -> Void
    ) async throws -> (keptCount: Int, adoptedCount: Int) {
        var (keptCount, adoptedCount, count) = (0, 0, 0)
        var key: ObjectKey?
        while true {
            let page = try await store.list(after: key, limit: Limits.rowsPerCollectionMax)
            guard let last = page.last else { return (keptCount, adoptedCount) }
            key = last.key
            // Those with rows an earlier run has read.
            let known = try await rows(of: page.map(\.key))
            let read = try await read(page.map(\.key).filter { known[$0] == nil })
            let named = try await named(among: Array(known.values) + read.map(\.digest))
            let digests = Array(known.values) + (try await adopt(read, named))
            let kept = digests.count { named[$0] != nil }
            keptCount += kept
            adoptedCount += digests.count - kept
            count += page.count
            progress(count)
        }
    }

    private func rows(of keys: [ObjectKey]) async throws -> [ObjectKey: Digest] {
        try await database.read { transaction in
            var known: [ObjectKey: Digest] = [:]
            for key in keys {
                let row = try transaction.first(
                    "SELECT digest FROM object WHERE objectKey = ?", [.text(key.text)])
                known[key] = row?.optionalDigest(0)
            }
            return known
        }
    }

    /// What is in the store; without those that cannot be read.
    private func read(_ keys: [ObjectKey]) async throws -> [StoredObject] {
        let store = store
        return try await withThrowingTaskGroup(of: StoredObject?.self) { group in
            var found: [StoredObject] = []
            for (index, key) in keys.enumerated() {
                if index >= Limits.moveReadsAtOnceMax, let object = try await group.next() {
                    if let object { found.append(object) }
                }
                group.addTask {
                    do {
                        return try await store.verify(key)
                    } catch let error as StorageError where error.isLoss {
                        return nil
                    }
                }
            }
            for try await object in group {
                if let object { found.append(object) }
            }
            return found
        }
    }

    /// Those that have rows now, by their digests.
    private func adopt(
        _ objects: [StoredObject], _ named: [Digest: Timestamp]
    ) async throws -> [Digest] {
        guard !objects.isEmpty else { return [] }
        let (kernel, now) = (kernel, now)
        return try await database.write { transaction in
            var adopted: [Digest] = []
            for object in objects {
                let row = try transaction.first(
                    "SELECT 1 FROM object WHERE digest = ?", [SQLValue(object.digest)])
                guard row == nil else { continue }
                try kernel.adopt([object], at: named[object.digest] ?? now, in: transaction)
                adopted.append(object.digest)
            }
            return adopted
        }
    }

    /// When the server stored those that the backup knows.
    private func named(among digests: [Digest]) async throws -> [Digest: Timestamp] {
        try await backup.read { transaction in
            var named: [Digest: Timestamp] = [:]
            for digest in digests {
                let row = try transaction.first(
                    "SELECT storedAt FROM object WHERE digest = ?", [SQLValue(digest)])
                named[digest] = row?.timestamp(0)
            }
            return named
        }
    }
}

extension StorageError {
    /// The object is gone, cut off, or lies where the disk cannot be read.
    var isLoss: Bool {
        switch code {
        case .objectNotFound, .damaged, .inputOutput: true
        default: false
        }
    }
}
