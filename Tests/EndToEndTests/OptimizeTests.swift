import Foundation
import TestSupport
import Testing

/// Optimize Storage with real processes: originals leave, come back, and never fill a disk.
@Suite(.serialized) struct OptimizeTests {
    private func household() throws -> (house: Household, picture: String, bytes: Data) {
        let house = try Household()
        try house.signIn("one")
        let source = RealPhotos.path("gps/DSCN0010.jpg")
        let picture = house.library("one") + "/IMG.jpg"
        try FileManager.default.copyItem(atPath: source, toPath: picture)
        let first = try house.martlet("one", "sync", "--once")
        #expect(first.status == 0, "\(first.errors)")
        return (house, picture, try Data(contentsOf: URL(fileURLWithPath: source)))
    }

    private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    @Test(.timeLimit(.minutes(3)))
    func `an evicted original leaves, is nowhere deleted, and comes back when it is opened`() throws
    {
        let (house, picture, bytes) = try household()
        let evicted = try house.martlet("one", "photos", "evict", picture)
        #expect(evicted.status == 0, "\(evicted.errors)")
        #expect(try house.martlet("one", "sync", "--once").status == 0)
        #expect(!exists(picture))
        let left = try FileManager.default.contentsOfDirectory(
            atPath: house.library("one") + "/.martlet/leaving")
        #expect(left.isEmpty)
        let status = try house.status("one")
        #expect(status.counts["onlyInCloud"] == 1)
        #expect(status.state == "upToDate")
        // Another device still gets it: leaving is no deletion.
        try house.signIn("two")
        #expect(try house.martlet("two", "sync", "--once").status == 0)
        #expect(try house.status("two").counts["inSync"] == 1)

        struct Listed: Decodable { let id: String }
        let list = try house.martlet("one", "photos", "list", "--json")
        let id = try #require(
            JSONDecoder().decode([Listed].self, from: Data(list.output.utf8)).first?.id)
        let opened = try house.martlet("one", "photos", "open", id)
        #expect(opened.status == 0, "\(opened.errors)")
        let path = opened.output.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
        // It stays: this device keeps every original, and nothing else was asked for.
        #expect(try house.martlet("one", "sync", "--once").status == 0)
        #expect(exists(path))
        #expect(try house.martlet("one", "photos", "evict", "no such item").status == 3)
    }

    @Test(.timeLimit(.minutes(3)))
    func `a running agent lets an original go at once, but not one that is being written`() throws {
        let (house, picture, _) = try household()
        _ = try house.startAgent("one")
        try house.expectUpToDate("one", items: 1)
        let writer = try #require(FileHandle(forUpdatingAtPath: picture))
        #expect(try house.martlet("one", "photos", "evict", picture).status == 0)
        usleep(2_000_000)
        #expect(exists(picture))
        try writer.close()
        #expect(try house.martlet("one", "photos", "evict", picture).status == 0)
        for _ in 0..<300 where exists(picture) { usleep(50_000) }
        #expect(!exists(picture))
    }

    @Test(.timeLimit(.minutes(3)))
    func `a full disk waits with the figures, and optimize off says beforehand`() throws {
        let (house, _, _) = try household()
        try house.signIn("two", optimize: true)
        try house.setConditions(#"{"disk":{"freeBytes":1000}}"#, on: "two")
        #expect(try house.martlet("two", "sync", "--once").status == 0)
        let refused = try house.martlet("two", "photos", "optimize", "off")
        #expect(refused.status == 3)
        #expect(refused.errors.contains("need"))
        try house.setConditions("{}", on: "two")
        #expect(try house.martlet("two", "photos", "optimize", "off").status == 0)
        try house.setConditions(#"{"disk":{"freeBytes":1000}}"#, on: "two")
        _ = try house.startAgent("two")
        try house.expectReason("deviceFull", on: "two", saying: "1 kB") {
        } goneAfter: {
            try house.setConditions("{}", on: "two")
        }
        try house.expectUpToDate("two", items: 1)
    }
}
