import Foundation
import Glibc
import TestSupport
import Testing

/// Many deletions at once, and changes as no person makes them: nothing of it crosses before a yes.
@Suite(.serialized) struct HeldChangesTests {
    private struct Held: Decodable {
        struct Item: Decodable { let path: String }
        let list: String
        let items: [Item]
    }

    private struct Suspicious: Decodable { let path: String }

    /// Sixteen pictures on a device whose agent runs.
    private func household() throws -> Household {
        let house = try Household()
        try house.signIn("one")
        for number in 0..<16 { try picture(number).write(to: url(house, number)) }
        _ = try house.startAgent("one")
        try house.expectUpToDate("one", items: 16)
        return house
    }

    /// A picture by its looks.
    private func picture(_ number: Int) -> Data {
        Data([0xff, 0xd8, 0xff, 0xe0]) + Data((0..<4_000).map { UInt8($0 % 251) })
            + Data([UInt8(number)])
    }

    private func url(_ house: Household, _ number: Int) -> URL {
        URL(fileURLWithPath: house.library("one") + "/\(number).jpg")
    }

    private func read<Shown: Decodable>(_ house: Household, _ arguments: String...) throws -> Shown
    {
        let result = try house.martlet("one", arguments + ["--json"])
        #expect(result.status == 0, "\(result.errors)")
        return try JSONDecoder().decode(Shown.self, from: Data(result.output.utf8))
    }

    private func trash(_ device: String, of house: Household) throws -> Int {
        try FileManager.default.contentsOfDirectory(
            atPath: house.library(device) + "/.martlet/trash"
        ).count
    }

    /// Deletes ten, sees them held, and answers what was shown.
    private func answerHeld(_ house: Household, _ answer: String) throws {
        try house.expectReason(
            "heldForConfirmation", on: "one", saying: "10 items would be deleted", within: 20
        ) {
            for number in 0..<10 { try FileManager.default.removeItem(at: url(house, number)) }
        } goneAfter: {
            #expect(try house.status("one").state == "attention")
            #expect(try house.status("one").counts["held"] == 10)
            let held: Held = try read(house, "photos", "held", "list")
            #expect(held.items.map(\.path).sorted() == (0..<10).map { "\($0).jpg" })
            let other = String(repeating: "0", count: 64)
            let refused = try house.martlet("one", "photos", "held", answer, "--list", other)
            #expect(refused.status == 3 && refused.errors.contains("another by now"))
            let said = try house.martlet("one", "photos", "held", answer, "--list", held.list)
            #expect(said.status == 0, "\(said.errors)")
        }
    }

    @Test(.timeLimit(.minutes(3)))
    func `a no brings every file back`() throws {
        let house = try household()
        try answerHeld(house, "put-back")
        try house.expectUpToDate("one", items: 16)
        #expect(Files.names(in: house.library("one")).count == 16)
        #expect(try DecisionTests.photos(house, "one").allSatisfy { $0.trashedAt == nil })
    }

