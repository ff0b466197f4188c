import Agent
import Examinations
import Library
import Records
import Status
import SyncEngine
import TestSupport
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite(.serialized) struct ExaminationsTests {
    @Test func `every examination has a name of its own and a title`() {
        let names = Examinations.all.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.count >= 34)
        #expect(Examinations.all.allSatisfy { !$0.title.isEmpty && !$0.title.hasSuffix(".") })
    }

    @Test(arguments: [
        (1, 3, true), (9, 9, true), (9, 10, true), (10, 20, true), (10, 19, false),
        (11, 21, false), (100, 500, true), (101, 1_009, false), (101, 1_010, true),
        (1_000, 50_000, true), (1_001, 50_000, false),
    ])
    func `a repair of too many files at once is not believed`(
        count: Int, all: Int, isPlausible: Bool
    ) {
        #expect((Remedies.implausible(count, of: all) == nil) == isPlausible)
    }

    @Test func `a device that never signed in is told to`() async throws {
        let folder = try TemporaryFolder()
        let report = await Examinations.run(Question(home: DeviceHome(path: folder.file("home"))))
        #expect(report.complaints.map(\.code.rawValue) == ["signedOut"])
        #expect(Remedies.plan(report).isEmpty)
        #expect(!FileManager.default.fileExists(atPath: folder.file("home")))
    }

    /// How long 100,000 take is measured by script/bench.
    @Test func `a large library is examined file by file`() async throws {
        let folder = try TemporaryFolder()
        let home = try LargeHome(in: folder, count: 10_000)
        let report = await Examinations.run(Question(home: home.home))
        // No server answers there, and that is all.
        #expect(report.complaints.map(\.code.rawValue) == ["serverUnreachable"])
        let files = report.examinations.first { $0.name == "files" }
        #expect(files?.sight == "10000 files in 1 folder trees")
    }
}

/// A device with a large library, in sync with a server that is away.
private struct LargeHome {
    let home: DeviceHome

    init(in folder: TemporaryFolder, count: Int) throws {
        home = DeviceHome(path: folder.file("home"))
        try home.make()
        let library = folder.file("library")
        try LibraryFolder.make(at: library)
        let settings = DeviceSettings(
            account: AccountID(high: 1, low: 1), device: DeviceID(high: 2, low: 2),
            deviceName: "A", zone: ZoneID(high: 3, low: 3), idKey: [1, 2, 3],
            library: LibraryID(high: 4, low: 4), markGeneration: 1, optimizesStorage: false,
            server: "http://127.0.0.1:9")
        try home.save(
            DeviceConfiguration(
                server: settings.server, account: "me", device: settings.device,
                deviceName: "A", library: library), token: BearerToken("secret"))
        try LibraryFolder.write(
            LibraryMark(
                library: settings.library, device: settings.device, generation: 1,
                account: settings.account), at: library)
        let rows = try DatabaseRows(path: home.databasePath)
        let disk = DeviceDisk(roots: [.library: DiskRoot(path: library)])
        try rows.transaction { () throws(RowsError) in
            try rows.save(settings)
            try rows.save(StoredRoot(id: .library, disk: DiskRoot(path: library), isOnce: false))
        }
        for month in 0..<count / 1_000 {
            let path = "\(library)/\(month)"
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
            for number in 0..<1_000 {
                _ = FileManager.default.createFile(
                    atPath: "\(path)/\(number).jpg", contents: Data([1]))
            }
            try rows.transaction { () throws(RowsError) in
                for number in 0..<1_000 {
                    try Self.save(month * 1_000 + number, "\(month)/\(number).jpg", disk, rows)
                }
            }
        }
    }

    private static func save(
        _ number: Int, _ path: String, _ disk: DeviceDisk, _ rows: DatabaseRows
    ) throws(RowsError) {
        let place = Place(root: .library, path: RelativePath(path))
        guard let stamp = (try? disk.stamp(at: place)) ?? nil else {
            throw RowsError(.unavailable, "\(path) was not made.")
        }
        let digest = Digest(of: Array("\(number)".utf8))
        let asset = RecordID(high: UInt64(number) << 40, low: UInt64(number))
        let moment = Timestamp(milliseconds: 1_000)
        let record = Record(
            key: RecordKey(type: .asset, id: asset),
            envelope: Envelope(
                sequence: Int64(number), createdAt: moment, createdBy: AccountID(high: 1, low: 1),
                changedAt: moment, changedBy: DeviceID(high: 2, low: 2)),
            fields: ["name": .string("\(number).jpg")],
            blobs: [
                "original": BlobReference(
                    digest: digest, byteCount: stamp.byteCount, mediaType: "image/jpeg")
            ], joinedInto: nil)
        try rows.save(
            RemoteRecord(record: record, epoch: Epoch(rawValue: 1), listing: 1))
        try rows.save(
            LocalFile(
                place: place, stamp: stamp,
                state: .read(
                    FileContent(
                        stamp: stamp, digest: digest, mediaType: "image/jpeg", facts: [:])),
                since: moment,
                agreed: Agreement(
                    asset: asset, role: .original, digest: digest, byteCount: stamp.byteCount,
                    name: "\(number).jpg")))
    }
}
