import Kernel
import NIOCore
import Records
import Storage

/// Copies objects from one store into another, each hashed on its way, and writes their rows behind
/// them: what has a row in the target is there, so a later run goes on.
///
/// Rows of both databases are walked together in the order of their digests, a page at a time.
struct ObjectMoves: Sendable {
    struct Place: Sendable {
        let database: any Database
        let store: any ObjectStore
    }

    /// Where objects come from: their rows, and their bytes by digest, key and size.
    struct Source: Sendable {
        let database: any Database
        let read: @Sendable (Digest, ObjectKey, Int64) -> ObjectBytes
    }

    struct Outcome: Hashable, Sendable {
        /// In the target.
        var count = 0
        var byteCount: Int64 = 0
        var copiedCount = 0
        var copiedByteCount: Int64 = 0
        var missingCount = 0
        /// The first of them.
        var missing: [Digest] = []
    }

    private struct Row: Hashable, Sendable {
        let digest: Digest
        let key: ObjectKey
        let byteCount: Int64
        let storedAt: Timestamp
    }

    private struct Page: Sendable {
        var rows: [Row] = []
        /// Behind it there is nothing more.
        var isLast = false
    }

    let source: Source
    let target: Place

    /// Makes the target's objects the source's; those that cannot be read are `missing`.
    ///
    /// `removesSurplus`: the target keeps none that the source has not.
    func run(
        removesSurplus: Bool = true, _ progress: (Outcome) -> Void
    ) async throws -> Outcome {
        var outcome = Outcome()
        var after: Digest?
        while true {
            let page = try await page(of: source.database, after: after, upTo: nil)
            let end = page.isLast ? nil : page.rows.last?.digest
            let there = try await known(after: after, upTo: end)
            let wanted = Set(page.rows.map(\.digest))
            if removesSurplus {
                try await remove(there.values.filter { !wanted.contains($0.digest) })
            }
            for row in page.rows where there[row.digest]?.byteCount == row.byteCount {
                outcome.count += 1
                outcome.byteCount += row.byteCount
            }
            let absent = page.rows.filter { there[$0.digest]?.byteCount != $0.byteCount }
            try await copy(absent, into: &outcome, progress)
            progress(outcome)
            guard let end else { return outcome }
            after = end
        }
    }

    /// Devices that have what the target lacks are asked for it; returns what that is.
    ///
    /// The rows of who holds it must be there.
    @discardableResult
    func markMissing(by kernel: Kernel, at now: Timestamp) async throws -> [Digest] {
        var missing: [Digest] = []
        try await forEachMissing { page in
            missing += page.map(\.digest)
            try await target.database.write { transaction in
                for object in page {
                    // An earlier run may have come so far.
                    let marked = try transaction.first(
                        "SELECT 1 FROM lostObject WHERE objectKey = ?", [.text(object.key.text)])
                    guard marked == nil else { continue }
                    try kernel.adopt([object], at: now, in: transaction)
                    try kernel.markLost(object.digest, key: object.key, in: transaction)
                }
            }
        }
        return missing
    }

    /// Every object that the target lacks, a page at a time.
    private func forEachMissing(
        _ body: ([StoredObject]) async throws -> Void
    ) async throws {
        var after: Digest?
        while true {
            let page = try await page(of: source.database, after: after, upTo: nil)
            let end = page.isLast ? nil : page.rows.last?.digest
            let there = try await known(after: after, upTo: end)
            let absent = page.rows.filter { there[$0.digest] == nil }
            if !absent.isEmpty {
                try await body(
                    absent.map {
                        StoredObject(key: $0.key, digest: $0.digest, byteCount: $0.byteCount)
                    })
            }
            guard let end else { return }
            after = end
        }
    }

    // MARK: - Rows

    private func known(
        after: Digest?, upTo end: Digest?
    ) async throws -> [Digest: Row] {
        var known: [Digest: Row] = [:]
        var after = after
        while true {
            let page = try await page(of: target.database, after: after, upTo: end)
            for row in page.rows { known[row.digest] = row }
            guard !page.isLast, let last = page.rows.last else { return known }
            after = last.digest
        }
    }

    private func page(
        of database: any Database, after: Digest?, upTo end: Digest?
    ) async throws -> Page {
        let limit = Limits.rowsPerCollectionMax
        return try await database.read { transaction in
            let rows = try transaction.all(
                """
                SELECT digest, objectKey, byteCount, storedAt FROM object
                WHERE digest > ? AND digest <= ? ORDER BY digest LIMIT ?
                """,
                [
                    .blob(after?.bytes ?? []),
                    .blob(end?.bytes ?? Array(repeating: 0xff, count: Digest.byteCount + 1)),
                    SQLValue(limit),
                ])
            let found = rows.compactMap { row in
                row.optionalDigest(0).map {
                    Row(
                        digest: $0, key: ObjectKey(text: row.text(1)), byteCount: row.integer(2),
                        storedAt: row.timestamp(3))
                }
            }
            return Page(rows: found, isLast: rows.count < limit)
        }
    }

