import Foundation
import TestSupport
import Testing

/// What a person decides on one device is so on the other.
@Suite(.serialized) struct DecisionTests {
    struct Photo: Decodable {
        let id: String
        let name: String
        let path: String?
        let kind: String
        let favorite: Bool
        let hidden: Bool
        let trashedAt: Int64?
        let albums: [String]
        let state: String
    }

    static func photos(_ house: Household, _ device: String) throws -> [Photo] {
        let result = try house.martlet(device, "photos", "list", "--json")
        #expect(result.status == 0, "\(result.errors)")
        return try JSONDecoder().decode([Photo].self, from: Data(result.output.utf8))
            .sorted { $0.name < $1.name }
    }

    static func run(_ house: Household, _ device: String, _ arguments: String...) throws {
        let result = try house.martlet(device, arguments)
        #expect(result.status == 0, "\(arguments): \(result.output) \(result.errors)")
    }

    /// Two devices that have the same two pictures.
    static func household() throws -> Household {
        let house = try Household()
        try house.signIn("one")
        for name in ["gps/DSCN0010.jpg", "gps/DSCN0012.jpg"] {
            try FileManager.default.copyItem(
                atPath: RealPhotos.path(name),
                toPath: house.library("one") + "/" + (name as NSString).lastPathComponent)
        }
        try run(house, "one", "sync", "--once")
        try house.signIn("two")
        try run(house, "two", "sync", "--once")
        return house
    }

    @Test(.timeLimit(.minutes(2)))
    func `albums are the same on both devices`() throws {
        let house = try Self.household()
        #expect(try house.martlet("one", "photos", "album", "add", "Italy", "x").status == 3)
        try Self.run(house, "one", "photos", "album", "create", "Italy")
        #expect(try house.martlet("one", "photos", "album", "create", "italy").status == 3)
        try Self.run(
            house, "one", "photos", "album", "add", "Italy", "DSCN0010.jpg", "DSCN0012.jpg")
        #expect(try Self.photos(house, "one").map(\.albums) == [["Italy"], ["Italy"]])
        try Self.run(house, "one", "sync", "--once")
        try Self.run(house, "two", "sync", "--once")
        #expect(try Self.photos(house, "two").map(\.albums) == [["Italy"], ["Italy"]])
        try Self.run(house, "two", "photos", "album", "remove", "Italy", "DSCN0010.jpg")
        try Self.run(house, "two", "photos", "album", "rename", "Italy", "Pisa")
        #expect(try Self.photos(house, "two").map(\.albums) == [[], ["Pisa"]])
        try Self.run(house, "two", "sync", "--once")
        try Self.run(house, "one", "sync", "--once")
        #expect(try Self.photos(house, "one").map(\.albums) == [[], ["Pisa"]])
        try Self.run(house, "one", "photos", "album", "delete", "Pisa")
        try Self.run(house, "one", "sync", "--once")
        try Self.run(house, "two", "sync", "--once")
        #expect(try Self.photos(house, "two").map(\.albums) == [[], []])
        let list = try house.martlet("two", "photos", "album", "list", "--json")
        #expect(list.output == "[]\n")
    }

    @Test(.timeLimit(.minutes(2)))
    func `favorites, captions, the trash and Delete Now cross over`() throws {
        let house = try Self.household()
        let file = house.library("one") + "/DSCN0010.jpg"
        try Self.run(house, "one", "photos", "favorite", file)
        #expect(try Self.photos(house, "one").map(\.favorite) == [true, false])
        try Self.run(house, "one", "photos", "hide", "DSCN0012.jpg")
        try Self.run(house, "one", "photos", "edit", "DSCN0010.jpg", "--caption", "Pisa")
        try Self.run(house, "one", "sync", "--once")
        try Self.run(house, "two", "sync", "--once")
        #expect(try Self.photos(house, "two").map(\.favorite) == [true, false])
        #expect(try Self.photos(house, "two").map(\.hidden) == [false, true])

        try Self.run(house, "two", "photos", "trash", "DSCN0010.jpg")
        #expect(try Self.photos(house, "two").map(\.state) == ["recentlyDeleted", "inSync"])
        try Self.run(house, "two", "sync", "--once")
        try Self.run(house, "one", "sync", "--once")
        #expect(try Self.photos(house, "one")[0].trashedAt != nil)
        let trash = try house.martlet("one", "photos", "trash")
        #expect(trash.output.contains("DSCN0010.jpg") && !trash.output.contains("DSCN0012.jpg"))
        #expect(try house.martlet("one", "photos", "favorite", "DSCN0010.jpg").status == 3)

        try Self.run(house, "one", "photos", "restore", "DSCN0010.jpg")
        try Self.run(house, "one", "sync", "--once")
        try Self.run(house, "two", "sync", "--once")
        #expect(try Self.photos(house, "two").map(\.state) == ["inSync", "inSync"])

        #expect(
            try house.martlet("two", "photos", "delete-now", "DSCN0012.jpg", "--yes").status == 3)
        try Self.run(house, "two", "photos", "trash", "DSCN0012.jpg")
        #expect(try house.martlet("two", "photos", "delete-now", "DSCN0012.jpg").status == 64)
        try Self.run(house, "two", "photos", "delete-now", "--all", "--yes")
        #expect(try Self.photos(house, "two").map(\.name) == ["DSCN0010.jpg"])
        try Self.run(house, "two", "sync", "--once")
        try Self.run(house, "one", "sync", "--once")
        #expect(try Self.photos(house, "one").map(\.name) == ["DSCN0010.jpg"])
    }
}
