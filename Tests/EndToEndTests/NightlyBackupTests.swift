import Foundation
import Glibc
import TestSupport
import Testing

/// A server that backs itself up, as its owner finds it.
@Suite(.serialized) struct NightlyBackupTests {
    private func waits(_ seconds: Int = 60, until body: () throws -> Bool) rethrows -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            if try body() { return true }
            usleep(10_000)
        }
        return false
    }

    private func status(_ house: Household) throws -> String {
        String(decoding: try house.get("/api/v1/system-status"), as: UTF8.self)
    }

    private func hasBegun(_ backup: String) throws -> Bool {
        try FileManager.default.contentsOfDirectory(atPath: backup).contains { $0 != "lock" }
    }

    private func list(_ backup: String) throws -> [ShownBackups.Backup] {
        let listed = try Program.run(["backup", "list", "--from", backup, "--json"])
        #expect(listed.status == 0, "\(listed.errors)")
        return try JSONDecoder().decode(ShownBackups.self, from: Data(listed.output.utf8)).backups
    }

    @Test(.timeLimit(.minutes(6)))
    func `killed in the middle it is made after all, proven, and restores every picture`() throws {
        let house = try Household()
        let (photos, backup) = (house.folder.file("photos"), house.folder.file("backup"))
        try FileManager.default.createDirectory(atPath: photos, withIntermediateDirectories: true)
        for name in Files.names(in: RealPhotos.path("camera")).prefix(24) {
            try FileManager.default.copyItem(
                atPath: RealPhotos.path("camera") + "/" + name, toPath: photos + "/" + name)
        }
        try Files.makeNoise(60, byteCount: 300_000, in: photos)
        try house.signIn("camera", optimize: true)
        try house.martlet("camera", "photos", "source", "add", photos)
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        let same = try house.onServer("backup", "schedule", "--to", backup)
        #expect(same.status == 64 && same.errors.contains("--same-disk"), "\(same.errors)")
        let unset = try house.onServer("backup", "schedule")
        #expect(unset.status == 0 && unset.output.contains("makes no backup by itself"))
        house.killServer()
        let scheduled = try house.onServer("backup", "schedule", "--to", backup, "--same-disk")
        #expect(scheduled.status == 0 && scheduled.output.contains("at 03:00"))

        // It begins as soon as the server runs, which is killed each time a little later.
        let manifest = backup + "/manifest.json"
        var interrupted = 0
        for delay in [0, 30, 60, 120, 240] as [UInt32] {
            try house.startServer()
            #expect(try waits(20) { try hasBegun(backup) })
            usleep(delay * 1_000)
            house.killServer()
            if !FileManager.default.fileExists(atPath: manifest) { interrupted += 1 }
        }
        #expect(interrupted > 0)
        try house.startServer()
        #expect(waits { FileManager.default.fileExists(atPath: manifest) })
        #expect(try waits { try status(house).contains("\"provenAt\"") })
        #expect(try waits { try list(backup).last?.provenAt != nil })
        let page = String(decoding: try house.get("/status"), as: UTF8.self)
        #expect(page.contains("Proven to restore on 20") && !page.contains(backup))
        let doctor = try house.onServer("doctor", "--server")
        #expect(doctor.output.contains("each day at 03:00 into"), "\(doctor.output)")
        let first = try list(backup)
        #expect(first.count == 1 && (first.first?.objects ?? 0) >= 84)

        house.killServer()
        #expect(try shell("rm -rf '\(house.folder.file("data"))'") == 0)
        let number = String(try #require(first.last).backup)
        let restored = try Program.run([
            "restore", "--from", backup, "--backup", number, "--data", house.folder.file("data"),
        ])
        #expect(restored.status == 0, "\(restored.errors)")
        try house.startServer()
        try house.signIn("tablet")
        let synced = try house.martlet("tablet", "sync", "--once")
        #expect(synced.status == 0, "\(synced.output)\(synced.errors)")
        #expect(
            Set(try Files.digests(in: house.library("tablet")).keys)
                == Set(try Files.digests(in: photos).keys))
    }

    @Test(.timeLimit(.minutes(3)))
    func `backups are pruned by the rule, after it was said which would go`() throws {
        let house = try Household()
        try house.signIn("camera")
        let backup = house.folder.file("backup")
        var made: [Int64] = []
        for name in ["gps/DSCN0010.jpg", "gps/DSCN0012.jpg", "gps/DSCN0021.jpg"] {
            try FileManager.default.copyItem(
                atPath: RealPhotos.path(name),
                toPath: house.library("camera") + "/" + name.suffix(12))
            #expect(try house.martlet("camera", "sync", "--once").status == 0)
            let backedUp = try house.onServer("backup", "--to", backup, "--same-disk")
            #expect(backedUp.status == 0, "\(backedUp.errors)")
            made.append(try #require(try list(backup).last).backup)
            if made.count == 1 {
                #expect(try house.onServer("prove", "--from", backup).status == 0)
            }
        }
        // Of one day the newest stays, and the one that was proven.
        #expect(try list(backup).map(\.backup) == [made[0], made[2]])
        let early = try house.onServer("prove", "--from", backup, "--backup", "\(made[0])")
        #expect(early.status == 0, "\(early.errors)")
        #expect(try house.onServer("prove", "--from", backup).status == 0)
        let stray = backup + "/objects/00/" + String(repeating: "0", count: 64)
        try FileManager.default.createDirectory(
            atPath: backup + "/objects/00", withIntermediateDirectories: true)
        try Data(count: 1_000).write(to: URL(fileURLWithPath: stray))

        let dry = try Program.run(["backup", "prune", "--from", backup, "--dry-run"])
        #expect(dry.status == 0 && dry.output.contains("would go   \(made[0])"), "\(dry.output)")
        #expect(dry.output.contains("1 objects that no kept backup names (1 kB) would go."))
        #expect(try list(backup).count == 2 && FileManager.default.fileExists(atPath: stray))
        let pruned = try Program.run(["backup", "prune", "--from", backup, "--json"])
        #expect(pruned.status == 0 && pruned.output.contains("\"objects\":1"), "\(pruned.output)")
        #expect(try list(backup).map(\.backup) == [made[2]])
        #expect(!FileManager.default.fileExists(atPath: stray))
        #expect(try house.onServer("prove", "--from", backup, "--all").status == 0)
        let wrong = try Program.run(["backup", "prune", "--from", backup, "--keep", "often"])
        #expect(wrong.status == 64 && wrong.errors.contains("7d4w12m"))
    }

    @Test(.timeLimit(.minutes(3)))
    func `a disk that is away is told by the doctor and the status page, until it is there`()
        throws
    {
        let house = try Household()
        let backup = house.folder.file("backup")
        house.killServer()
        let scheduled = try house.onServer(
            "backup", "schedule", "--to", backup, "--same-disk", "--at", "4:30", "--keep", "3d",
            "--json")
        #expect(scheduled.status == 0 && scheduled.output.contains("\"keep\":\"3d\""))
        try FileManager.default.removeItem(atPath: backup)
        try house.startServer()
        #expect(try waits { try status(house).contains("\"failingSince\"") })
        let doctor = try house.onServer("doctor", "--server")
        #expect(doctor.output.contains("The nightly backup into \(backup) has failed since 20"))
        let page = String(decoding: try house.get("/status"), as: UTF8.self)
        #expect(page.contains("The nightly ones have failed since 20") && !page.contains(backup))
        #expect(!FileManager.default.fileExists(atPath: backup))
        // Scheduled again, it is tried at once.
        let again = try house.onServer("backup", "schedule", "--to", backup, "--same-disk")
        #expect(again.status == 0, "\(again.errors)")
        #expect(try waits { try status(house).contains("\"provenAt\"") })
        #expect(try waits { try !status(house).contains("\"failingSince\"") })
        #expect(try house.onServer("backup", "schedule", "--off").status == 0)
        #expect(try list(backup).count == 1)
    }
}