    /// What the source has let go of since an earlier run: rows first, as the collector does.
    private func remove(_ rows: [Row]) async throws {
        guard !rows.isEmpty else { return }
        try await target.database.write { transaction in
            for row in rows {
                try transaction.change(
                    "DELETE FROM object WHERE digest = ?", [SQLValue(row.digest)])
            }
        }
        try await target.store.remove(rows.map(\.key))
    }

    private func add(_ stored: [(row: Row, key: ObjectKey)]) async throws {
        guard !stored.isEmpty else { return }
        let rows = stored
        try await target.database.write { transaction in
            for (row, key) in rows {
                try transaction.change(
                    """
                    INSERT INTO object (digest, objectKey, byteCount, storedAt)
                    VALUES (?, ?, ?, ?)
                    ON CONFLICT (digest) DO UPDATE SET
                        objectKey = excluded.objectKey, byteCount = excluded.byteCount
                    """,
                    [
                        SQLValue(row.digest), .text(key.text), .integer(row.byteCount),
                        SQLValue(row.storedAt),
                    ])
            }
        }
    }

    // MARK: - Bytes

    private func copy(
        _ rows: [Row], into outcome: inout Outcome, _ progress: (Outcome) -> Void
    ) async throws {
        var pack: [Row] = []
        var packByteCount: Int64 = 0
        for row in rows {
            guard row.byteCount <= Int64(Limits.packedBlobByteCountMax) else {
                try await copyAlone(row, into: &outcome)
                progress(outcome)
                continue
            }
            if pack.count >= Limits.movePackCountMax
                || packByteCount + row.byteCount > Limits.movePackByteCountMax
            {
                try await copyPack(pack, into: &outcome)
                progress(outcome)
                (pack, packByteCount) = ([], 0)
            }
            pack.append(row)
            packByteCount += row.byteCount
        }
        if !pack.isEmpty { try await copyPack(pack, into: &outcome) }
    }

    private func copyAlone(_ row: Row, into outcome: inout Outcome) async throws {
        let writer = try await target.store.makeWriter()
        do {
            for try await step in source.read(row.digest, row.key, row.byteCount) {
                try await writer.append(step)
            }
            guard case .stored(let object) = try await writer.finish(expecting: row.digest) else {
                return note(missing: row, in: &outcome)
            }
            try await add([(row, object.key)])
            note(copied: row, in: &outcome)
        } catch {
            await writer.discard()
            guard Self.isLoss(error) else { throw error }
            note(missing: row, in: &outcome)
        }
    }

    /// Small ones are read side by side and made durable together.
    private func copyPack(_ rows: [Row], into outcome: inout Outcome) async throws {
        let read = try await read(rows)
        var found: [(row: Row, blob: PackedBlob)] = []
        for (row, bytes) in zip(rows, read) {
            if let bytes {
                found.append((row, PackedBlob(claimed: row.digest, bytes: bytes)))
            } else {
                note(missing: row, in: &outcome)
            }
        }
        let results = try await target.store.storePack(found.map(\.blob))
        var stored: [(row: Row, key: ObjectKey)] = []
        for (item, result) in zip(found, results) {
            switch result {
            case .stored(let object):
                stored.append((item.row, object.key))
                note(copied: item.row, in: &outcome)
            case .digestMismatch: note(missing: item.row, in: &outcome)
            }
        }
        try await add(stored)
    }

    /// `nil` in the place of one that is gone.
    private func read(_ rows: [Row]) async throws -> [[UInt8]?] {
        let source = source
        return try await withThrowingTaskGroup(of: (Int, [UInt8]?).self) { group in
            var read: [[UInt8]?] = Array(repeating: nil, count: rows.count)
            for (index, row) in rows.enumerated() {
                if index >= Limits.moveReadsAtOnceMax, let (number, bytes) = try await group.next()
                {
                    read[number] = bytes
                }
                group.addTask { (index, try await Self.bytes(of: row, in: source)) }
            }
            for try await (number, bytes) in group { read[number] = bytes }
            return read
        }
    }

    private static func bytes(
        of row: Row, in source: Source
    ) async throws -> [UInt8]? {
        do {
            var bytes: [UInt8] = []
            for try await step in source.read(row.digest, row.key, row.byteCount) {
                bytes.append(contentsOf: step.readableBytesView)
            }
            return bytes
        } catch {
            guard isLoss(error) else { throw error }
            return nil
        }
    }

    private static func isLoss(_ error: any Error) -> Bool {
        (error as? StorageError)?.isLoss ?? false
    }

    private func note(copied row: Row, in outcome: inout Outcome) {
        outcome.count += 1
        outcome.byteCount += row.byteCount
        outcome.copiedCount += 1
        outcome.copiedByteCount += row.byteCount
    }

    private func note(missing row: Row, in outcome: inout Outcome) {
        outcome.missingCount += 1
        if outcome.missing.count < Limits.moveMissingNamedMax {
            outcome.missing.append(row.digest)
        }
    }
}
