import Foundation
import Glibc
import Records
import TestSupport
import Testing

/// Backups of a server with PostgreSQL and a bucket, as processes.
@Suite(.serialized) struct GrownBackupTests {
    /// Where a server has its things.
    private struct Place {
        let data: String
        let database: String?
        let blobs: String?

        var options: [String] {
            ["--data", data] + (database.map { ["--database", $0] } ?? [])
                + (blobs.map { ["--blobs", $0] } ?? [])
        }
    }

    private let folder: TemporaryFolder
    private var backup: String { folder.file("backup") }

    init() throws { folder = try TemporaryFolder() }

    private func grown(_ name: String) throws -> Place {
        Place(
            data: folder.file(name),
            database: try TestDatabase.postgresAddress(folder.file(name + ".database")),
            blobs: try S3TestServer.shared().place(folder.name + "/" + name))
    }

    private func run(_ place: Place, _ arguments: String...) throws -> Program.Result {
        try Program.run(
            arguments + place.options, environment: try S3TestServer.shared().environment)
    }

    private func decoded<Value: Decodable>(_ result: Program.Result) throws -> Value {
        #expect(result.status == 0, "\(result.output)\n\(result.errors)")
        return try JSONDecoder().decode(Value.self, from: Data(result.output.utf8))
    }

    private func household(at place: Place) throws -> Household {
        let house = try Household()
        house.killServer()
        // The account is that of the first server, which goes to the place.
        let moved = try Program.run(
            ["migrate", "--from", house.folder.file("data"), "--to", place.data]
                + [place.database, place.blobs].compactMap(\.self),
            environment: try S3TestServer.shared().environment)
        #expect(moved.status == 0, "\(moved.errors)")
        try use(place, by: house)
        return house
    }

    private func use(_ place: Place, by house: Household) throws {
        house.useServer(at: place.data, database: place.database, blobs: place.blobs)
        try house.startServer()
    }

    /// Whether a restore has begun in the database and has not ended.
    private func isMarked(_ database: String) -> Bool {
        let names = try? PostgresServer.shared().run(
            "SELECT name FROM migration WHERE position = 1000000", in: database)
        return names?.isEmpty == false
    }

    /// A device that knows nothing yet gets just these bytes.
    private func expectAll(_ expected: Set<Digest>, on device: String, _ house: Household) throws {
        try house.signIn(device)
        try house.expectSynced(device)
        try house.expectLibrary(device, holds: expected)
    }

