import Accounts
import Foundation
import Kernel
import Operations
import Records
import Status
import Storage
import TestSupport
import Testing
import WebServer

/// Bytes change under a server, at random: the doctor finds it, or nothing that people own reads
/// differently.
@Suite(.serialized, .enabled(if: !TestDatabase.isPostgres && !BlobsForTests.areInBucket))
struct StoredDamageTests {
    /// What is compared when nothing was found.
    ///
    /// Left out is what no other row follows from and has no sum: times of holdings, and the state of
    /// a holding, which the collector proves before it acts.
    private static let owned =
        kept + [
            "SELECT id, epoch, day FROM server",
            "SELECT id, epoch, head, headStamp, retainedCount FROM zone",
        ]

    /// The same, without what a repair begins anew.
    private static let kept = [
        "SELECT * FROM record", "SELECT * FROM retained", "SELECT * FROM account",
        "SELECT * FROM blobReference", "SELECT * FROM poolBlob", "SELECT * FROM photoAsset",
        "SELECT id, quotaByteCount, usedByteCount FROM pool",
        "SELECT account, name, nameKey, password, changedAt, isDisabled FROM credential",
        "SELECT account, label, digest, createdAt FROM appPassword",
        "SELECT account, id, name, isBrowser, token, signedInAt, label FROM device",
        "SELECT * FROM deniedService", "SELECT * FROM storagePlan", "SELECT * FROM poolPlan",
        "SELECT account, digest, byteCount FROM holding",
        "SELECT digest, objectKey, byteCount FROM object",
        "SELECT id, owner, kind, encryption, idKey, createdAt FROM zone",
    ]

    private static let pictureCount = 12

    private func lists(_ path: String, _ queries: [String]) async throws -> [[SQLRow]] {
        try await SQLiteReader(path: path, migrations: MartletServer.migrations).read {
            transaction in try queries.map { try transaction.rows($0) }
        }
    }

    /// A server's folder with its database as one file.
    private func makeServer(in folder: TemporaryFolder) async throws {
        let path = folder.file("live.sqlite")
        let database = try SQLiteDatabase(path: path, migrations: MartletServer.migrations)
        let server = try await TestServer(folder: folder, database: database)
        let anna = try await server.person("anna")
        for seed in 0..<Self.pictureCount {
            let content = bytes(20_000 + seed, seed: UInt8(seed))
            try await server.run { client in
                let digest = try await client.store(content, by: anna)
                _ = try await client.commit([.asset(digest, byteCount: content.count)], by: anna)
            }
        }
        let name = try AccountName(parsing: "anna")
        let plans = Plans(
            database: database, kernel: server.server.parts.kernel, now: server.clock.read)
        let plan = try PlanName(parsing: "Family")
        _ = try await server.server.accounts.addAppPassword(
            name, label: DeviceName(parsing: "printer"))
        try await server.server.accounts.setService("photos", isAllowed: false, for: name)
        try await plans.set(plan, byteCount: 123_456_789_012)
        try await plans.assign(plan, to: anna.account)
        try await database.write { try RowSums.sealNew(SummedTable.all, in: $0) }
        try await server.server.housekeeping.round()
        try database.snapshot(to: folder.file("whole.sqlite"))
    }

    private func examine(_ folder: TemporaryFolder, _ path: String) async -> DoctorReport {
        let numbers = TestNumbers()
        let store = Result { () throws(StorageError) -> any ObjectStore in
            try DirectoryObjectStore(
                path: DataFolder(path: folder.path).blobs, isShared: true,
                randomNumber: numbers.next)
        }
        let database = Result { () throws(StorageError) -> any Database in
            try SQLiteReader(path: path, migrations: MartletServer.migrations)
        }
        return await ServerExaminations.run(
            ExaminedServer(
                place: ExaminedServer.Place(
                    folder: folder.path, manifest: folder.file("manifest.jsonl"),
                    workFolder: folder.path, holder: nil),
                database: database, store: store,
                kernel: Kernel(randomNumber: numbers.next, schemas: MartletServer.schemas),
                migrations: MartletServer.migrations,
                surroundings: ExaminedServer.Surroundings(
                    now: { Timestamp(milliseconds: 1_790_000_000_000) },
                    monotonicMilliseconds: { 0 }, clock: ContinuousClock()), isDeep: true))
    }

