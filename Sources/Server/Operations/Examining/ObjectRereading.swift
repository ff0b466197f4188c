import Kernel
import Records
import Storage

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Reads every object from its medium, at a bounded rate; broken off, the next goes on there.
struct ObjectRereading {
    /// `reading-again.json` in the data folder.
    private struct Mark: Codable {
        var after: Digest?
        var damaged: [Digest] = []
    }

    private let server: ExaminedServer
    private let path: String
    private(set) var readCount = 0
    private(set) var readByteCount: Int64 = 0

    init(_ server: ExaminedServer) {
        self.server = server
        path = server.place.workFolder + "/reading-again.json"
    }

    /// Those that are gone or not what they should be.
    mutating func run(_ store: any ObjectStore) async throws -> [BackupObject] {
        var mark = readMark()
        let all = try await server.read { transaction in
            try transaction.first("SELECT COALESCE(SUM(byteCount), 0) FROM object")?.integer(0) ?? 0
        }
        var bad: [BackupObject] = []
        // What was found before it was broken off is proven again.
        for digest in mark.damaged {
            guard let object = try await objects(only: digest).first else { continue }
            if try await !isGood(object, store) { bad.append(object) }
        }
        while true {
            let page = try await objects(after: mark.after)
            guard let last = page.last else { break }
            for object in page {
                if try await !isGood(object, store) {
                    bad.append(object)
                    mark.damaged.append(object.digest)
                }
                readCount += 1
                readByteCount += object.byteCount
                server.progress(readByteCount, all)
            }
            mark.after = last.digest
            try write(mark)
            let bytes = page.reduce(0) { $0 + $1.byteCount }
            try await server.surroundings.clock.sleep(
                for: .milliseconds(bytes * 1_000 / Limits.deepByteCountPerSecond))
        }
        try PlainFiles.remove(path)
        return bad
    }

    private func isGood(_ object: BackupObject, _ store: any ObjectStore) async throws -> Bool {
        do throws(StorageError) {
            let found = try await store.verify(object.key)
            return found.digest == object.digest && found.byteCount == object.byteCount
        } catch {
            guard [.objectNotFound, .inputOutput, .damaged].contains(error.code) else {
                throw error
            }
            return try await objects(only: object.digest).first?.key != object.key
        }
    }

    private func objects(
        after: Digest? = nil, only: Digest? = nil
    ) async throws -> [BackupObject] {
        try await server.read { transaction in
            let (condition, value) = only.map { ("=", $0.bytes) } ?? (">", after?.bytes ?? [])
            return try transaction.rows(
                """
                SELECT digest, byteCount, objectKey FROM object WHERE digest \(condition) ?
                ORDER BY digest LIMIT ?
                """, [.blob(value), SQLValue(Limits.objectsPerScrubTurnMax)]
            ).compactMap { row in
                row.optionalDigest(0).map {
                    BackupObject(
                        digest: $0, byteCount: row.integer(1), key: ObjectKey(text: row.text(2)))
                }
            }
        }
    }

    private func readMark() -> Mark {
        guard
            let bytes = try? PlainFiles.read(
                path, byteCountMax: Limits.rereadingMarkByteCountMax),
            let mark = try? JSONDecoder().decode(Mark.self, from: Data(bytes))
        else { return Mark() }
        return mark
    }

    private func write(_ mark: Mark) throws {
        try PlainFiles.write([UInt8](try JSONEncoder().encode(mark)), to: path)
    }
}

extension Limits {
    static let rereadingMarkByteCountMax = 64 << 20
}
