import Agent
import Foundation
import Library
import Records
import SyncEngine
import TestSupport
import Testing

/// A device that is signed in, without a server.
private struct Device {
    let folder: TemporaryFolder
    let home: DeviceHome
    let rows: DatabaseRows

    init(optimizesStorage: Bool) throws {
        folder = try TemporaryFolder()
        home = DeviceHome(path: folder.file("home"))
        try home.make()
        try home.save(
            DeviceConfiguration(
                server: "http://localhost:1", account: "me", device: DeviceID(high: 1, low: 2),
                deviceName: "A", library: folder.file("library")), token: BearerToken("x"))
        try LibraryFolder.make(at: folder.file("library"))
        rows = try DatabaseRows(path: home.databasePath)
        var settings = RowsWorld.settings
        settings.optimizesStorage = optimizesStorage
        let (rows, disk) = (rows, DiskRoot(path: folder.file("library")))
        try rows.transaction { [settings] () throws(RowsError) in
            try rows.save(settings)
            try rows.save(StoredRoot(id: .library, disk: disk, isOnce: false))
        }
    }

    func runImport(_ names: [String]) throws -> PhotoImport.Ledger {
        var importing = try PhotoImport(home: home, now: Timestamp(milliseconds: 1_562_000_000_000))
        return try importing.run(names.map { folder.file($0) }) { _ in }
    }
}

