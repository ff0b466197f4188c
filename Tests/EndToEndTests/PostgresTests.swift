import Foundation
import Glibc
import Records
import TestSupport
import Testing

/// A server, and several, with their records in PostgreSQL.
@Suite(.serialized) struct PostgresTests {
    private func serve(_ folder: String, _ address: String, _ more: [String] = []) throws
        -> Program.Result
    {
        try Program.run(
            ["serve", "--data", folder, "--listen", "127.0.0.1:0", "--database", address] + more)
    }

    @Test(.timeLimit(.minutes(3)))
    func `a photo sent to one server reaches a device of the other at once`() throws {
        let folder = try TemporaryFolder()
        let house = try Household(
            database: TestDatabase.postgresAddress(folder.file("db")), options: ["--blobs-shared"])
        let other = try house.startOtherServer()
        try house.signIn("one")
        try house.signIn("two", port: other)
        for device in ["one", "two"] { _ = try house.startAgent(device) }
        // In both directions; the last after the first server was killed and started again.
        let names = ["gps/DSCN0010.jpg", "gps/DSCN0012.jpg", "gps/DSCN0021.jpg"]
        for (index, name) in names.enumerated() {
            if index == 2 {
                house.killServer()
                try house.startServer()
            }
            let (from, to) = index == 1 ? ("two", "one") : ("one", "two")
            try FileManager.default.copyItem(
                atPath: RealPhotos.path(name), toPath: house.library(from) + "/new\(index).jpg")
            let digest = Digest(
                of: try Data(contentsOf: URL(fileURLWithPath: RealPhotos.path(name))))
            #expect(
                try soon { try Files.digests(in: house.library(to))[digest] != nil },
                "\(name) did not arrive")
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `servers that would not see each other's blobs are refused`() throws {
        let folder = try TemporaryFolder()
        let address = try TestDatabase.postgresAddress(folder.file("db"))
        let alone = try Household(data: folder.file("data"), database: address)
        let same = try serve(folder.file("data"), address)
        #expect(same.status == 75 && same.errors.contains("data folder"), "\(same.errors)")
        let elsewhere = try serve(folder.file("elsewhere"), address, ["--blobs-shared"])
        #expect(elsewhere.status == 75, "\(elsewhere.errors)")
        #expect(elsewhere.errors.contains("--blobs-shared"), "\(elsewhere.errors)")
        alone.killServer()
        let shared = try Household(
            data: folder.file("new"), database: TestDatabase.postgresAddress(folder.file("db2")),
            options: ["--blobs-shared"])
        let other = try serve(
            folder.file("other"), try TestDatabase.postgresAddress(folder.file("db2")),
            ["--blobs-shared"])
        #expect(other.status == 75 && other.errors.contains("another folder"), "\(other.errors)")
        #expect(shared.server?.isRunning == true)
    }

    @Test(.timeLimit(.minutes(2)))
    func `what is wrong with the database is said at once, without its password`() throws {
        let folder = try TemporaryFolder()
        let server = try PostgresServer.shared()
        let wrong = try serve(folder.path, server.address("postgres", password: "secretword"))
        #expect(wrong.errors.contains("password"), "\(wrong.errors)")
        let missing = try serve(folder.path, server.address("nowhere"))
        #expect(missing.errors.contains("no such database"), "\(missing.errors)")
        let nobody = try serve(folder.path, "postgres://martlet:secretword@127.0.0.1:1/x")
        #expect(nobody.status == 75 && nobody.errors.contains("reached"), "\(nobody.errors)")
        let malformed = try serve(folder.path, "postgre://martlet:secretword@127.0.0.1/x")
        #expect(malformed.status == 64)
        let sqlite = try Program.run(["serve", "--data", folder.path, "--blobs-shared"])
        #expect(sqlite.status == 64)
        let backup = try Program.run(
            [
                "backup", "--data", folder.path, "--to", folder.file("b"), "--database",
                "postgres://martlet:secretword@127.0.0.1:1/x",
            ])
        #expect(backup.status == 75 && backup.errors.contains("reached"), "\(backup.errors)")
        for result in [wrong, missing, nobody, malformed, sqlite, backup] {
            #expect(result.status != 0 && result.status != 70)
            #expect(!(result.errors + result.output).contains("secretword"))
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a pooler that shares sessions is refused with the address that is needed`() throws {
        let folder = try TemporaryFolder()
        let direct = try TestDatabase.postgresAddress(folder.file("db"))
        let name = String(try #require(direct.split(separator: "/").last))
        let pooler = try PgBouncer(of: PostgresServer.shared(), mode: .transaction)
        func expectRefusals() throws {
            let refused = try [
                serve(folder.file("other"), pooler.address(name)),
                Program.run(
                    [
                        "account", "list", "--data", folder.path, "--database",
                        pooler.address(name),
                    ]),
            ]
            for result in refused {
                #expect(result.status == 3, "\(result.errors)")
                #expect(result.errors.contains("pool_mode=transaction"), "\(result.errors)")
                #expect(result.errors.contains("127.0.0.1:\(pooler.port)/\(name)"))
            }
        }
        try expectRefusals()
        // Beside a good server of the same database, which nothing happens to.
        let house = try Household(data: folder.file("data"), database: direct)
        try expectRefusals()
        #expect(house.server?.isRunning == true)
    }

    @Test(.timeLimit(.minutes(5)))
    func `PostgreSQL killed again and again in the middle of syncs loses and doubles nothing`()
        throws
    {
        let postgres = try PostgresServer()
        try postgres.run("CREATE DATABASE home")
        let house = try Household(database: postgres.address("home"))
        let photos = house.folder.file("photos")
        try Files.makePhotos(1_000, byteCount: 20_000, in: photos)
        try house.signIn("camera", optimize: true)
        try house.signIn("laptop")
        try house.martlet("camera", "photos", "source", "add", photos)
        let agents = [try house.startAgent("camera"), try house.startAgent("laptop")]
        for pause in [200_000, 500_000, 800_000] {
            usleep(UInt32(pause))
            try postgres.kill()
            usleep(300_000)
            try postgres.start()
        }
        // The server and the agents have run all the time, and go on by themselves.
        let expected = try Files.digests(in: photos)
        #expect(
            try soon(within: 120) {
                try Set(Files.digests(in: house.library("laptop")).keys) == Set(expected.keys)
            })
        #expect(house.server?.isRunning == true)
        #expect(agents.allSatisfy { $0.isRunning })
        #expect(expected.count == 1_000)
        // The last may be on its way into its place.
        try house.expectUpToDate("laptop")
        try house.expectLibrary("laptop", holds: Set(expected.keys))
        let assets = try postgres.run(
            "SELECT COUNT(*) FROM record WHERE type = 'asset' AND fields IS NOT NULL", in: "home")
        #expect(assets == ["1000"])
    }
}
