import Foundation
import Records
import Storage
import TestSupport
import Testing

/// Two servers of one database, of which a newer one takes further steps of the schema.
@Suite(.serialized) struct RollingUpgradeTests {
    @Test(.timeLimit(.minutes(4)))
    func `older servers go on beside a newer one, also when they are started again`() throws {
        let folder = try TemporaryFolder()
        let address = try TestDatabase.postgresAddress(folder.file("db"))
        let house = try Household(database: address, options: ["--blobs-shared"])
        let other = try house.startOtherServer()
        try house.signIn("camera", optimize: true)
        try house.signIn("laptop", port: other)
        let photos = house.folder.file("photos")
        try Files.makePhotos(150, byteCount: 20_000, in: photos)
        try house.martlet("camera", "photos", "source", "add", photos)
        let agents = [try house.startAgent("camera"), try house.startAgent("laptop")]

        // In the middle of it a newer server starts, and an older one is started again.
        usleep(400_000)
        try TestDatabase.takeStep(
            Migration(
                name: "2030-01-01 flavours (additive)",
                sql: """
                    ALTER TABLE record ADD COLUMN flavour TEXT;
                    ALTER TABLE zone ADD COLUMN flavour INTEGER NOT NULL DEFAULT 1;
                    CREATE TABLE flavour (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
                    CREATE INDEX recordByFlavour ON record (flavour);
                    """), at: address)
        house.killServer()
        try house.startServer()
        try Files.makePhotos(50, byteCount: 20_000, first: 1_000, in: photos)
        let expected = Set(try Files.digests(in: photos).keys)
        for device in ["camera", "laptop"] {
            try house.expectUpToDate(device, items: expected.count)
        }
        try house.expectLibrary("laptop", holds: expected)
        #expect(try house.onServer("account", "list").output.contains("me"))
        let backup = try house.onServer(
            "backup", "--to", folder.file("backup"), "--same-disk")
        #expect(backup.status != 0 && backup.errors.contains("newer Martlet"), "\(backup.errors)")

        // A step that takes something away: who runs goes on, and nobody older starts.
        try TestDatabase.takeStep(
            Migration(name: "2030-02-01 no flavours", sql: "DROP TABLE flavour"), at: address)
        house.killServer()
        let refused = try house.onServer("serve", "--listen", "127.0.0.1:0", "--blobs-shared")
        #expect(refused.status == 3, "\(refused.status) \(refused.errors)")
        #expect(refused.errors.contains("newer Martlet (2030-02-01 no flavours)"))
        #expect(agents.allSatisfy { $0.isRunning })
    }

    /// A program of an earlier revision, which `script/upgrade` builds.
    private static let earlier = ProcessInfo.processInfo.environment["MARTLET_EARLIER_PROGRAM"]

    @Test(
        .enabled(if: earlier != nil, "script/upgrade REVISION runs it"), .timeLimit(.minutes(6)))
    func `servers and devices of an earlier program go over to this one, one by one`() throws {
        let earlier = try #require(Self.earlier)
        let folder = try TemporaryFolder()
        let address = try TestDatabase.postgresAddress(folder.file("db"))
        let photos = folder.file("photos")
        let more = folder.file("more")
        try Files.makePhotos(150, byteCount: 20_000, in: photos)
        try Files.makePhotos(1, byteCount: 20_000, first: 5_000, in: more)
        // All of it is of the earlier program.
        let (house, agents) = try Program.$other.withValue(earlier) {
            let house = try Household(database: address, options: ["--blobs-shared"])
            try house.signIn("camera", optimize: true)
            try house.signIn("laptop")
            try house.martlet("camera", "photos", "source", "add", photos)
            try house.martlet("laptop", "photos", "source", "add", more)
            let agents = [try house.startAgent("camera"), try house.startAgent("laptop")]
            return (house, agents)
        }

        // In the middle of it a newer server starts, takes its steps, and has a device of its own.
        usleep(400_000)
        let newer = try house.startOtherServer()
        try house.signIn("tablet", port: newer)
        let tablet = try house.startAgent("tablet")
        try Files.makePhotos(50, byteCount: 20_000, first: 1_000, in: photos)

        // The earlier one is started again beside it, then gives way.
        house.killServer()
        try Program.$other.withValue(earlier) { try house.startServer() }
        try Files.makePhotos(50, byteCount: 20_000, first: 2_000, in: more)
        usleep(400_000)
        house.killServer()
        try house.startServer()
        kill(agents[0].processIdentifier, SIGKILL)
        agents[0].waitUntilExit()
        _ = try house.startAgent("camera")

        let expected = Set(try Files.digests(in: photos).keys)
            .union(try Files.digests(in: more).keys)
        for device in ["laptop", "tablet"] {
            try house.expectUpToDate(device, items: expected.count)
            try house.expectLibrary(device, holds: expected)
        }
        // What the others sent is in the cloud for it.
        try house.expectUpToDate("camera")
        #expect(try house.status("camera").counts["items"] == expected.count)
        let doctor = try house.onServer("doctor", "--server", "--deep", "--json")
        let shown = try JSONDecoder().decode(ShownDoctor.self, from: Data(doctor.output.utf8))
        let complaints = shown.complaints.filter { $0.code != "backupMissing" }
        #expect(complaints.isEmpty, "\(shown.findings)")
        #expect(agents[1].isRunning && tablet.isRunning)
    }
}
