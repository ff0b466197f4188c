import Kernel
import Records
import Status
import Storage

// The bytes behind the records.
extension ServerExaminations {
    static var objects: [ServerExamination] {
        [
            ServerExamination("objects", "Objects against their rows", look: lookAtObjects),
            ServerExamination("bytes", "Objects, read again", look: lookAtBytes),
            wanted,
        ]
    }

    static var wanted: ServerExamination {
        ServerExamination("wanted", "What the server has lost", look: lookAtLost)
    }

    // MARK: - Both ways

    private struct Listed {
        var count = 0
        var seen: Set<ObjectKey> = []
        var unknown = Sample()
        var wrong = Sample()
    }

    private struct Sample {
        var count = 0
        var byteCount: Int64 = 0
        var names: [String] = []

        mutating func add(_ name: String, _ size: Int64) {
            count += 1
            byteCount += size
            if names.count < FindingTable.itemsMax { names.append(name) }
        }

        func finding(_ code: FindingCode) -> [Finding] {
            guard count > 0 else { return [] }
            return [
                Finding(
                    code,
                    [
                        "items": EvidenceText.items(count), "size": EvidenceText.bytes(byteCount),
                    ], items: names)
            ]
        }
    }

    private static func lookAtObjects(_ server: ExaminedServer) async throws -> Look {
        let store = try server.store.get()
        let listed = try await list(store, server)
        let missing = try await missing(store, listed.seen, server)
        return Look(
            "\(listed.seen.count) objects with a row, of \(listed.count) in the store",
            missing.finding(.objectsMissing) + listed.wrong.finding(.objectsOfWrongSize)
                + listed.unknown.finding(.objectsUnknown))
    }

    private static func list(
        _ store: any ObjectStore, _ server: ExaminedServer
    ) async throws -> Listed {
        var listed = Listed()
        var key: ObjectKey?
        // Younger ones may belong to a request that is under way.
        let old = server.now.adding(seconds: -Int64(Limits.uploadLifetimeHours) * 3_600)
        while true {
            let page = try await store.list(
                after: key, limit: Limits.examinedObjectsPerReadMax)
            guard let last = page.last else { return listed }
            key = last.key
            let rows = try await server.read { transaction in
                try page.map { object in
                    try transaction.first(
                        """
                        SELECT byteCount FROM object WHERE objectKey = ?
                        UNION ALL SELECT -1 FROM lostObject WHERE objectKey = ?
                        UNION ALL SELECT -1 FROM objectRemoval WHERE objectKey = ?
                        """,
                        [.text(object.key.text), .text(object.key.text), .text(object.key.text)])?
                        .integer(0)
                }
            }
            for (object, row) in zip(page, rows) {
                listed.count += 1
                guard let byteCount = row else {
                    if object.modifiedAt < old {
                        listed.unknown.add(object.key.text, object.byteCount)
                    }
                    continue
                }
                // Set aside, or about to be removed.
                if byteCount < 0 { continue }
                listed.seen.insert(object.key)
                if byteCount != object.byteCount { listed.wrong.add(object.key.text, byteCount) }
            }
        }
    }

    /// Rows whose object was not listed, and is still not there when it is asked for by name.
    private static func missing(
        _ store: any ObjectStore, _ seen: Set<ObjectKey>, _ server: ExaminedServer
    ) async throws -> Sample {
        var sample = Sample()
        var digest: [UInt8] = []
        while true {
            let rows = try await server.read { [digest] transaction in
                try transaction.rows(
                    """
                    SELECT digest, objectKey, byteCount FROM object WHERE digest > ?
                    ORDER BY digest LIMIT ?
                    """, [.blob(digest), SQLValue(Limits.examinedRowsPerReadMax)])
            }
            guard let last = rows.last else { return sample }
            digest = last.blob(0)
            for row in rows where !seen.contains(ObjectKey(text: row.text(1))) {
                if try await !isStored(ObjectKey(text: row.text(1)), store) {
                    // The collector may have let go of it meanwhile.
                    let isStillKnown = try await server.read { transaction in
                        try transaction.firstRow(
                            "SELECT 1 FROM object WHERE objectKey = ?", [row[1]]) != nil
                    }
                    if isStillKnown { sample.add(row.text(1), row.integer(2)) }
                }
            }
        }
    }

    private static func isStored(
        _ key: ObjectKey, _ store: any ObjectStore
    ) async throws(StorageError) -> Bool {
        do throws(StorageError) {
            _ = try await store.byteCount(of: key)
            return true
        } catch {
            guard error.code == .objectNotFound else { throw error }
            return false
        }
    }

    // MARK: - Each byte

    private static func lookAtBytes(_ server: ExaminedServer) async throws -> Look {
        guard server.isDeep else { return .notPossible("--deep reads them") }
        var rereading = ObjectRereading(server)
        let bad = try await rereading.run(try server.store.get())
        var sample = Sample()
        for object in bad { sample.add(object.digest.text, object.byteCount) }
        return Look(
            "\(rereading.readCount) objects read, \(EvidenceText.bytes(rereading.readByteCount))",
            sample.finding(.objectsDamaged))
    }

    // MARK: - What is gone

    private static func lookAtLost(_ server: ExaminedServer) async throws -> Look {
        let kernel = server.kernel
        let lost = try await server.read { transaction in
            try LostBlobs.all(
                limit: Limits.lostBlobsExaminedMax, kernel: kernel, in: transaction)
        }
        guard !lost.isEmpty else { return Look("nothing") }
        var findings: [Finding] = []
        let open = lost.filter { !$0.isGone }
        if !open.isEmpty {
            let waiting = Set(open.flatMap(\.waitingFor)).sorted()
            let devices = open.map(\.deviceCount).max() ?? 0
            findings.append(
                Finding(
                    .objectsWanted,
                    evidence(open).merging([
                        "answered": "\(max(0, devices - waiting.count))",
                        "devices": "\(devices)",
                        "waiting": "it waits for " + waiting.prefix(5).joined(separator: ", "),
                    ]) { $1 }, items: open.map(\.line)))
        }
        let gone = lost.filter(\.isGone)
        if !gone.isEmpty {
            findings.append(Finding(.objectsGone, evidence(gone), items: gone.map(\.line)))
        }
        return Look("\(EvidenceText.items(lost.count)), \(gone.count) on no device", findings)
    }

    private static func evidence(_ lost: [LostBlob]) -> [String: String] {
        [
            "items": EvidenceText.items(lost.count),
            "size": EvidenceText.bytes(lost.reduce(0) { $0 + $1.byteCount }),
        ]
    }
}

extension LostBlob {
    /// For people.
    package var line: String { "\(account): \(name ?? digest.text)" }
}

extension Limits {
    static let examinedObjectsPerReadMax = 5_000
    static let lostBlobsExaminedMax = 10_000
}
