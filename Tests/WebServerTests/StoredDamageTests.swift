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
    /// Left out is what no other row follows from: names of devices, passwords, times of holdings,
    /// and the state of a holding, which the collector proves before it acts.
    private static let owned = [
        "SELECT * FROM record", "SELECT * FROM retained", "SELECT * FROM account",
        "SELECT * FROM blobReference", "SELECT * FROM poolBlob", "SELECT * FROM photoAsset",
        "SELECT id, usedByteCount FROM pool",
        "SELECT account, digest, byteCount FROM holding",
        "SELECT digest, objectKey, byteCount FROM object",
        "SELECT id, owner, kind, encryption, epoch, head, headStamp, retainedCount FROM zone",
    ]

    private static let pictureCount = 12

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
        try await SQLiteReader(path: path, migrations: MartletServer.migrations).read {
            transaction in try Self.owned.map { try transaction.rows($0) }
        }
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
        var (foundCount, harmlessCount) = (0, 0)
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
            }
            try FileManager.default.removeItem(atPath: path)
        }
        print("Of 50 damages of the database \(foundCount) were found, \(harmlessCount) harmless.")
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