    @Test(.timeLimit(.minutes(3)))
    func `a yes moves them to every local trash, and a restore brings them back`() throws {
        let house = try household()
        try house.signIn("two")
        #expect(try house.martlet("two", "sync", "--once").status == 0)
        #expect(Files.names(in: house.library("two")).count == 16)
        try answerHeld(house, "apply")
        try house.expectUpToDate("one", items: 6)
        #expect(try house.martlet("two", "sync", "--once").status == 0)
        #expect(Files.names(in: house.library("two")).count == 6)
        #expect(try trash("two", of: house) == 10)
        let deleted = try #require(
            try DecisionTests.photos(house, "one").first { $0.name == "3.jpg" })
        try house.expectShown("recentlyDeleted", on: "one", item: deleted.id)
        try DecisionTests.run(house, "one", "photos", "restore", "--all")
        try house.expectUpToDate("one", items: 16)
        try house.expectGone("recentlyDeleted", on: "one", item: deleted.id)
        let received = try house.martlet("two", "sync", "--once")
        #expect(received.status == 0, "\(received.errors)")
        let expected = Set(try Files.digests(in: house.library("one")).keys)
        #expect(expected.count == 16)
        #expect(Set(try Files.digests(in: house.library("two")).keys) == expected)
        #expect(try trash("two", of: house) == 0)
    }

    @Test(.timeLimit(.minutes(2)))
    func `what shrank or changed behind its time is shown, and the good copy stays`() throws {
        let house = try household()
        try house.expectReason(
            "suspiciousChange", on: "one", saying: "3.jpg shrank to nothing"
        ) {
            try Data().write(to: url(house, 3))
        } goneAfter: {
            let shown: [Suspicious] = try read(house, "photos", "suspicious", "list")
            #expect(shown.map(\.path) == ["3.jpg"])
            try DecisionTests.run(
                house, "one", "photos", "suspicious", "keep-good", url(house, 3).path)
        }
        try house.expectUpToDate("one", items: 16)
        #expect(try trash("one", of: house) == 1)
        #expect(try Files.digests(in: house.library("one")).count == 16)
        let shown: [Refused] = try read(house, "photos", "trash")
        #expect(shown.map(\.path) == ["3.jpg"])

        try house.expectReason(
            "suspiciousChange", on: "one", saying: "4.jpg changed while its time did not"
        ) {
            let made = house.folder.file("made.jpg")
            try picture(200).write(to: URL(fileURLWithPath: made))
            #expect(try shell("touch -r '\(url(house, 4).path)' '\(made)'") == 0)
            #expect(rename(made, url(house, 4).path) == 0)
        } goneAfter: {
            try DecisionTests.run(house, "one", "photos", "suspicious", "accept", "4.jpg")
        }
        try house.expectUpToDate("one", items: 16)
        #expect(try Data(contentsOf: url(house, 4)) == picture(200))
    }

    private struct Refused: Decodable {
        let id: String
        let name: String
        let path: String?
        let file: String?
    }

    @Test(.timeLimit(.minutes(3)))
    func `a change that was not wanted can be put back, and goes with its picture`() throws {
        let house = try household()
        for number in [3, 5] {
            let made = house.folder.file("made.jpg")
            try picture(200 + number).write(to: URL(fileURLWithPath: made))
            #expect(try shell("touch -r '\(url(house, number).path)' '\(made)'") == 0)
            #expect(rename(made, url(house, number).path) == 0)
        }
        let isShown = try soon {
            let shown: [Suspicious] = try read(house, "photos", "suspicious", "list")
            return shown.count == 2
        }
        #expect(isShown)
        for number in [3, 5] {
            try DecisionTests.run(
                house, "one", "photos", "suspicious", "keep-good", "\(number).jpg")
        }
        try house.expectUpToDate("one", items: 16)
        let refused: [Refused] = try read(house, "photos", "trash")
        #expect(refused.map(\.path).sorted { ($0 ?? "") < ($1 ?? "") } == ["3.jpg", "5.jpg"])
        #expect(try trash("one", of: house) == 2)

        // Back by its name: a picture beside the good one.
        try DecisionTests.run(house, "one", "photos", "restore", "3.jpg")
        try house.expectUpToDate("one", items: 17)
        let digests = try Files.digests(in: house.library("one"))
        #expect(digests.count == 17)
        let again: [Refused] = try read(house, "photos", "trash")
        #expect(again.map(\.path) == ["5.jpg"])
        #expect(try trash("one", of: house) == 1)

        // The other one goes with its picture.
        let id = try #require(again.first?.id)
        try DecisionTests.run(house, "one", "photos", "trash", id)
        try house.expectUpToDate("one", items: 16)
        try DecisionTests.run(house, "one", "photos", "delete-now", id, "--yes")
        let isGone = try soon { try trash("one", of: house) == 0 }
        #expect(isGone)
        let none: [Refused] = try read(house, "photos", "trash")
        #expect(none.isEmpty)
    }
}
