import Foundation
import Glibc
import Records
import TestSupport
import Testing

/// What goes wrong in real life gets a clear sentence, the right exit code, and loses nothing.
@Suite(.serialized) struct BadInputTests {
    @Test func `a wrong password and an unknown account read alike`() throws {
        let house = try Household()
        let answers = try ["me", "nobody"].map { account in
            try Program.run(
                [
                    "login", house.url, "--account", account, "--library", house.library("x"),
                    "--password-stdin",
                ], home: house.home("x"), input: "wrong\n")
        }
        #expect(answers.map(\.status) == [77, 77])
        #expect(answers[0].errors == answers[1].errors)
        #expect(!answers[0].errors.isEmpty)
    }

    @Test func `a device that is not signed in says so`() throws {
        let folder = try TemporaryFolder()
        let result = try Program.run(["sync", "--once"], home: folder.file("home"))
        #expect(result.status == 77)
        #expect(result.errors.contains("martlet login"))
    }

    @Test(.timeLimit(.minutes(1)))
    func `a server that is down is exit code 75 and nothing is lost`() throws {
        let house = try Household()
        try house.signIn("camera", optimize: true)
        house.killServer()
        let result = try house.martlet("camera", "sync", "--once")
        #expect(result.status == 75, "\(result.output)\n\(result.errors)")
    }

    @Test func `a port in use is a sentence`() throws {
        let house = try Household()
        let result = try Program.run([
            "serve", "--data", house.folder.file("other"), "--listen", "127.0.0.1:\(house.port)",
        ])
        #expect(result.status != 0)
        #expect(result.errors.contains("\(house.port)"))
        #expect(!result.errors.contains("Fatal error"))
    }

    @Test func `two servers never share one data folder`() throws {
        let house = try Household()
        let result = try Program.run([
            "serve", "--data", house.folder.file("data"), "--listen", "127.0.0.1:0",
        ])
        #expect(result.status != 0)
        #expect(result.errors.contains("data"))
    }

    @Test(.timeLimit(.minutes(2)))
    func `odd names, links, pipes and empty files hold nothing up`() throws {
        let house = try Household()
        let photos = house.folder.file("odd")
        try FileManager.default.createDirectory(atPath: photos, withIntermediateDirectories: true)
        let jpeg = try Data(contentsOf: URL(fileURLWithPath: RealPhotos.path("gps/DSCN0010.jpg")))
        try jpeg.write(to: URL(fileURLWithPath: photos + "/a\nb.jpg"))
        let other = try Data(contentsOf: URL(fileURLWithPath: RealPhotos.path("gps/DSCN0012.jpg")))
        let raw = Array((photos + "/caf").utf8) + [0xe9] + Array(".jpg".utf8)
        let written = (raw.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { path in
            path.baseAddress.map { fopen($0, "w") } ?? nil
        }
        let file = try #require(written)
        _ = other.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
        fclose(file)
        _ = FileManager.default.createFile(atPath: photos + "/empty.jpg", contents: Data())
        try FileManager.default.createSymbolicLink(
            atPath: photos + "/link.jpg", withDestinationPath: RealPhotos.path("gps/DSCN0021.jpg"))
        #expect(mkfifo(photos + "/pipe.jpg", 0o600) == 0)
        try Data("hello".utf8).write(to: URL(fileURLWithPath: photos + "/notes.txt"))

        try house.signIn("camera", optimize: true)
        try house.martlet("camera", "photos", "source", "add", photos)
        let sent = try house.martlet("camera", "sync", "--once")
        #expect([0, 3].contains(sent.status), "\(sent.output)\n\(sent.errors)")
        try house.signIn("laptop")
        #expect(try house.martlet("laptop", "sync", "--once").status == 0)
        let arrived = try Files.digests(in: house.library("laptop"))
        #expect(Set(arrived.keys) == [Digest(of: jpeg), Digest(of: other)])
    }

    @Test(.timeLimit(.minutes(4)))
    func `a hundred thousand files in one folder hold nothing up`() throws {
        let house = try Household()
        let photos = house.folder.file("many")
        try FileManager.default.createDirectory(atPath: photos, withIntermediateDirectories: true)
        // Files without content are looked at and left, so that this is about their number alone.
        #expect(try shell("cd '\(photos)' && seq -f 'IMG_%06g.jpg' 100000 | xargs touch") == 0)
        for name in ["DSCN0010.jpg", "DSCN0012.jpg"] {
            try FileManager.default.copyItem(
                atPath: RealPhotos.path("gps/" + name), toPath: photos + "/" + name)
        }
        try house.signIn("camera", optimize: true)
        try house.martlet("camera", "photos", "source", "add", photos)
        let sent = try house.martlet("camera", "sync", "--once")
        #expect(sent.status == 0, "\(sent.output.suffix(2_000))\n\(sent.errors)")
        #expect(sent.output.split(separator: "\n").count < 50, "\(sent.output.count) bytes")
        try house.signIn("laptop")
        #expect(try house.martlet("laptop", "sync", "--once").status == 0)
        #expect(Files.names(in: house.library("laptop")).count == 2)
        // Again, with nothing new: everything is compared with its row.
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
    }

    @Test(.timeLimit(.minutes(2)))
    func `names that differ by case or composition alone stay apart on every device`() throws {
        let house = try Household()
        let photos = house.folder.file("alike")
        try FileManager.default.createDirectory(atPath: photos, withIntermediateDirectories: true)
        // The same name to most people: composed, decomposed, in capitals, and with a long s.
        let names = [
            "caf\u{e9}.jpg", "cafe\u{301}.jpg", "CAF\u{c9}.JPG", "Stra\u{df}e.jpg", "STRASSE.jpg",
        ]
        let sources = ["10", "12", "21", "25", "27"].map { "gps/DSCN00\($0).jpg" }
        for (name, source) in zip(names, sources) {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: RealPhotos.path(source)))
            let path = Array((photos + "/" + name).utf8).map { CChar(bitPattern: $0) } + [0]
            let file = try #require(fopen(path, "w"))
            _ = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
            fclose(file)
        }
        try house.signIn("camera", optimize: true)
        try house.martlet("camera", "photos", "source", "add", photos)
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        for device in ["laptop", "tablet"] {
            try house.signIn(device)
            #expect(try house.martlet(device, "sync", "--once").status == 0)
            let arrived = try Files.digests(in: house.library(device))
            #expect(arrived.keys.count == 5)
            #expect(arrived.values.allSatisfy { $0.count == 1 })
            // No two of them would be one file on a disk that folds names.
            let folded = arrived.values.flatMap(\.self).map {
                $0.precomposedStringWithCanonicalMapping.lowercased()
            }
            #expect(Set(folded).count == 5, "\(folded)")
            // A comparison finds nothing to do, whatever the names.
            #expect(try house.martlet(device, "sync", "--once").status == 0)
            #expect(try Files.digests(in: house.library(device)).values.count == 5)
        }
    }
}
