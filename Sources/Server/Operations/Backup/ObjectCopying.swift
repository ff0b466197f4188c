import Records
import Storage

/// Brings the objects of a snapshot into a backup's place, those that are not there, and lists them.
///
/// Memory: a page of rows.
struct ObjectCopying: Sendable {
    let snapshot: String
    let store: any ObjectStore
    let place: any BackupPlace

    private enum Fate: Sendable {
        case there
        /// The server's own object is gone or is not what it should be.
        case lost
        case copied
    }

    /// Throws `diskFull` where the place knows that they will not fit.
    func checkSpace() async throws {
        guard let free = try await place.freeByteCount() else { return }
        var byteCount: Int64 = 0
        try await forEachPage { objects, isThere in
            for (object, isThere) in zip(objects, isThere) where !isThere {
                byteCount += object.byteCount
            }
        }
        guard free > byteCount + Limits.diskReserveByteCount else {
            throw StorageError(
                .diskFull,
                "The backup's disk has \(free) bytes free and needs \(byteCount): free some space.")
        }
    }

    /// `turnEnded` is called every few objects.
    func run(
        list: ReplacingFile, into report: inout Backup.Report,
        _ progress: (Backup.Progress) -> Void, turnEnded: () async throws -> Void
    ) async throws {
        let count = try SnapshotObjects.count(snapshot)
        let copies = try await place.copies()
        var done = 0
        var (stagedCount, stagedByteCount): (Int, Int64) = (0, 0)
        try await forEachPage { objects, isThere in
            var lines = ""
            for first in stride(from: 0, to: objects.count, by: Limits.backupReadsAtOnceMax) {
                try Task.checkCancellation()
                let turn = first..<min(objects.count, first + Limits.backupReadsAtOnceMax)
                let fates = try await copy(
                    Array(zip(objects[turn], isThere[turn])), from: done, copies)
                for (object, fate) in zip(objects[turn], fates) {
                    done += 1
                    note(object, fate, in: &report)
                    if fate != .lost { lines += object.line }
                    if fate == .copied {
                        stagedCount += 1
                        stagedByteCount += object.byteCount
                    }
                    progress(
                        Backup.Progress(
                            done: done, count: count, copiedByteCount: report.copiedByteCount))
                }
                if stagedCount >= Limits.backupBatchCountMax
                    || stagedByteCount >= Limits.backupBatchByteCountMax
                {
                    try await copies.settle()
                    (stagedCount, stagedByteCount) = (0, 0)
                }
                try await turnEnded()
            }
            try await list.append(Array(lines.utf8))
        }
        try await copies.settle()
        try await copies.end()
    }

    /// A page of objects, and whether each is in the place with its size.
    private func forEachPage(
        _ body: ([BackupObject], [Bool]) async throws -> Void
    ) async throws {
        var rows = SnapshotObjects(snapshot)
        var placed = PlacedObjects(place)
        while true {
            let page = try rows.next()
            var isThere: [Bool] = []
            for object in page.objects {
                isThere.append(try await placed.byteCount(of: object.digest) == object.byteCount)
            }
            try await body(page.objects, isThere)
            if page.isLast { return }
        }
    }

    private func note(_ object: BackupObject, _ fate: Fate, in report: inout Backup.Report) {
        guard fate != .lost else {
            report.missing.append(object.digest)
            return
        }
        report.objectCount += 1
        report.objectByteCount += object.byteCount
        guard fate == .copied else { return }
        report.copiedCount += 1
        report.copiedByteCount += object.byteCount
    }

    /// From a bucket or into one they go side by side; a disk has its own order.
    private func copy(
        _ objects: [(BackupObject, isThere: Bool)], from first: Int, _ copies: any BackupCopies
    ) async throws -> [Fate] {
        guard let object = objects.first?.0 else { return [] }
        let isRemote = store.localPath(of: object.key) == nil || place.localPath(object.name) == nil
        return try await each(
            objects.map { Turn(object: $0.0, isThere: $0.isThere) }, isRemote: isRemote,
            isAlone: { $0.object.byteCount > Limits.backupTogetherByteCountMax }
        ) { index, turn in
            turn.isThere ? .there : try await copy(turn.object, as: first + index, copies)
        }
    }

    private struct Turn: Sendable {
        let object: BackupObject
        let isThere: Bool
    }

    private func copy(
        _ object: BackupObject, as number: Int, _ copies: any BackupCopies
    ) async throws -> Fate {
        let source = BackupBytes(
            path: store.localPath(of: object.key),
            bytes: store.read(object.key, 0..<object.byteCount))
        do {
            let isCopied = try await copies.add(
                source, as: object.name, number: number, digest: object.digest)
            return isCopied ? .copied : .lost
        } catch {
            guard error.code == .objectNotFound || error.code == .damaged else { throw error }
            return .lost
        }
    }
}
