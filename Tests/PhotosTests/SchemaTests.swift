import Kernel
import Library
import Media
import Photos
import Records
import Testing
import WebFiles

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite struct SchemaTests {
    @Test func `facts by a lower reader are answered as saved, without effect`() async throws {
        let world = try await PhotoWorld()
        let zone = try await world.account("me").zone
        let id = try await world.addPicture("a.jpg", Array("good".utf8), to: zone)
        try await world.worker(MadeUpReader()).drain()
        let full = try #require(try await world.record(.facts, id, in: zone))
        #expect(full.fields?["by"] == .integer(Int64(Facts.fullReader)))

        var late = RecordChange(key: RecordKey(type: .facts, id: id))
        late.set = PhotoWorld.facts(
            of: Digest(of: Array("good".utf8)), by: Facts.quickReader,
            takenAt: try localTime("1980-01-01T00:00:00"))
        try await world.commit([late], to: zone)
        #expect(try await world.record(.facts, id, in: zone) == full)
    }

    @Test func `facts by a higher reader are taken whatever was known`() async throws {
        let world = try await PhotoWorld()
        let (account, zone) = try await world.account("me")
        let id = try await world.addPicture(
            "a.jpg", [1], to: zone, takenAt: try localTime("2019-05-01T00:00:00"))
        var change = RecordChange(key: RecordKey(type: .facts, id: id))
        change.set = PhotoWorld.facts(
            of: Digest(of: [1]), by: Facts.fullReader + 1,
            takenAt: try localTime("2018-01-01T00:00:00"))
        try await world.commit([change], to: zone)
        #expect(try await world.months(account) == ["2018-01": 1])
    }

    struct BadField: Sendable, CustomTestStringConvertible {
        let name: String
        let value: JSONValue
        var testDescription: String { "\(name): \("\(value)".prefix(40))" }

        init(_ name: String, _ value: JSONValue) { (self.name, self.value) = (name, value) }
    }

    private static func text(_ byteCount: Int) -> JSONValue {
        .string(String(repeating: "a", count: byteCount))
    }

    private static let badFields = [
        BadField("name", .integer(1)), BadField("favorite", .string("yes")),
        BadField("importedAt", .string("now")), BadField("keywords", .array([.integer(1)])),
        BadField("takenAtCorrected", .string("2019-05-01")),
        BadField("name", text(Limits.assetNameByteCountMax + 1)),
        BadField("caption", text(Limits.captionByteCountMax + 1)),
        BadField(
            "keywords",
            .array(Array(repeating: .string("a"), count: Limits.keywordsPerAssetMax + 1))),
    ]

    @Test(arguments: badFields)
    func `a field of the wrong kind or size is refused`(_ bad: BadField) async throws {
        let world = try await PhotoWorld()
        let zone = try await world.account("me").zone
        let id = try await world.addPicture("a.jpg", [1], to: zone)
        var change = RecordChange(
            key: RecordKey(type: .asset, id: id),
            base: try await world.base(.asset, id, in: zone))
        change.set = [bad.name: bad.value]
        let result = try await world.commit([change], to: zone, expecting: .invalidRecord)
        #expect(result.message?.contains(bad.name) == true)
    }

    @Test func `fields, types and roles that nobody knows are kept`() async throws {
        let world = try await PhotoWorld()
        let zone = try await world.account("me").zone
        let id = try await world.addPicture(
            "a.jpg", [1], to: zone, fields: ["mood": .string("merry")])
        var other = RecordChange(key: RecordKey(type: RecordType(rawValue: "poem"), id: id))
        other.set = ["name": .integer(3)]
        try await world.commit([other], to: zone)
        #expect(
            try await world.record(.asset, id, in: zone)?.fields?["mood"] == .string("merry"))
    }

    @Test func `an asset without an original is refused`() async throws {
        let world = try await PhotoWorld()
        let zone = try await world.account("me").zone
        var change = RecordChange(
            key: RecordKey(type: .asset, id: RecordID(high: 1, low: 2)))
        change.set = ["name": .string("a.jpg")]
        try await world.commit([change], to: zone, expecting: .invalidRecord)
    }

    @Test func `the program has every file of the page`() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Web").path
        let present = try FileManager.default.contentsOfDirectory(atPath: folder)
            .filter { !$0.hasSuffix(".swift") }.sorted()
        #expect(WebFiles.names == present)
        for name in present {
            let onDisk = FileManager.default.contents(atPath: folder + "/" + name)
            #expect(WebFiles.file(name).map { Data($0) } == onDisk, "\(name) is another")
        }
    }
}
