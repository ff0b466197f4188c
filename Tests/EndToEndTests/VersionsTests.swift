import Foundation
import TestSupport
import Testing

/// Names and bytes that two devices gave to the same picture.
@Suite(.serialized) struct VersionsTests {
    private struct Conflict: Decodable {
        struct Version: Decodable {
            let id: String
            let name: String
            let device: String?
            let isThisDevice: Bool
            let byteCount: Int64
            let digest: String
            let path: String?
        }

        let name: String
        let versions: [Version]
    }

    private func conflicts(_ house: Household, _ device: String) throws -> [Conflict] {
        let result = try house.martlet(device, "photos", "conflicts", "--json")
        #expect(result.status == 0, "\(result.errors)")
        return try JSONDecoder().decode([Conflict].self, from: Data(result.output.utf8))
    }

    private func append(_ text: String, to path: String) throws {
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.seekToEnd()
        try file.write(contentsOf: Data(text.utf8))
        try file.close()
    }

    private func sync(_ house: Household, _ devices: String...) throws {
        for device in devices { try DecisionTests.run(house, device, "sync", "--once") }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a file renamed on one device is renamed on the other`() throws {
        let house = try DecisionTests.household()
        let before = try Files.digests(in: house.library("two"))
        try FileManager.default.moveItem(
            atPath: house.library("one") + "/DSCN0010.jpg",
            toPath: house.library("one") + "/Beach.jpg")
        try sync(house, "one", "two", "one")
        let names = Files.names(in: house.library("two"))
        #expect(names.map { ($0 as NSString).lastPathComponent } == ["Beach.jpg", "DSCN0012.jpg"])
        #expect(try Files.digests(in: house.library("two")).keys == before.keys)
        #expect(
            try DecisionTests.photos(house, "two").map(\.name) == ["Beach.jpg", "DSCN0012.jpg"])
        #expect(Files.names(in: house.library("one")) == ["Beach.jpg", "DSCN0012.jpg"])
    }

    @Test(.timeLimit(.minutes(2)))
    func `a picture edited on two devices is shown side by side until one is chosen`() throws {
        let house = try DecisionTests.household()
        let onTwo = try #require(
            Files.names(in: house.library("two")).first { $0.hasSuffix("DSCN0010.jpg") })
        try append("edited on one", to: house.library("one") + "/DSCN0010.jpg")
        try append("edited on the other", to: house.library("two") + "/" + onTwo)
        try sync(house, "one", "two", "one")

        for device in ["one", "two"] {
            let conflict = try #require(try conflicts(house, device).first)
            #expect(conflict.name == "DSCN0010.jpg")
            #expect(conflict.versions.map(\.device) == ["one", "two"])
            #expect(conflict.versions.map(\.isThisDevice) == [device == "one", device == "two"])
            #expect(conflict.versions[1].name.hasPrefix("DSCN0010 (conflicted copy two 20"))
            #expect(conflict.versions.allSatisfy { $0.path != nil && $0.byteCount > 0 })
            try house.expectShown("conflict", on: device, saying: ["DSCN0010.jpg", "one", "two"])
            try house.expectShown(
                "conflict", on: device, item: conflict.versions[0].id, saying: ["both are kept"])
        }
        // What lies where the file lay is the other device's; this one's says whose it is.
        #expect(Files.names(in: house.library("two")).filter { $0.contains("DSCN0010") }.count == 2)

        #expect(try house.martlet("one", "photos", "conflicts", "keep").status == 64)
        #expect(
            try house.martlet("one", "photos", "conflicts", "keep", "this", "DSCN0012.jpg").status
                == 3)
        #expect(
            try house.martlet("one", "photos", "conflicts", "keep", "--device", "nobody").status
                == 3)
        try DecisionTests.run(house, "two", "photos", "conflicts", "keep", "this", "--all")
        #expect(try conflicts(house, "two").isEmpty)
        try sync(house, "two", "one", "two")
        for device in ["one", "two"] {
            let photos = try DecisionTests.photos(house, device)
            let left = photos.filter { $0.state != "recentlyDeleted" }
            #expect(left.map(\.name) == ["DSCN0010.jpg", "DSCN0012.jpg"])
            let path = try #require(left[0].path)
            let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            #expect(bytes.suffix(19) == Data("edited on the other".utf8))
            #expect(try house.status(device).reasons.map(\.code).contains("conflict") == false)
        }
        // The other version can be restored.
        let trash = try house.martlet("one", "photos", "trash")
        #expect(trash.output.contains("DSCN0010.jpg"))
        try DecisionTests.run(house, "one", "photos", "restore", "--all")
        try sync(house, "one", "two")
        #expect(Files.names(in: house.library("two")).filter { $0.contains("DSCN0010") }.count == 2)
        #expect(try conflicts(house, "two").isEmpty)
    }
}