    /// Without what only says how the server is run.
    private func found(_ report: DoctorReport) -> Set<FindingCode> {
        let care: Set<FindingCode> = [
            .backupMissing, .serverDiskNearlyFull, .objectsUnknown, .manifestOld, .scrubLate,
        ]
        return Set(report.findings.map(\.code)).subtracting(care)
    }

    private func owned(_ path: String) async throws -> [[SQLRow]] {
        try await lists(path, Self.owned)
    }

    private enum Mended {
        case whole
        case lacking([String: Int])
        case refused(MendingError)
    }

    /// Tries to mend what is there; a refusal leaves it as it was.
    private func mend(
        _ folder: TemporaryFolder, _ path: String, _ sound: [[SQLRow]]
    ) async throws -> Mended {
        let numbers = TestNumbers()
        let store = try DirectoryObjectStore(
            path: DataFolder(path: folder.path).blobs, isShared: true, randomNumber: numbers.next)
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        let mending = ServerMending(
            MendingPlaces(folder: folder.path, database: path, mark: folder.file("mark")),
            store: store,
            kernel: Kernel(randomNumber: numbers.next, schemas: MartletServer.schemas),
            migrations: MartletServer.migrations,
            surroundings: ExaminedServer.Surroundings(
                now: { Timestamp(milliseconds: 1_790_000_000_000) }, monotonicMilliseconds: { 0 },
                clock: ContinuousClock()))
        let report: ServerMending.Report
        do { report = try await mending.run() } catch let error as MendingError {
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
            return .refused(error)
        }
        let aside = report.aside + "/database.sqlite"
        #expect(try Data(contentsOf: URL(fileURLWithPath: aside)) == before)
        #expect(found(await examine(folder, path)).isEmpty)
        try FileManager.default.removeItem(atPath: report.aside)
        guard report.lost.isEmpty else { return .lacking(report.lost) }
        let now = try await lists(path, Self.kept)
        for (index, query) in Self.kept.enumerated() {
            #expect(now[index] == sound[index], "\(query)")
        }
        return .whole
    }

    /// Where a value lies in the whole database, and what it is called when it is damaged.
    private static let placed = [
        ("SELECT password FROM credential", "password of anna"),
        ("SELECT digest FROM appPassword", "app password of anna"),
        ("SELECT token FROM device", "device of anna"),
        ("SELECT idKey FROM zone WHERE kind = 'photos'", "zone of anna"),
        ("SELECT id FROM server", "the server's row"),
        ("SELECT fields FROM record WHERE type = 'asset' LIMIT 1", "record asset"),
        ("SELECT createdAt FROM account", "account"),
        ("SELECT quotaByteCount FROM pool", "quota of anna"),
    ]

