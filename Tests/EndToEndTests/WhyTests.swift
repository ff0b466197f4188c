import Foundation
import Glibc
import TestSupport
import Testing

/// `martlet why`: one item's story, from the agent and without one.
@Suite(.serialized) struct WhyTests {
    private struct Shown: Decodable {
        struct Reason: Decodable {
            let code: String
            let message: String
        }
        struct Copy: Decodable {
            let `where`: String
            let role: String
        }
        struct Event: Decodable {
            let event: String
        }
        let item: String?
        let name: String
        let path: String?
        let state: String
        let reason: Reason?
        let copies: [Copy]
        let history: [Event]
    }

    private func why(_ house: Household, _ item: String) throws -> Shown {
        let result = try house.martlet("one", "why", item, "--json")
        #expect(result.status == 0, "\(result.errors)")
        return try JSONDecoder().decode(Shown.self, from: Data(result.output.utf8))
    }

    @Test(.timeLimit(.minutes(2)))
    func `every file's story is told, by path and by id, with and without an agent`() throws {
        let house = try Household()
        try house.signIn("one")
        let library = house.library("one")
        let picture = library + "/new.jpg"
        try FileManager.default.copyItem(
            atPath: RealPhotos.path("gps/DSCN0010.jpg"), toPath: picture)
        for (name, text) in [("empty.jpg", ""), ("notes.txt", "words"), (".hidden.jpg", "x")] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: library + "/" + name))
        }
        #expect(try house.martlet("one", "sync", "--once").status == 0)
        for isRunning in [false, true] {
            if isRunning {
                _ = try house.startAgent("one")
                try house.expectUpToDate("one", items: 1)
            }
            let story = try why(house, picture)
            #expect(story.state == "inSync")
            // Its thumbnail may be on its way: nothing waits because of that.
            #expect(story.reason.map { $0.code == "analysing" } ?? true)
            #expect(story.copies.map(\.where) == [picture, house.url])
            #expect(story.history.map(\.event).contains("added"))
            let item = try #require(story.item)
            #expect(try why(house, item).path == picture)
            #expect(try why(house, "new.jpg").item == item)
            for (name, code) in [
                ("empty.jpg", "emptyFile"), ("notes.txt", "notAPhoto"),
                (".hidden.jpg", "notIncluded"),
            ] {
                let story = try why(house, library + "/" + name)
                #expect(story.state == "notIncluded" && story.reason?.code == code)
            }
            #expect(try house.martlet("one", "why", library + "/none.jpg").status == 3)
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `an item that waits says what for, and no longer once it is sent`() throws {
        let house = try Household()
        try house.signIn("one")
        _ = try house.startAgent("one")
        try house.expectUpToDate("one")
        let picture = house.library("one") + "/new.jpg"
        try house.expectReason(
            "serverUnreachable", on: "one", item: picture, saying: house.url,
            when: {
                house.killServer()
                try FileManager.default.copyItem(
                    atPath: RealPhotos.path("gps/DSCN0010.jpg"), toPath: picture)
            },
            goneAfter: {
                try house.startServer()
                #expect(try house.martlet("one", "sync", "--once", "--now").status == 0)
            })
        try house.expectUpToDate("one", items: 1)
        #expect(try why(house, picture).state == "inSync")
    }

    @Test(.timeLimit(.minutes(3)))
    func `a file whose reading crashes the agent twice is set aside, until it changes`() throws {
        let house = try Household()
        try house.signIn("one")
        let picture = house.library("one") + "/huge.jpg"
        // Holes only: it takes long to read and no room.
        #expect(FileManager.default.createFile(atPath: picture, contents: nil))
        #expect(truncate(picture, 40 << 30) == 0)
        #expect(utimes(picture, [timeval(), timeval()]) == 0)
        for _ in 0..<2 {
            let agent = try house.startAgent("one")
            #expect(try soon { try house.reason(ofItem: picture, on: "one")?.code == "hashing" })
            kill(agent.processIdentifier, SIGSEGV)
            agent.waitUntilExit()
        }
        let agent = try house.startAgent("one")
        try house.expectShown("quarantined", on: "one", saying: [picture, "2 times", "signal 11"])
        #expect(try why(house, picture).reason?.code == "quarantined")
        #expect(try why(house, picture).history.map(\.event).contains("setAside"))
        let small = house.library("one") + "/small.jpg"
        try FileManager.default.copyItem(
            atPath: RealPhotos.path("gps/DSCN0010.jpg"), toPath: small)
        #expect(try soon { try why(house, small).state == "inSync" })
        try Data(contentsOf: URL(fileURLWithPath: RealPhotos.path("gps/DSCN0012.jpg")))
            .write(to: URL(fileURLWithPath: picture))
        try house.expectGone("quarantined", on: "one")
        try house.expectUpToDate("one", items: 2)
        #expect(agent.isRunning)
    }

    @Test(.timeLimit(.minutes(2)))
    func `what waits without an agent says so, and a device without a sign-in too`() throws {
        let house = try Household()
        #expect(try house.martlet("one", "status").status == 77)
        try house.expectReason(
            "signedOut", on: "one", saying: "martlet login", when: {},
            goneAfter: { try house.signIn("one") })
        #expect(try house.martlet("one", "sync", "--once").status == 0)
        house.killServer()
        let picture = house.library("one") + "/new.jpg"
        try FileManager.default.copyItem(
            atPath: RealPhotos.path("gps/DSCN0010.jpg"), toPath: picture)
        #expect(try house.martlet("one", "sync", "--once").status == 75)
        try house.expectReason(
            "agentNotRunning", on: "one", saying: "1 item", "martlet service install", when: {},
            goneAfter: { _ = try house.startAgent("one") })
        try house.startServer()
        try house.expectUpToDate("one", items: 1)
    }
}
