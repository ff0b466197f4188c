import Foundation
import Records
import TestSupport
import Testing

/// Servers that share nothing but their database and their bucket.
@Suite(.serialized) struct ApartServersTests {
    private let folder: TemporaryFolder
    private let address: String
    private let name: String

    init() throws {
        folder = try TemporaryFolder()
        address = try TestDatabase.postgresAddress(folder.file("db"))
        name = String(try #require(address.split(separator: "/").last))
    }

    private struct Configuration: Decodable { let receiptKey: String }

    /// The public half, as the device got it when it signed in.
    private func key(_ house: Household, _ device: String) throws -> String {
        let path = house.home(device) + "/configuration.json"
        return try JSONDecoder().decode(
            Configuration.self, from: Data(contentsOf: URL(fileURLWithPath: path))
        ).receiptKey
    }

    /// Started on a folder, until it ends: for what is refused.
    private func serve(
        _ data: String, _ house: Household, blobs: String? = nil
    ) throws -> Program.Result {
        try Program.run(
            ["serve", "--listen", "127.0.0.1:0", "--data", data, "--database", address]
                + ["--blobs", try blobs ?? S3TestServer.shared().place(house.folder.name)],
            environment: try S3TestServer.shared().environment)
    }

    @Test(.timeLimit(.minutes(3)))
    func `real photos cross from one server to the other, and leave by the other's receipts`()
        throws
    {
        let house = try Household(database: address, inBucket: true, isApart: true)
        let other = try house.startOtherServer()
        let balancer = try Balancer(to: [house.port, other])
        try house.signIn("camera", port: balancer.port)
        try house.signIn("laptop", port: other)
        #expect(try key(house, "camera") == key(house, "laptop"))
        for folder in ["gps", "web"] {
            try house.martlet("camera", "photos", "source", "add", RealPhotos.path(folder))
        }
        for device in ["camera", "laptop"] {
            let result = try house.martlet(device, "sync", "--once")
            #expect(result.status == 0, "\(result.output)\n\(result.errors)")
        }
        let expected = try Set(
            ["gps", "web"].flatMap { try Files.digests(in: RealPhotos.path($0)).keys })
        try house.expectLibrary("laptop", holds: expected)
        // Also a server on a folder that an older one had, and one that has seen none of it.
        #expect(!FileManager.default.fileExists(atPath: house.folder.file("data/receipt.key")))
        let third = try house.startOtherServer()
        try house.signIn("phone", port: third)
        #expect(try key(house, "phone") == key(house, "camera"))
    }

    @Test(.timeLimit(.minutes(2)))
    func `a server that is stopped while it renders leaves no picture to wait`() throws {
        let house = try Household(database: address, inBucket: true, isApart: true)
        func leases() throws -> Int {
            let count = try PostgresServer.shared().run(
                "SELECT COUNT(*) FROM job WHERE lease IS NOT NULL", in: name)
            return Int(count.first ?? "") ?? 0
        }
        try house.signIn("camera")
        try house.martlet("camera", "photos", "source", "add", RealPhotos.path("camera"))
        let agent = try house.startAgent("camera")
        let end = Date() + 60
        var seen = 0
        while seen == 0, Date() < end {
            usleep(5_000)
            seen = try leases()
        }
        #expect(seen > 0)
        #expect(house.stopServer() == 0)
        #expect(try leases() == 0)
        house.killAgent(agent)
    }

    @Test(.timeLimit(.minutes(3)))
    func `a server of an earlier version takes its key along, and other folders are refused`()
        throws
    {
        // What it left in its folder.
        let data = folder.file("data")
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        let secret = String(repeating: "07", count: 32) + "\n"
        try Data(secret.utf8).write(to: URL(fileURLWithPath: data + "/receipt.key"))
        let house = try Household(
            data: data, database: address, inBucket: true, isApart: true)
        try house.signIn("camera")
        let other = try house.startOtherServer()
        try house.signIn("laptop", port: other)
        let known = try key(house, "camera")
        #expect(try key(house, "laptop") == known)
        #expect(known == "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c")

        let foreign = folder.file("foreign")
        try FileManager.default.createDirectory(
            atPath: foreign, withIntermediateDirectories: true)
        let different = String(repeating: "08", count: 32) + "\n"
        try Data(different.utf8).write(to: URL(fileURLWithPath: foreign + "/receipt.key"))
        let refused = try serve(foreign, house)
        #expect(refused.status == 64, "\(refused.status) \(refused.errors)")
        #expect(refused.errors.contains("another server"), "\(refused.errors)")
        let elsewhere = try serve(
            folder.file("fresh"), house,
            blobs: S3TestServer.shared().place(house.folder.name + "-other"))
        #expect(elsewhere.status == 64 && elsewhere.errors.contains("--blobs"))
        let directory = try Program.run([
            "account", "list", "--data", data, "--database", address,
        ])
        #expect(directory.status == 64, "\(directory.status) \(directory.errors)")
        #expect(directory.errors.contains("--blobs s3://"), "\(directory.errors)")

        // Before its key has gone along, no server makes another that devices would not believe.
        house.killServer()
        house.killOtherServer(at: other)
        try PostgresServer.shared().run("DELETE FROM receiptkey", in: name)
        let early = try serve(folder.file("fresh"), house)
        #expect(early.status == 64, "\(early.status) \(early.errors)")
        #expect(early.errors.contains("start it once"), "\(early.errors)")
        try house.startServer()
        try house.signIn("phone", port: house.startOtherServer())
        #expect(try key(house, "phone") == known)
    }

    @Test(.timeLimit(.minutes(3)))
    func `a database that is put back opens nothing that another server has closed`() throws {
        let house = try Household(database: address, inBucket: true, isApart: true)
        let other = try house.startOtherServer()
        try house.signIn("lost")
        try house.signIn("laptop", port: other)
        #expect(try house.martlet("lost", "sync", "--once").status == 0)
        house.killServer()
        house.killOtherServer(at: other)
        let earlier = name + "earlier"
        let postgres = try PostgresServer.shared()
        // Their connections end a moment after them.
        let isCopied = soon {
            (try? postgres.run("CREATE DATABASE \(earlier) TEMPLATE \(name)")) != nil
        }
        #expect(isCopied)
        try house.startServer()
        let again = try house.startOtherServer(at: other)
        // At one server, whose folder nobody has later.
        let signedOut = try house.martlet("lost", "logout", "--keep")
        #expect(signedOut.status == 0, "\(signedOut.errors)")
        try house.changePassword("another password")
        house.killServer()
        house.killOtherServer(at: again)
        let isBack = soon {
            (try? postgres.run("DROP DATABASE \(name)")) != nil
        }
        #expect(isBack)
        try postgres.run("ALTER DATABASE \(earlier) RENAME TO \(name)")
        try house.startOtherServer(at: other)
        let revoked = try postgres.run(
            "SELECT COUNT(*) FROM device WHERE token IS NULL", in: name)
        #expect(revoked == ["2"])
        try house.signIn("phone", port: other)
    }
}
