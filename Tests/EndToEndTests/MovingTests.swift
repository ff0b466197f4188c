import Foundation
import Glibc
import TestSupport
import Testing

/// `martlet library move` with real processes: nothing is sent, fetched or deleted because of it.
@Suite(.serialized) struct MovingTests {
    private struct Moved: Decodable {
        let from: String
        let to: String
        let how: String
        let files: Int
        let kept: [String]
    }

    /// A folder on another file system than the household's, where the machine has one.
    private final class OtherDisk {
        let path: String

        init?(unlike folder: String) {
            let base = "/dev/shm"
            guard let here = Self.disk(folder), let there = Self.disk(base), here != there,
                access(base, W_OK) == 0
            else { return nil }
            path = "\(base)/martlet-test-\(UUID().uuidString)"
            guard mkdir(path, 0o755) == 0 else { return nil }
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        private static func disk(_ path: String) -> UInt? {
            var information = stat()
            return stat(path, &information) == 0 ? UInt(information.st_dev) : nil
        }
    }

    private func household() throws -> Household {
        let house = try Household()
        try house.signIn("camera")
        for name in ["DSCN0010.jpg", "DSCN0012.jpg", "DSCN0021.jpg"] {
            try FileManager.default.copyItem(
                atPath: RealPhotos.path("gps/\(name)"),
                toPath: house.library("camera") + "/\(name)")
        }
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        return house
    }

    private func moved(_ result: Program.Result) throws -> Moved {
        try JSONDecoder().decode(Moved.self, from: Data(result.output.utf8))
    }

    private func trash(_ house: Household) throws -> String {
        try house.martlet("camera", "photos", "trash", "--json").output
    }

    @Test(.timeLimit(.minutes(3)))
    func `a running device goes on at the new place, and nothing is sent again`() async throws {
        let house = try household()
        _ = try house.startAgent("camera")
        try house.expectUpToDate("camera", items: 3)
        let received = try await house.receivedByteCount()
        let target = house.folder.file("disk/photos")
        let result = try house.martlet("camera", "library", "move", target, "--json")
        #expect(result.status == 0, "\(result.errors)")
        let report = try moved(result)
        #expect(report.how == "renamed" && report.files >= 3 && report.kept.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: house.library("camera")))
        try house.expectUpToDate("camera", items: 3)
        #expect(try house.status("camera").reasons.isEmpty)
        let list = try house.martlet("camera", "photos", "list", "--json")
        #expect(list.output.components(separatedBy: report.to).count == 4)
        // Only reports were sent.
        #expect(try await house.receivedByteCount() - received < 50_000)

        // It watches the new place: what comes is sent, what goes is a deletion.
        try FileManager.default.copyItem(
            atPath: RealPhotos.path("gps/DSCN0025.jpg"), toPath: target + "/new.jpg")
        try house.expectUpToDate("camera", items: 4)
        try FileManager.default.removeItem(atPath: target + "/new.jpg")
        let isDeleted = try soon(within: 60) { try trash(house) != "[]\n" }
        #expect(isDeleted)
        try house.expectUpToDate("camera", items: 3)

        let again = try house.martlet("camera", "library", "move", target)
        #expect(again.status == 64)
        #expect(again.errors.contains("already"))
        let inside = try house.martlet("camera", "library", "move", target + "/inside")
        #expect(inside.status == 64)
    }

    @Test(.timeLimit(.minutes(3)))
    func `onto another disk every file is copied, and known there without being read`() async throws
    {
        let house = try household()
        guard let disk = OtherDisk(unlike: house.folder.path) else { return }
        let before = try Files.digests(in: house.library("camera"))
        let received = try await house.receivedByteCount()
        let result = try house.martlet("camera", "library", "move", disk.path + "/photos", "--json")
        #expect(result.status == 0, "\(result.errors)")
        #expect(try moved(result).how == "copied")
        #expect(try Files.digests(in: disk.path + "/photos").keys.sorted() == before.keys.sorted())
        #expect(!FileManager.default.fileExists(atPath: house.library("camera")))
        let synced = try house.martlet("camera", "sync", "--once")
        #expect(synced.status == 0, "\(synced.output)\(synced.errors)")
        #expect(try house.status("camera").counts["inSync"] == 3)
        #expect(try await house.receivedByteCount() - received < 50_000)
        #expect(try trash(house) == "[]\n")
    }

    @Test(.timeLimit(.minutes(4)))
    func `killed while it copies, it goes on, and nothing is lost or sent again`() async throws {
        let house = try household()
        guard let disk = OtherDisk(unlike: house.folder.path) else { return }
        let film = house.library("camera") + "/film.mov"
        let head: [UInt8] = [0, 0, 0, 20] + Array("ftypqt  ".utf8) + [0, 0, 0, 0]
        try Data(head + Array("qt  ".utf8) + Array(repeating: 7, count: 40 << 20))
            .write(to: URL(fileURLWithPath: film))
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        let digests = try Files.digests(in: house.library("camera")).keys.sorted()
        let received = try await house.receivedByteCount()
        let target = disk.path + "/photos"
        for milliseconds in [20, 50, 80, 120, 170, 230] {
            let process = try Program.start(
                ["library", "move", target], environment: ["MARTLET_HOME": house.home("camera")])
            usleep(UInt32(milliseconds) * 1_000)
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            // Wherever it is now: the device is whole and has nothing to send.
            let synced = try house.martlet("camera", "sync", "--once")
            #expect(synced.status == 0, "\(milliseconds): \(synced.output)\(synced.errors)")
            #expect(try house.status("camera").counts["inSync"] == 4)
        }
        let last = try house.martlet("camera", "library", "move", target)
        // It may have ended before it was killed.
        #expect(last.status == 0 || last.errors.contains("already"), "\(last.errors)")
        #expect(try Files.digests(in: target).keys.sorted() == digests)
        #expect(!FileManager.default.fileExists(atPath: house.library("camera")))
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        #expect(try await house.receivedByteCount() - received < 200_000)
        #expect(try trash(house) == "[]\n")
    }
}
