import Foundation
import Glibc
import TestSupport
import Testing

/// A device's database that is damaged, from a newer version, or has no room.
@Suite(.serialized) struct DeviceDatabaseTests {
    private func copyPhotos(_ names: [String], to folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for name in names {
            let last = name.split(separator: "/").last.map(String.init) ?? name
            try FileManager.default.copyItem(
                atPath: RealPhotos.path(name), toPath: folder + "/" + last)
        }
    }

    private let names = ["gps/DSCN0010.jpg", "gps/DSCN0012.jpg", "gps/DSCN0021.jpg"]

    /// Overwrites a part of a file in place.
    private func write(_ bytes: [UInt8], at offset: UInt64, of path: String) throws {
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.seek(toOffset: offset)
        try file.write(contentsOf: Data(bytes))
        try file.close()
    }

    @Test(.timeLimit(.minutes(2)))
    func `a damaged database is not written to, and a new sign-in sends and fetches nothing again`()
        async throws
    {
        let house = try Household()
        try house.signIn("camera")
        try copyPhotos(names, to: house.library("camera"))
        let source = house.folder.file("source")
        try copyPhotos(["gps/DSCN0025.jpg"], to: source)
        try house.martlet("camera", "photos", "source", "add", source)
        #expect(try house.martlet("camera", "sync", "--once").status == 0)

        // Everything behind the first pages, which hold what the database is.
        let database = house.home("camera") + "/device.sqlite"
        let size = try Data(contentsOf: URL(fileURLWithPath: database)).count
        let start = 4_096 * 8
        try write([UInt8](repeating: 0xa5, count: size - start), at: UInt64(start), of: database)
        let before = try Data(contentsOf: URL(fileURLWithPath: database))
        let result = try house.martlet("camera", "sync", "--once")
        #expect(result.status == 3, "\(result.output)\n\(result.errors)")
        #expect(result.output.contains("martlet login"), "\(result.output)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: database)) == before)
        let added = try house.martlet("camera", "photos", "source", "add", RealPhotos.path("web"))
        #expect(added.status == 3, "\(added.output)\n\(added.errors)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: database)) == before)

        let agent = try house.startAgent("camera")
        try house.expectReason("libraryDamaged", on: "camera", saying: "malformed") {
        } goneAfter: {
            try house.signIn("camera")
        }
        try house.expectUpToDate("camera", items: 4)
        #expect(agent.isRunning)
        #expect(Files.names(in: house.library("camera")).count == 4)
        let list = try house.martlet("camera", "photos", "list", "--json").output
        #expect(list.components(separatedBy: "\"digest\"").count == 5)
        let kept = try FileManager.default.contentsOfDirectory(atPath: house.home("camera"))
        #expect(kept.contains { $0.hasPrefix("device.sqlite-damaged-") })
        // Three pictures have a megabyte; the reports of a few seconds have not.
        #expect(try await house.receivedByteCount() < 2_500_000)
    }

    @Test(.timeLimit(.minutes(1)))
    func `a lost database is made anew from the library and the server`() throws {
        let house = try Household()
        try house.signIn("camera")
        try copyPhotos(names, to: house.library("camera"))
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        for name in ["device.sqlite", "device.sqlite-wal", "device.sqlite-shm"] {
            try? FileManager.default.removeItem(atPath: house.home("camera") + "/" + name)
        }
        let lost = try house.martlet("camera", "sync", "--once")
        #expect(lost.status == 3, "\(lost.output)\n\(lost.errors)")
        try house.signIn("camera")
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        #expect(Files.names(in: house.library("camera")).count == 3)
        #expect(try house.status("camera").counts["inSync"] == 3)
    }

    @Test(.timeLimit(.minutes(2)))
    func `a database that is deleted under a running agent is there again, with all it knew`()
        throws
    {
        let house = try Household()
        try house.signIn("camera")
        try copyPhotos(names, to: house.library("camera"))
        let source = house.folder.file("source")
        try copyPhotos(["gps/DSCN0025.jpg"], to: source)
        try house.martlet("camera", "photos", "source", "add", source)
        let agent = try house.startAgent("camera")
        try house.expectUpToDate("camera", items: 4)
        for name in ["device.sqlite", "device.sqlite-wal", "device.sqlite-shm"] {
            try? FileManager.default.removeItem(atPath: house.home("camera") + "/" + name)
        }
        // Also what comes later, into the source that only the database knew.
        try copyPhotos(["gps/DSCN0038.jpg"], to: source)
        let end = Date() + 60
        while try house.martlet("camera", "photos", "source", "list").output.contains(source)
            == false, Date() < end
        {
            usleep(100_000)
        }
        try house.expectUpToDate("camera", items: 5)
        #expect(agent.isRunning)
        #expect(try house.status("camera").reasons.isEmpty)
    }

    @Test(.timeLimit(.minutes(1)))
    func `a newer version's database is left as it is, in one sentence`() throws {
        let house = try Household()
        try house.signIn("camera")
        let database = house.home("camera") + "/device.sqlite"
        try write([0, 0, 3, 231], at: 60, of: database)
        let before = try Data(contentsOf: URL(fileURLWithPath: database))
        for arguments in [["sync", "--once"], ["sync"], ["status"], ["photos", "list"]] {
            let result = try Program.run(arguments, home: house.home("camera"))
            #expect(result.status == 3, "\(arguments): \(result.status) \(result.output)")
            #expect(result.errors.contains("newer Martlet"), "\(arguments): \(result.errors)")
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: database)) == before)
    }

    @Test(.timeLimit(.minutes(2)), .enabled(if: getuid() == 0, "mounting a small disk takes root"))
    func `a full disk under the device's own folder makes it wait, not end`() throws {
        let house = try Household()
        let home = house.home("camera")
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
        try #require(try shell("mount -t tmpfs -o size=24m martlet-test '\(home)'") == 0)
        defer { _ = try? shell("umount -l '\(home)'") }
        try house.signIn("camera")
        let agent = try house.startAgent("camera")
        try house.expectUpToDate("camera")
        try house.expectReason("deviceFull", on: "camera", saying: "free") {
            _ = try shell("cat /dev/zero >'\(home)/filler' 2>/dev/null")
            try copyPhotos(names, to: house.library("camera"))
        } goneAfter: {
            try FileManager.default.removeItem(atPath: home + "/filler")
        }
        try house.expectUpToDate("camera", items: 3)
        #expect(agent.isRunning)
    }
}