    @Test(.timeLimit(.minutes(5)))
    func `one bit of a password, a key, a quota or a record is named, and put right`()
        async throws
    {
        let folder = try TemporaryFolder()
        try await makeServer(in: folder)
        let whole = try Data(contentsOf: URL(fileURLWithPath: folder.file("whole.sqlite")))
        let sound = try await lists(folder.file("whole.sqlite"), Self.kept)
        for (query, name) in Self.placed {
            let value = try await lists(folder.file("whole.sqlite"), [query])[0][0][0]
            let needle: [UInt8] =
                switch value {
                case .text(let text): Array(text.utf8)
                case .blob(let bytes): bytes
                case .integer(let number):
                    // As SQLite keeps it: in six bytes.
                    withUnsafeBytes(of: number.bigEndian) { Array($0.dropFirst(2)) }
                case .real, .null: []
                }
            // Other rows and indexes may have the same bytes: one of the places is the row's own.
            var places: [Range<Data.Index>] = []
            while let place = whole.range(
                of: Data(needle), in: (places.last?.upperBound ?? 0)..<whole.count)
            { places.append(place) }
            var isNamed = false
            for place in places {
                var bytes = whole
                bytes[place.lowerBound + 3] ^= 4
                let path = folder.file("bit.sqlite")
                try bytes.write(to: URL(fileURLWithPath: path))
                let report = await examine(folder, path)
                let items = report.findings.first { $0.code == .storedRowsDamaged }?.items ?? []
                isNamed = isNamed || items.contains { $0.hasPrefix(name) }
                guard !found(report).isEmpty else { continue }
                guard case .whole = try await mend(folder, path, sound) else {
                    Issue.record("\(query) was not mended")
                    continue
                }
            }
            #expect(isNamed, "\(query): \(places.count) places")
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `a repair that is interrupted is undone, and one that ended can be`() async throws {
        let folder = try TemporaryFolder()
        try await makeServer(in: folder)
        let path = folder.file("database.sqlite")
        let whole = try Data(contentsOf: URL(fileURLWithPath: folder.file("whole.sqlite")))
        try whole.write(to: URL(fileURLWithPath: path))
        let data = DataFolder(path: folder.path)
        _ = try await data.mend(blobs: .directory)
        let mended = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(mended != whole)
        let aside = try data.undoMending()
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == whole)
        #expect(
            try Data(contentsOf: URL(fileURLWithPath: aside + "/database.sqlite")) == mended)
        // Between the two moves: the old one is aside, the new one is not there yet.
        let mark = "martlet mending 1\n\(folder.file("away"))\n\(folder.file("mending.sqlite"))\n"
        try FileManager.default.createDirectory(
            atPath: folder.file("away"), withIntermediateDirectories: true)
        try FileManager.default.moveItem(
            atPath: path, toPath: folder.file("away") + "/database.sqlite")
        try Data(mark.utf8).write(to: URL(fileURLWithPath: data.restoreMark))
        #expect(data.holdsServer)
        #expect(throws: StorageError.self) { _ = try data.openDatabase() }
        try data.endInterruptedMending()
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == whole)
        _ = try data.openDatabase()
    }

    @Test(.timeLimit(.minutes(10)))
    func `fifty damages of the database are found, or change nothing that people own`()
        async throws
    {
        let folder = try TemporaryFolder()
        try await makeServer(in: folder)
        let whole = try Data(contentsOf: URL(fileURLWithPath: folder.file("whole.sqlite")))
        let sound = try await owned(folder.file("whole.sqlite"))
        #expect(found(await examine(folder, folder.file("whole.sqlite"))).isEmpty)
        let numbers = TestNumbers()
        var (foundCount, harmlessCount, mendedCount) = (0, 0, 0)
        let kept = try await lists(folder.file("whole.sqlite"), Self.kept)
        for round in 0..<50 {
            var bytes = whole
            let place = Int(numbers.next() % UInt64(whole.count))
            if round % 5 == 4 {
                bytes = bytes.prefix(place)
            } else {
                bytes[place] ^= 1 << UInt8(numbers.next() % 8)
            }
            let path = folder.file("damaged-\(round).sqlite")
            try bytes.write(to: URL(fileURLWithPath: path))
            let codes = found(await examine(folder, path))
            if codes.isEmpty {
                harmlessCount += 1
                let now = try await owned(path)
                #expect(now == sound, "round \(round): byte \(place) changed something, unseen")
            } else {
                foundCount += 1
                switch try await mend(folder, path, kept) {
                case .whole: mendedCount += 1
                case .lacking(let tables): print("round \(round): \(tables) are lacking")
                case .refused(let error): print("round \(round): \(error.message)")
                }
            }
            try FileManager.default.removeItem(atPath: path)
        }
        print(
            "Of 50 damages of the database \(foundCount) were found and \(mendedCount) of those "
                + "mended wholly, \(harmlessCount) harmless.")
        // Each cut is found, and some of the rest.
        #expect(foundCount >= 10)
    }

    @Test(.timeLimit(.minutes(10)))
    func `fifty damages of blobs are found`() async throws {
        let folder = try TemporaryFolder()
        try await makeServer(in: folder)
        let root = DataFolder(path: folder.path).blobs + "/objects"
        let names = try FileManager.default.subpathsOfDirectory(atPath: root)
            .filter { $0.contains("-") }.sorted()
        #expect(names.count == Self.pictureCount)
        let numbers = TestNumbers()
        for round in 0..<50 {
            let name = names[Int(numbers.next() % UInt64(names.count))]
            let url = URL(fileURLWithPath: root + "/" + name)
            let good = try Data(contentsOf: url)
            var bytes = good
            let place = Int(numbers.next() % UInt64(good.count))
            if round % 5 == 4 {
                bytes = bytes.prefix(place)
            } else {
                bytes[place] ^= 1 << UInt8(numbers.next() % 8)
            }
            try bytes.write(to: url)
            let codes = found(await examine(folder, folder.file("whole.sqlite")))
            let expected: Set<FindingCode> =
                round % 5 == 4 ? [.objectsOfWrongSize, .objectsDamaged] : [.objectsDamaged]
            #expect(codes == expected, "round \(round): \(codes)")
            try good.write(to: url)
        }
        #expect(found(await examine(folder, folder.file("whole.sqlite"))).isEmpty)
    }
}
