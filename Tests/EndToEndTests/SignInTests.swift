import Foundation
import TestSupport
import Testing

/// Signing in where something is not as it should be: each refusal says what to do.
@Suite(.serialized) struct SignInTests {
    @Test func `a server with a certificate of its own is trusted when its owner says so`() throws {
        let house = try Household(usesTLS: true)
        let login = { (url: String, more: [String]) in
            try Program.run(
                [
                    "login", url, "--account", "me", "--library", house.library("tablet"),
                    "--password-stdin",
                ] + more, home: house.home("tablet"), input: house.password + "\n")
        }
        let untrusted = try login(house.url, [])
        #expect(untrusted.status == 75)
        #expect(untrusted.errors.contains("its certificate is not trusted"))
        let plain = try login("http://localhost:\(house.port)", [])
        #expect(plain.status == 75)
        #expect(plain.errors.contains("https://"), "\(plain.errors)")
        let noCertificate = try login(house.url, ["--trust", house.folder.file("key.pem")])
        #expect(noCertificate.status == 64)
        #expect(noCertificate.errors.contains("holds no certificate"))

        #expect(try login(house.url, ["--trust", house.certificate]).status == 0)
        let synced = try house.martlet("tablet", "sync", "--once")
        #expect(synced.status == 0, "\(synced.errors)")
    }

    @Test func `the certificates of SSL_CERT_FILE are trusted as well`() throws {
        let house = try Household(usesTLS: true)
        let result = try Program.run(
            [
                "login", house.url, "--account", "me", "--library", house.library("phone"),
                "--password-stdin",
            ], home: house.home("phone"), environment: ["SSL_CERT_FILE": house.certificate],
            input: house.password + "\n")
        #expect(result.status == 0, "\(result.errors)")
    }

    @Test func `a library that cannot be made leaves no device behind on the server`() throws {
        let house = try Household()
        try house.signIn("laptop")
        let file = house.folder.file("a-file")
        try Data("not a folder".utf8).write(to: URL(fileURLWithPath: file))
        let refused = try Program.run(
            [
                "login", house.url, "--account", "me", "--device", "ghost", "--library",
                "\(file)/library", "--password-stdin",
            ], home: house.home("ghost"), input: house.password + "\n")
        #expect(refused.status == 3)
        #expect(refused.errors.contains("cannot be"))
        let devices = try house.martlet("laptop", "devices")
        #expect(devices.output.contains("laptop"))
        #expect(!devices.output.contains("ghost"))
    }

    /// A mark in the empty folder where the disk is mounted would make every file a deleted one.
    @Test(.timeLimit(.minutes(2)))
    func `signing in again while the library's disk is away deletes nothing`() throws {
        let house = try Household()
        try house.signIn("laptop")
        let library = house.library("laptop")
        try FileManager.default.copyItem(
            atPath: RealPhotos.path("gps/DSCN0010.jpg"), toPath: library + "/DSCN0010.jpg")
        #expect(try house.martlet("laptop", "sync", "--once").status == 0)

        let away = house.folder.file("unplugged")
        try FileManager.default.moveItem(atPath: library, toPath: away)
        try FileManager.default.createDirectory(
            atPath: library, withIntermediateDirectories: false)
        try house.signIn("laptop")
        #expect(try FileManager.default.contentsOfDirectory(atPath: library).isEmpty)

        let agent = try house.startAgent("laptop")
        try house.expectReason("volumeMissing", on: "laptop", saying: library) {
        } goneAfter: {
            try FileManager.default.removeItem(atPath: library)
            try FileManager.default.moveItem(atPath: away, toPath: library)
        }
        try house.expectUpToDate("laptop", items: 1)
        #expect(agent.isRunning)
        let trashed = try house.martlet("laptop", "photos", "trash", "--json").output
        #expect(!trashed.contains("DSCN0010"), "\(trashed)")
    }
}
