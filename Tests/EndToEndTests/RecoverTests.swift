import Foundation
import Glibc
import Records
import TestSupport
import Testing

/// A server's database is gone, and its objects and manifest bring every photo back, by processes.
@Suite(.serialized) struct RecoverTests {
    private struct Recovered: Decodable {
        let manifest: String
        let copied: Int
        let there: Int
        let unnamed: Int
        let missing: [String]
        let damaged: [String]
    }

    private func recover(
        _ house: Household, into name: String, expecting status: Int32 = 0
    ) throws -> Recovered {
        let result = try Program.run(
            ["recover", house.folder.file("data"), house.folder.file(name), "--json"])
        #expect(result.status == status, "\(result.output)\n\(result.errors)")
        let line = try #require(result.output.split(separator: "\n").first)
        return try JSONDecoder().decode(Recovered.self, from: Data(line.utf8))
    }

    /// A server that has stored these photos, and whose database is gone.
    private func lostServer(_ photos: String) throws -> Household {
        let house = try Household()
        // The server has written one of its empty library by itself.
        #expect(
            soon {
                FileManager.default.fileExists(atPath: house.folder.file("data/manifest.jsonl"))
            })
        try house.signIn("camera", optimize: true)
        try house.martlet("camera", "photos", "source", "add", photos)
        let sent = try house.martlet("camera", "sync", "--once")
        #expect(sent.status == 0, "\(sent.output)\n\(sent.errors)")
        let written = try house.onServer("manifest")
        #expect(written.status == 0, "\(written.output)\n\(written.errors)")
        house.killServer()
        #expect(try shell("rm '\(house.folder.file("data"))'/database.sqlite*") == 0)
        return house
    }

    @Test(.timeLimit(.minutes(5)))
    func `every real photo comes back with its name, and a second run has nothing to do`() throws {
        let house = try lostServer(RealPhotos.folder)
        let sources = try Files.digests(in: RealPhotos.folder).filter {
            $0.value != ["README.md"]
        }
        let report = try recover(house, into: "out")
        #expect(report.manifest == "whole" && report.missing.isEmpty && report.damaged.isEmpty)
        #expect(report.copied == sources.count && report.unnamed == 0)
        let found = try Files.digests(in: house.folder.file("out"))
        #expect(Set(found.keys) == Set(sources.keys))
        for (digest, paths) in found {
            #expect(paths.count == 1)
            let path = try #require(paths.first)
            #expect(path.hasPrefix("me/"), "\(path)")
            // Its own name, perhaps with a number.
            let name = (path as NSString).lastPathComponent
            let stem = (name as NSString).deletingPathExtension
            let originals = (sources[digest] ?? []).map { ($0 as NSString).lastPathComponent }
            #expect(
                originals.contains {
                    name == $0 || stem.hasPrefix(($0 as NSString).deletingPathExtension + " (")
                }, "\(name) of \(originals)")
        }
        let again = try recover(house, into: "out")
        #expect(again.copied == 0 && again.there == report.copied)

        // Cut off: the lines that are left name theirs, and the others come by their digests.
        let manifest = house.folder.file("data/manifest.jsonl")
        #expect(try shell("truncate -s 20000 '\(manifest)'") == 0)
        let cut = try recover(house, into: "cut", expecting: 3)
        #expect(cut.manifest == "damaged" && cut.unnamed > 0)
        #expect(
            Set(try Files.digests(in: house.folder.file("cut")).keys).isSuperset(of: sources.keys))
        #expect(try shell("rm '\(manifest)'") == 0)
        let bare = try recover(house, into: "bare", expecting: 3)
        #expect(bare.manifest == "absent" && bare.unnamed == bare.copied)
        #expect(
            Set(try Files.digests(in: house.folder.file("bare")).keys).isSuperset(of: sources.keys))
        let jpegs = Files.names(in: house.folder.file("bare")).filter { $0.hasSuffix(".jpg") }
        #expect(jpegs.count > 50)
    }

    @Test(.timeLimit(.minutes(5)))
    func `damaged and missing objects are named, and a killed recovery goes on`() throws {
        let folder = RealPhotos.path("camera")
        let house = try lostServer(folder)
        let objects = house.folder.file("data/blobs/objects")
        let (damaged, gone) = ("Canon IXUS.jpg", "HTC Desire.jpg")
        func object(_ name: String) throws -> String {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
            let digest = Digest(of: bytes).text
            let path = try #require(
                Files.names(in: objects).first { $0.contains("/" + digest) })
            return objects + "/" + path
        }
        #expect(
            try shell("printf x | dd of='\(try object(damaged))' seek=100 bs=1 conv=notrunc") == 0)
        #expect(try shell("rm '\(try object(gone))'") == 0)
        let out = house.folder.file("out")
        var interrupted = 0
        for milliseconds in [15, 25, 40, 60, 90] as [UInt32] {
            let process = try Program.start(["recover", house.folder.file("data"), out])
            usleep(milliseconds * 1_000)
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            if process.terminationReason == .uncaughtSignal { interrupted += 1 }
            // What has a name is whole.
            let sources = try Files.digests(in: folder)
            #expect(try Files.digests(in: out).keys.allSatisfy { sources[$0] != nil })
        }
        #expect(interrupted > 0)
        let report = try recover(house, into: "out", expecting: 3)
        #expect(report.missing.count == 1 && report.missing[0].hasSuffix("/" + gone))
        #expect(report.damaged.count == 1 && report.damaged[0].contains("/" + damaged + " ("))
        let found = try Files.digests(in: out)
        #expect(found.count == (try Files.digests(in: folder)).count - 2)
        #expect(found.values.allSatisfy { $0.count == 1 })
        let text = try Program.run(["recover", house.folder.file("data"), out])
        #expect(text.status == 3 && text.output.contains("missing: me/"))
        #expect(text.errors.contains("No object is left of 1 file."), "\(text.errors)")
    }

    @Test(.timeLimit(.minutes(3)), .enabled(if: getuid() == 0, "mounting a small disk takes root"))
    func `a full disk is said, and a recovery goes on when there is room`() throws {
        let folder = RealPhotos.path("camera")
        let house = try lostServer(folder)
        let small = house.folder.file("small")
        try FileManager.default.createDirectory(atPath: small, withIntermediateDirectories: true)
        try #require(try shell("mount -t tmpfs -o size=1m martlet-test '\(small)'") == 0)
        defer { _ = try? shell("umount -l '\(small)'") }
        let full = try Program.run(["recover", house.folder.file("data"), small + "/out"])
        #expect(full.status == 3 && full.errors.contains("is full"), "\(full.errors)")
        #expect(full.errors.contains("run the same again"), "\(full.errors)")
        #expect(try shell("mount -o remount,size=512m '\(small)'") == 0)
        #expect(try recover(house, into: "small/out").missing.isEmpty)
        #expect(
            Set(try Files.digests(in: small + "/out").keys)
                == Set(try Files.digests(in: folder).keys))
    }

    @Test(.timeLimit(.minutes(2)))
    func `what cannot be recovered is said in a sentence`() throws {
        let house = try Household()
        let data = house.folder.file("data")
        #expect(soon { FileManager.default.fileExists(atPath: data + "/manifest.jsonl") })
        for (arguments, status, words) in [
            (["recover", data], 64, "Missing expected argument"),
            (["recover", house.folder.file("nowhere"), house.folder.file("out")], 64, "No server"),
            (["recover", data, data + "/out"], 64, "within each other"),
            (["recover", "s3://bucket/home", house.folder.file("out")], 64, "directories only"),
            (["recover", data, house.folder.file("out"), "--account", "you"], 64, "it knows: me"),
            (["recover", data, house.folder.file("server.log")], 64, "cannot be made"),
            (["manifest", "--data", house.folder.file("nowhere")], 64, "No server keeps"),
        ] as [([String], Int32, String)] {
            let result = try Program.run(arguments)
            #expect(
                result.status == status && result.errors.contains(words),
                "\(arguments): \(result.status) \(result.output) \(result.errors)")
        }
    }
}