@Suite struct PhotosTests {
    private static let picture: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3]

    @Test func `an import copies into the library and says of every file what became of it`() throws
    {
        let device = try Device(optimizesStorage: false)
        device.folder.makeFolder("card")
        try device.folder.write("card/20190704_101112.jpg", Self.picture)
        try device.folder.write("card/same.jpg", Self.picture)
        try device.folder.write("card/letter.txt", [0x41])
        try device.folder.write("card/empty.jpg", [])
        try device.folder.write("card/.hidden.jpg", Self.picture)
        device.folder.link("card/link.jpg", to: "/etc/passwd")
        let ledger = try device.runImport(["card", "missing"])
        let outcomes = Dictionary(
            uniqueKeysWithValues: ledger.lines.map {
                (($0.path as NSString).lastPathComponent, $0.outcome)
            })
        #expect(
            outcomes == [
                "20190704_101112.jpg": .imported, "same.jpg": .alreadyThere,
                "letter.txt": .notIncluded, "empty.jpg": .notIncluded, "link.jpg": .notIncluded,
                "missing": .failed,
            ])
        #expect(device.folder.bytes("library/2019/07/20190704_101112.jpg") == Self.picture)
        #expect(device.folder.bytes("card/20190704_101112.jpg") == Self.picture)
    }

    @Test func `an import never takes a name that another picture has`() throws {
        let device = try Device(optimizesStorage: false)
        for (folder, byte) in [("one", 1), ("two", 2)] as [(String, UInt8)] {
            device.folder.makeFolder(folder)
            try device.folder.write("\(folder)/20190704_101112.jpg", Self.picture + [byte])
        }
        #expect(try device.runImport(["one", "two"]).count(.imported) == 2)
        #expect(
            device.folder.bytes("library/2019/07/20190704_101112.jpg") == Self.picture + [1])
        #expect(
            device.folder.bytes("library/2019/07/20190704_101112 (2).jpg") == Self.picture + [2])
    }

    @Test func `an import repeated before the first sync brings nothing twice`() throws {
        let device = try Device(optimizesStorage: false)
        for (folder, byte) in [("one", 1), ("two", 2)] as [(String, UInt8)] {
            device.folder.makeFolder(folder)
            try device.folder.write("\(folder)/20190704_101112.jpg", Self.picture + [byte])
        }
        #expect(try device.runImport(["one", "two"]).count(.imported) == 2)
        #expect(try device.runImport(["two", "one"]).count(.alreadyThere) == 2)
        #expect(!device.folder.exists("library/2019/07/20190704_101112 (3).jpg"))
    }

    @Test func `with Optimize Storage an import is sent from where it lies`() throws {
        let device = try Device(optimizesStorage: true)
        try device.folder.write("a.jpg", Self.picture)
        try device.folder.write("b.jpg", Self.picture + [9])
        #expect(try device.runImport(["a.jpg"]).count(.imported) == 1)
        let roots = try device.rows.storedRoots()
        #expect(roots.count == 2)
        #expect(roots.last?.isOnce == true)
        #expect(roots.last?.disk.onlyNames == [Array("a.jpg".utf8)])
        #expect(!device.folder.exists("library/2019"))
    }

    @Test func `the library itself is no import`() throws {
        let device = try Device(optimizesStorage: false)
        #expect(throws: AgentError.self) { try device.runImport(["library"]) }
    }

    @Test func `the list has every key, and null for what isn't known`() throws {
        let device = try Device(optimizesStorage: false)
        let rows = device.rows
        try rows.transaction { () throws(RowsError) in
            try rows.save(Self.asset(1, "a.jpg", trashedAt: nil))
            try rows.save(Self.facts(1))
            try rows.save(Self.asset(2, "b.jpg", trashedAt: Timestamp(milliseconds: 77)))
            var local = RowsWorld.file(in: .library, named: "2019/07/a.jpg")
            local.state = .read(
                FileContent(
                    stamp: local.stamp, digest: Digest(of: [1]), mediaType: "image/jpeg",
                    facts: [:]))
            try rows.save(local)
            local.place = place("new.jpg")
            local.state = .read(
                FileContent(
                    stamp: local.stamp, digest: Digest(of: [3]), mediaType: "video/mp4",
                    facts: ["kind": .string("video"), "duration": .number(1.5)]))
            try rows.save(local)
        }
        var objects: [[String: Any]] = []
        try PhotoListing(rows).forEach { photo in
            let object = try? JSONSerialization.jsonObject(with: Data(photo.json.utf8))
            objects.append(object as? [String: Any] ?? [:])
        }
        #expect(objects.count == 3)
        let keys: Set<String> = [
            "id", "name", "path", "preview", "kind", "takenAt", "width", "height", "duration",
            "latitude",
            "longitude", "cameraMake", "cameraModel", "favorite", "hidden", "trashedAt", "albums",
            "digest", "state",
        ]
        for object in objects { #expect(Set(object.keys) == keys) }
        let byName = Dictionary(
            uniqueKeysWithValues: objects.map { ($0["name"] as? String ?? "", $0) })
        let here = try #require(byName["a.jpg"])
        #expect(here["state"] as? String == "inSync")
        #expect(here["takenAt"] as? String == "2019-07-04T10:11:12+02:00")
        #expect(here["width"] as? Int == 400)
        #expect(here["path"] as? String == device.folder.file("library/2019/07/a.jpg"))
        #expect(here["duration"] is NSNull)
        let trashed = try #require(byName["b.jpg"])
        #expect(trashed["state"] as? String == "recentlyDeleted")
        #expect(trashed["trashedAt"] as? Int == 77)
        #expect(trashed["path"] is NSNull)
        let unsent = try #require(byName["new.jpg"])
        #expect(unsent["state"] as? String == "onlyHere")
        #expect(unsent["kind"] as? String == "video")
        #expect(unsent["duration"] as? Double == 1.5)
    }

    private static func envelope(_ trashedAt: Timestamp?) -> Envelope {
        let moment = Timestamp(milliseconds: 1)
        return Envelope(
            sequence: 1, createdAt: moment, createdBy: AccountID(high: 1, low: 1),
            changedAt: moment, changedBy: DeviceID(high: 1, low: 1), trashedAt: trashedAt)
    }

    private static func asset(
        _ number: UInt64, _ name: String, trashedAt: Timestamp?
    ) -> RemoteRecord {
        RemoteRecord(
            record: Record(
                key: RecordKey(type: .asset, id: RecordID(high: number, low: 0)),
                envelope: envelope(trashedAt),
                fields: ["name": .string(name), "importedAt": .integer(5)],
                blobs: [
                    "original": BlobReference(
                        digest: Digest(of: [UInt8(number)]), byteCount: 1, mediaType: "image/jpeg")
                ]), epoch: Epoch(rawValue: 1), listing: 1)
    }

    private static func facts(_ number: UInt64) -> RemoteRecord {
        RemoteRecord(
            record: Record(
                key: RecordKey(type: .facts, id: RecordID(high: number, low: 0)),
                envelope: envelope(nil),
                fields: [
                    "kind": .string("image"), "mediaType": .string("image/jpeg"),
                    "width": .integer(400),
                    "takenAt": .object([
                        "text": .string("2019-07-04T10:11:12"), "offsetMinutes": .integer(120),
                        "source": .string("exifOriginal"),
                    ]),
                ]), epoch: Epoch(rawValue: 1), listing: 1)
    }
}
