import Foundation
import Glibc
import Records
import TestSupport
import Testing

/// A server moves up to PostgreSQL and a bucket, and back, and its devices notice nothing.
@Suite(.serialized) struct MigrateTests {
    private struct Moved: Decodable {
        let objects: Int
        let copied: Int
        let rows: Int
        let missing: [String]
        let ended: Bool
    }

    private let folder: TemporaryFolder
    private let house: Household

    init() throws {
        folder = try TemporaryFolder()
        house = try Household()
    }

    private var data: String { house.folder.file("data") }

    /// PostgreSQL and a bucket, with a folder for what else there is.
    private func grown(_ name: String) throws -> (data: String, database: String, blobs: String) {
        (
            folder.file(name), try TestDatabase.postgresAddress(folder.file(name + ".database")),
            try S3TestServer.shared().place(folder.name + "/" + name)
        )
    }

    private func migrate(
        _ source: [String], _ target: [String], _ more: String...
    ) throws -> Program.Result {
        try Program.run(
            ["migrate", "--from"] + source + ["--to"] + target + more,
            environment: try S3TestServer.shared().environment)
    }

    private func moved(_ result: Program.Result) throws -> Moved {
        #expect(result.status == 0, "\(result.output)\n\(result.errors)")
        return try JSONDecoder().decode(Moved.self, from: Data(result.output.utf8))
    }

    private func serve(_ data: String, _ more: String...) throws -> Program.Result {
        try Program.run(
            ["serve", "--data", data, "--listen", "127.0.0.1:0"] + more,
            environment: try S3TestServer.shared().environment)
    }

    private func copy(_ name: String, as other: String, to folder: String) throws {
        try FileManager.default.copyItem(
            atPath: RealPhotos.path(name), toPath: "\(folder)/\(other)")
    }

    @Test(.timeLimit(.minutes(6)))
    func `a server moves up and back, killed on its way, and devices go on as if nothing were`()
        async throws
    {
        let photos = house.folder.file("photos")
        try Files.makePhotos(300, byteCount: 20_000, in: photos)
        try Files.makePhotos(2, byteCount: 9_000_000, first: 900, in: photos)
        try house.signIn("camera", optimize: true)
        try house.signIn("laptop")
        for source in [photos, RealPhotos.path("gps")] {
            try house.martlet("camera", "photos", "source", "add", source)
        }
        try house.expectSynced("camera", "laptop")
        // One that runs all the while.
        try house.signIn("tablet", optimize: true)
        let agent = try house.startAgent("tablet")
        try house.expectUpToDate("tablet")
        var expected = Set(try Files.digests(in: house.library("laptop")).keys)
        #expect(expected.count > 302)

        let new = try grown("new")
        let (from, to) = ([data], [new.data, new.database, new.blobs])
        // While it runs, only objects go; and one of those may be missing.
        let running = try migrate(from, to)
        #expect(running.status == 75 && running.errors.contains("stop it"), "\(running.errors)")
        let ahead = try moved(try migrate(from, to, "--ahead", "--json"))
        #expect(ahead.copied > 300 && !ahead.ended)
        try copy("web/denali.webp", as: "later.webp", to: photos)
        try house.expectSynced("camera", "laptop")
        expected = Set(try Files.digests(in: house.library("laptop")).keys)

        house.killServer()
        var interrupted = 0
        for milliseconds in [40, 90, 150, 250, 400, 600] as [UInt32] {
            let process = try Program.start(
                ["migrate", "--from"] + from + ["--to"] + to,
                environment: try S3TestServer.shared().environment)
            usleep(milliseconds * 1_000)
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            guard process.terminationReason == .uncaughtSignal else { continue }
            interrupted += 1
        }
        #expect(interrupted > 0)
        let up = try moved(try migrate(from, to, "--json"))
        #expect(up.missing.isEmpty)
        let old = try serve(data)
        #expect(
            old.status == 64 && old.errors.contains("has moved to \(new.data)"), "\(old.errors)")
        #expect(!old.errors.contains(PostgresServer.password))

        house.useServer(at: new.data, database: new.database, blobs: new.blobs)
        try house.startServer()
        try await expectUndisturbed()
        let name = try #require(new.database.split(separator: "/").last)
        let epochs = try PostgresServer.shared().run("SELECT epoch FROM zone", in: String(name))
        #expect(epochs.count >= 2 && Set(epochs) == ["1"])
        let picture = house.library("tablet") + "/up.heic"
        try copy("heic/IMG_1034.heic", as: "up.heic", to: house.library("tablet"))
        try house.expectUpToDate("tablet", items: 1)
        try house.expectSynced("camera", "laptop")
        #expect(FileManager.default.fileExists(atPath: picture))
        expected = Set(try Files.digests(in: house.library("laptop")).keys)

