import Foundation
import Glibc
import Records
import TestSupport
import Testing

/// Devices that run for long: what is new crosses by itself, and what was broken off goes on.
@Suite(.serialized) struct RunningDevicesTests {
    private func writeFilm(_ path: String, mebibytes: Int) throws {
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        let file = try #require(FileHandle(forWritingAtPath: path))
        defer { try? file.close() }
        let head: [UInt8] = [0, 0, 0, 20] + Array("ftypqt  ".utf8) + [0, 0, 0, 0]
        try file.write(contentsOf: Data(head + Array("qt  ".utf8)))
        for number in 0..<mebibytes {
            try file.write(
                contentsOf: Data(repeating: UInt8(truncatingIfNeeded: number), count: 1 << 20))
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a new photo reaches the other device while both run, and after a restart of the server`()
        throws
    {
        let house = try Household()
        for device in ["one", "two"] {
            try house.signIn(device)
            _ = try house.startAgent(device)
        }
        let names = ["gps/DSCN0010.jpg", "gps/DSCN0012.jpg"]
        for (index, name) in names.enumerated() {
            if index == 1 {
                house.killServer()
                try house.startServer()
            }
            try FileManager.default.copyItem(
                atPath: RealPhotos.path(name), toPath: house.library("one") + "/new\(index).jpg")
            let digest = Digest(
                of: try Data(contentsOf: URL(fileURLWithPath: RealPhotos.path(name))))
            #expect(
                try soon { try Files.digests(in: house.library("two"))[digest] != nil },
                "\(name) did not arrive")
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a changed password stops an agent, and signing in again lets it go on`() throws {
        let house = try Household()
        try house.signIn("one")
        _ = try house.startAgent("one")
        #expect(try soon { try house.martlet("one", "status").output.contains("Up to date") })
        try house.changePassword("another password")
        try FileManager.default.copyItem(
            atPath: RealPhotos.path("gps/DSCN0010.jpg"), toPath: house.library("one") + "/new.jpg")
        #expect(try soon { try house.martlet("one", "status").output.contains("martlet login") })
        try house.signIn("one")
        #expect(try soon { try house.martlet("one", "status").output.contains("Up to date: 1 of") })
    }

    @Test(.timeLimit(.minutes(3)))
    func `a large upload goes on where it was after kill -9`() async throws {
        let house = try Household()
        let photos = house.folder.file("films")
        try FileManager.default.createDirectory(atPath: photos, withIntermediateDirectories: true)
        try writeFilm(photos + "/film.mov", mebibytes: 160)
        try house.signIn("camera", optimize: true)
        try house.martlet("camera", "photos", "source", "add", photos)
        let agent = try house.startAgent("camera")
        var before = 0
        for _ in 0..<3000 where before < 70 << 20 {
            usleep(20_000)
            before = try await house.receivedByteCount()
        }
        kill(agent.processIdentifier, SIGKILL)
        agent.waitUntilExit()
        usleep(300_000)
        before = try await house.receivedByteCount()
        let result = try house.martlet("camera", "sync", "--once")
        #expect(result.status == 0, "\(result.output)\n\(result.errors)")
        let sent = try await house.receivedByteCount() - before
        // A part that was under way may be sent again, everything before it may not; however far it
        // had come when it was killed.
        let most = 160 << 20 + Limits.uploadPartByteCountMax + 1 << 20
        #expect(before + sent < most, "\(before) bytes, then \(sent)")

        try house.signIn("laptop")
        #expect(try house.martlet("laptop", "sync", "--once").status == 0)
        let expected = try Files.digests(in: photos)
        #expect(Set(try Files.digests(in: house.library("laptop")).keys) == Set(expected.keys))
    }

    @Test(.timeLimit(.minutes(2)))
    func `an export has every original, and overwrites nothing`() throws {
        let house = try Household()
        try house.signIn("camera", optimize: true)
        try house.martlet("camera", "photos", "source", "add", RealPhotos.path("gps"))
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        try house.signIn("laptop", optimize: true)
        #expect(try house.martlet("laptop", "sync", "--once").status == 0)
        let folder = house.folder.file("export")
        #expect(try house.martlet("laptop", "photos", "export", folder).status == 0)
        let expected = Set(try Files.digests(in: RealPhotos.path("gps")).keys)
        #expect(Set(try Files.digests(in: folder).keys) == expected)

        let first = try #require(Files.names(in: folder).first)
        let mine = Data("my own file".utf8)
        try mine.write(to: URL(fileURLWithPath: folder + "/" + first))
        let before = try Files.inventory(of: folder)
        #expect(try house.martlet("laptop", "photos", "export", folder).status == 0)
        let after = try Files.inventory(of: folder)
        #expect(Set(before).isSubset(of: Set(after)))
        #expect(Set(try Files.digests(in: folder).keys) == expected.union([Digest(of: mine)]))
    }
}
