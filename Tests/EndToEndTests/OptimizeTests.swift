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

    private struct Listed: Decodable {
        let id: String
        let name: String
        let path: String?
        let preview: String?
        let width: Int?
        let state: String
    }

    private func list(_ house: Household, _ device: String) throws -> [Listed] {
        let list = try house.martlet(device, "photos", "list", "--json")
        return try JSONDecoder().decode([Listed].self, from: Data(list.output.utf8))
    }

    @Test(.timeLimit(.minutes(3)))
    func `with Optimize Storage previews come, can be decoded, and go with their pictures`() throws
    {
        let (house, _, _) = try household()
        let heic = house.library("one") + "/IMG_5195.HEIC"
        try FileManager.default.copyItem(
            atPath: RealPhotos.path("heic/IMG_5195.HEIC"), toPath: heic)
        #expect(try house.martlet("one", "sync", "--once").status == 0)
        let waited = try house.martlet("one", "photos", "wait", "--rendered", "--previews")
        #expect(waited.status == 0, "\(waited.errors)")
        try house.signIn("two", optimize: true)
        #expect(try house.martlet("two", "sync", "--once").status == 0)
        let listed = try list(house, "two")
        #expect(listed.count == 2)
        for photo in listed {
            #expect(photo.path == nil && photo.state == "onlyInCloud")
            let preview = try #require(photo.preview)
            #expect(preview.hasPrefix(house.library("two") + "/.martlet/previews/"))
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: preview)))
            #expect(bytes.prefix(4) == ArraySlice("RIFF".utf8))
            #expect(bytes[8..<12] == ArraySlice("WEBP".utf8))
            let why = try house.martlet("two", "why", photo.id)
            #expect(why.output.contains("The original is on the server, a preview here."))
            #expect(why.output.contains("\(preview) (preview)"))
        }
        // The server decodes one, given to it as anybody's picture.
        let source = try #require(listed.first { $0.name == "IMG_5195.HEIC" }?.preview)
        try FileManager.default.copyItem(
            atPath: source, toPath: house.library("one") + "/back.webp")
        #expect(try house.martlet("one", "sync", "--once").status == 0)
        #expect(
            try house.martlet("one", "photos", "wait", "--rendered", "--previews").status == 0)
        #expect(try house.martlet("one", "sync", "--once").status == 0)
        let back = try #require(try list(house, "one").first { $0.name == "back.webp" })
        #expect(back.width ?? 0 > 0)
        let damaged = try house.martlet("one", "why", back.id, "--json")
        #expect(!damaged.output.contains("damagedFile"))

        // Opened, it is here; deleted for good elsewhere, its preview goes.
        let first = try #require(listed.first)
        let opened = try house.martlet("two", "photos", "open", first.id)
        #expect(opened.status == 0, "\(opened.errors)")
        #expect(try list(house, "two").first { $0.id == first.id }?.path != nil)
        let other = listed[1]
        #expect(try house.martlet("one", "photos", "trash", other.id).status == 0)
        let purged = try house.martlet("one", "photos", "delete-now", other.id, "--yes")
        #expect(purged.status == 0, "\(purged.errors)")
        #expect(try house.martlet("one", "sync", "--once").status == 0)
        #expect(try house.martlet("two", "sync", "--once").status == 0)
        #expect(!exists(try #require(other.preview)))
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

        let id = try #require(try list(house, "one").first?.id)
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
    func `previews give way to a full disk and come back; one deleted by hand does too`() throws {
        let (house, _, _) = try household()
        #expect(
            try house.martlet("one", "photos", "wait", "--rendered", "--previews").status == 0)
        try house.signIn("two", optimize: true)
        #expect(try house.martlet("two", "sync", "--once").status == 0)
        let path = try #require(try list(house, "two").first?.preview)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        try FileManager.default.removeItem(atPath: path)
        #expect(try house.martlet("two", "sync", "--once").status == 0)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)

        _ = try house.startAgent("two")
        try house.expectUpToDate("two")
        try house.setConditions(#"{"disk":{"freeBytes":1000}}"#, on: "two")
        let isGone = soon(within: 20) { !exists(path) }
        #expect(isGone)
        #expect(try list(house, "two").first?.preview == nil)
        try house.setConditions("{}", on: "two")
        let isBack = soon(within: 20) { exists(path) }
        #expect(isBack)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
    }

    @Test(.timeLimit(.minutes(3)))
    func `an original does not leave for proof that another key signed`() throws {
        let (house, picture, _) = try household()
        // Somebody answers at the server's address with all of its data, but not with its key.
        let key = house.folder.file("data/receipt.key")
        let own = try Data(contentsOf: URL(fileURLWithPath: key))
        house.killServer()
        try Data((String(repeating: "5a", count: 32) + "\n").utf8)
            .write(to: URL(fileURLWithPath: key))
        try house.startServer()
        let agent = try house.startAgent("one")
        try house.expectUpToDate("one", items: 1)
        #expect(try house.martlet("one", "photos", "evict", picture).status == 0)
        try house.expectShown(
            "receiptPending", on: "one", item: picture,
            saying: ["not signed with the key that it had at sign-in"])
        #expect(exists(picture))
        house.killAgent(agent)
        // Nor by signing out.
        let left = try house.martlet("one", "logout", "--remove")
        #expect(left.status == 3, "\(left.output)\(left.errors)")
        #expect(exists(picture))

        house.killServer()
        try own.write(to: URL(fileURLWithPath: key))
        try house.startServer()
        try house.signIn("one")
        #expect(try house.martlet("one", "sync", "--once").status == 0)
        #expect(try house.martlet("one", "photos", "evict", picture).status == 0)
        #expect(try house.martlet("one", "sync", "--once").status == 0)
        #expect(!exists(picture))
    }

    @Test(.timeLimit(.minutes(3)))
    func `a full disk waits with the figures, and optimize off says beforehand`() throws {
        let (house, _, _) = try household()
        try house.signIn("two", optimize: true)
        try house.setConditions(#"{"disk":{"freeBytes":1000}}"#, on: "two")
        let rendered = try house.martlet("one", "photos", "wait", "--rendered", "--previews")
        #expect(rendered.status == 0)
        let full = try house.martlet("two", "sync", "--once")
        #expect(full.status == 3, "\(full.output)\(full.errors)")
        #expect(full.output.contains("disk is full"), "\(full.output)")
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