    @Test(.timeLimit(.minutes(6)))
    func `a server that has outgrown one machine is lost, and comes back in a new place`()
        throws
    {
        let old = try grown("old")
        let house = try household(at: old)
        let photos = house.folder.file("photos")
        try Files.makePhotos(200, byteCount: 20_000, in: photos)
        try Files.makePhotos(2, byteCount: 9_000_000, first: 900, in: photos)
        try house.signIn("camera", optimize: true)
        try house.signIn("laptop")
        for source in [photos, RealPhotos.path("gps")] {
            try house.martlet("camera", "photos", "source", "add", source)
        }
        try house.expectSynced("camera", "laptop")
        // While the server runs; killed on its way it is none, or the one before.
        for milliseconds in [60, 150, 300, 500] as [UInt32] {
            let process = try Program.start(
                ["backup", "--to", backup, "--same-disk"] + old.options,
                environment: try S3TestServer.shared().environment)
            usleep(milliseconds * 1_000)
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        let check =
            "cd '\(backup)/objects' && find . -type f | while read f; do "
            + "[ \"$(sha256sum < \"$f\" | cut -d' ' -f1)\" = \"$(basename \"$f\")\" ] || exit 1; done"
        #expect(try shell("[ ! -d '\(backup)/objects' ] || { \(check); }") == 0)
        let first: ShownBackup = try decoded(run(old, "backup", "--to", backup, "--json"))
        #expect(first.objects > 202 && first.missing.isEmpty)
        #expect(try shell(check) == 0)
        try FileManager.default.copyItem(
            atPath: RealPhotos.path("web/denali.webp"), toPath: photos + "/later.webp")
        try house.expectSynced("camera", "laptop")
        let second: ShownBackup = try decoded(run(old, "backup", "--to", backup, "--json"))
        #expect(second.objects > first.objects)
        #expect(second.copied == second.objects - first.objects)
        // What comes now is in no backup.
        try Files.makePhotos(5, byteCount: 30_000, first: 2_000, in: photos)
        try house.expectSynced("camera", "laptop")
        let expected = Set(try Files.digests(in: house.library("laptop")).keys)

        // All of it is lost: the folder, the database and the bucket.
        house.killServer()
        #expect(try shell("rm -rf '\(old.data)'") == 0)
        let new = try grown("new")
        let database = String(try #require(new.database?.split(separator: "/").last))
        var interrupted = 0
        for milliseconds in [0, 150, 300] as [UInt32] {
            let process = try Program.start(
                ["restore", "--from", backup] + new.options,
                environment: try S3TestServer.shared().environment)
            _ = soon { isMarked(database) || !process.isRunning }
            usleep(milliseconds * 1_000)
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            guard process.terminationReason == .uncaughtSignal, isMarked(database) else {
                continue
            }
            interrupted += 1
            let serve = try run(new, "serve", "--listen", "127.0.0.1:0")
            #expect(serve.status == 64 && serve.errors.contains("martlet restore"))
        }
        #expect(interrupted > 0)
        let restored: ShownRestore = try decoded(run(new, "restore", "--from", backup, "--json"))
        #expect(restored.copied + restored.kept == second.objects)
        #expect(restored.missing.isEmpty && restored.epoch == second.epoch + 1)
        let again = try run(new, "restore", "--from", backup)
        #expect(again.status == 64 && again.errors.contains("holds something already"))
        try use(new, by: house)
        let running = try run(new, "restore", "--from", backup)
        #expect(running.status == 75, "\(running.errors)")
        for device in ["laptop", "camera", "laptop"] {
            let synced = try house.martlet(device, "sync", "--once")
            #expect(synced.status == 0, "\(device): \(synced.output)\n\(synced.errors)")
        }
        try house.expectSynced("camera", "laptop")
        try expectAll(expected, on: "tablet", house)

        // And down to one folder on one machine, from a backup of the grown one.
        let third: ShownBackup = try decoded(run(new, "backup", "--to", backup, "--json"))
        house.killServer()
        let small = Place(data: folder.file("small"), database: nil, blobs: nil)
        let down: ShownRestore = try decoded(run(small, "restore", "--from", backup, "--json"))
        #expect(down.copied == third.objects && down.missing.isEmpty)
        try use(small, by: house)
        try house.expectSynced("camera", "laptop")
        try expectAll(expected, on: "phone", house)
    }

    @Test(.timeLimit(.minutes(3)))
    func `a database that is lost comes back to a bucket that is not`() throws {
        let old = Place(
            data: folder.file("data"), database: nil,
            blobs: try S3TestServer.shared().place(folder.name + "/home"))
        let house = try household(at: old)
        let photos = house.folder.file("photos")
        try Files.makePhotos(20, byteCount: 20_000, in: photos)
        try house.signIn("camera", optimize: true)
        try house.martlet("camera", "photos", "source", "add", photos)
        try house.expectSynced("camera")
        let made: ShownBackup = try decoded(
            run(old, "backup", "--to", backup, "--same-disk", "--json"))
        try Files.makePhotos(3, byteCount: 20_000, first: 100, in: photos)
        try house.expectSynced("camera")
        house.killServer()
        // One that can be read is not replaced without a word.
        let refused = try run(old, "restore", "--from", backup)
        #expect(refused.status == 64 && refused.errors.contains("--replace"), "\(refused.errors)")
        try Data("nonsense".utf8).write(to: URL(fileURLWithPath: old.data + "/database.sqlite"))
        let restored: ShownRestore = try decoded(run(old, "restore", "--from", backup, "--json"))
        #expect(restored.kept == made.objects && restored.copied == 0)
        #expect(restored.adopted >= 3 && restored.aside != nil)
        try use(old, by: house)
        try house.expectSynced("camera")
        try expectAll(Set(try Files.digests(in: photos).keys), on: "laptop", house)
    }
}