        house.killServer()
        let back = try moved(
            try migrate(to, [folder.file("back")], "--json"))
        #expect(back.missing.isEmpty && back.copied >= up.objects)
        let left = try serve(new.data, "--database", new.database, "--blobs", new.blobs)
        #expect(left.status == 64 && left.errors.contains("has moved to"), "\(left.errors)")
        house.useServer(at: folder.file("back"), database: nil, blobs: nil)
        try house.startServer()
        try await expectUndisturbed()
        // A device lets go of a file only for proof by the key that the server has always had.
        #expect(try house.martlet("tablet", "photos", "evict", picture).status == 0)
        #expect(soon { !FileManager.default.fileExists(atPath: picture) })
        try house.signIn("newcomer")
        try house.expectSynced("newcomer", "camera")
        try house.expectLibrary("newcomer", holds: expected)
        #expect(agent.isRunning)
        let backup = try house.onServer(
            "backup", "--to", house.folder.file("backup"), "--same-disk", "--json")
        #expect(backup.output.contains(#""epoch":1,"#), "\(backup.output)\(backup.errors)")
    }

    /// The same server, to devices that are still signed in; nothing is sent again.
    private func expectUndisturbed() async throws {
        try house.expectUpToDate("tablet")
        try house.expectSynced("camera", "laptop")
        #expect(try await house.receivedByteCount() < 200_000)
    }

    @Test(.timeLimit(.minutes(2)))
    func `what cannot be moved is said with what to do`() throws {
        let new = try grown("new")
        let to = [new.data, new.database, new.blobs]
        for (source, target, more, help) in [
            (["nowhere"], to, [], "No server keeps its data"),
            ([data], [data], [], "Both places have one database"),
            ([data], [], [], "--to"),
            ([data], to, ["--cancel"], "--cancel alone"),
            ([data], [new.data, new.blobs, new.blobs], [], "--to takes a folder"),
            ([data], ["postgres://me:secretword@db/x"], [], "--to takes a folder"),
        ] as [([String], [String], [String], String)] {
            let result = try Program.run(
                ["migrate", "--from"] + source + (target.isEmpty ? [] : ["--to"] + target) + more,
                environment: try S3TestServer.shared().environment)
            #expect(result.status == 64, "\(source) \(target): \(result.errors)")
            #expect(!result.errors.contains("secretword") && !result.errors.contains("bug in"))
            #expect(result.errors.contains(help), "\(result.errors)")
        }
        house.killServer()
        // A database that another server has, while that runs and after it.
        let address = try TestDatabase.postgresAddress(folder.file("db"))
        let other = try Household(database: address)
        let taken = try migrate([data], [folder.file("x"), address])
        #expect(taken.status == 75, "\(taken.errors)")
        other.killServer()
        let holds = try migrate([data], [folder.file("x"), address])
        #expect(holds.status == 64, "\(holds.errors)")
        #expect(holds.errors.contains("holds something already"), "\(holds.errors)")
        let idle = try Program.run(["migrate", "--from", data, "--cancel"])
        #expect(idle.status == 64 && idle.errors.contains("nothing to give up"), "\(idle.errors)")
        try house.startServer()
    }

    @Test(.timeLimit(.minutes(2)))
    func `only the database moves when the folder stays the same`() throws {
        let photos = house.folder.file("photos")
        try Files.makePhotos(20, byteCount: 20_000, in: photos)
        try house.signIn("camera", optimize: true)
        try house.martlet("camera", "photos", "source", "add", photos)
        try house.expectSynced("camera")
        house.killServer()
        let address = try TestDatabase.postgresAddress(folder.file("db"))
        let up = try moved(try migrate([data], [data, address], "--json"))
        #expect(up.objects >= 20 && up.copied == 0)
        #expect(try serve(data).status == 64)
        house.useServer(at: data, database: address, blobs: nil)
        try house.startServer()
        try house.signIn("laptop")
        try house.expectSynced("camera", "laptop")
        try house.expectLibrary("laptop", holds: Set(try Files.digests(in: photos).keys))
    }
}
