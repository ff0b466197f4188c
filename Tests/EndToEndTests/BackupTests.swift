import Foundation
import Glibc
import TestSupport
import Testing

/// Backups and restores with real processes: whole or not at all, and nothing is lost or doubled.
@Suite(.serialized) struct BackupTests {
    private func backUp(_ house: Household) throws -> ShownBackup {
        let result = try house.onServer(
            "backup", "--to", house.folder.file("backup"), "--same-disk", "--json")
        #expect(result.status == 0, "\(result.output)\n\(result.errors)")
        return try JSONDecoder().decode(ShownBackup.self, from: Data(result.output.utf8))
    }

    private func restore(_ house: Household, _ more: String...) throws -> ShownRestore {
        let result = try Program.run(
            [
                "restore", "--from", house.folder.file("backup"), "--data",
                house.folder.file("data"), "--json",
            ] + more)
        #expect(result.status == 0, "\(result.output)\n\(result.errors)")
        return try JSONDecoder().decode(ShownRestore.self, from: Data(result.output.utf8))
    }

    /// A device that knows nothing yet gets just these bytes, each once.
    private func expectAll(_ photos: String, on device: String, _ house: Household) throws {
        try house.signIn(device)
        let synced = try house.martlet(device, "sync", "--once")
        #expect(synced.status == 0, "\(synced.output)\n\(synced.errors)")
        let arrived = try Files.digests(in: house.library(device))
        #expect(Set(arrived.keys) == Set(try Files.digests(in: photos).keys))
        #expect(arrived.values.allSatisfy { $0.count == 1 })
    }

    @Test(.timeLimit(.minutes(4)))
    func `a lost server comes back from its backup, and devices send what came after it`() throws {
        let house = try Household()
        let photos = house.folder.file("photos")
        try Files.copyRealPhotos(0..<10, to: photos)
        try house.signIn("camera", optimize: true)
        try house.signIn("laptop")
        try house.martlet("camera", "photos", "source", "add", photos)
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        #expect(try house.martlet("laptop", "sync", "--once").status == 0)
        let first = try backUp(house)
        #expect(first.copied == first.objects && first.objects >= 10)
        try Files.copyRealPhotos(10..<14, to: photos)
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        let second = try backUp(house)
        #expect(second.objects > first.objects)
        #expect(second.copied == second.objects - first.objects)
        // But for thumbnails that the server has made meanwhile, all of it is there.
        let last = try backUp(house)
        #expect(last.copied == last.objects - second.objects)
        // What comes now is in no backup.
        try Files.copyRealPhotos(14..<24, to: photos)
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        #expect(try house.martlet("laptop", "sync", "--once").status == 0)

        house.killServer()
        #expect(try shell("rm -rf '\(house.folder.file("data"))'") == 0)
        let restored = try restore(house)
        #expect(restored.copied == last.objects && restored.kept == 0)
        #expect(restored.epoch == last.epoch + 1)
        try house.startServer()
        for device in ["laptop", "camera", "laptop"] {
            let synced = try house.martlet(device, "sync", "--once")
            #expect(synced.status == 0, "\(device): \(synced.output)\n\(synced.errors)")
        }
        let laptop = try Files.digests(in: house.library("laptop"))
        #expect(Set(laptop.keys) == Set(try Files.digests(in: photos).keys))
        #expect(laptop.values.allSatisfy { $0.count == 1 })
        try expectAll(photos, on: "tablet", house)
    }

    @Test(.timeLimit(.minutes(2)))
    func `an original that only the server has is told until a backup has it`() throws {
        let house = try Household()
        try house.signIn("camera", optimize: true)
        let picture = house.library("camera") + "/a.jpg"
        try FileManager.default.copyItem(
            atPath: RealPhotos.path("gps/DSCN0010.jpg"), toPath: picture)
        _ = try house.startAgent("camera")
        try house.expectUpToDate("camera", items: 1)
        try house.expectReason(
            "lastCopy", on: "camera", saying: "1 item left this device", "there is none"
        ) {
            #expect(try house.martlet("camera", "photos", "evict", picture).status == 0)
            #expect(soon { !FileManager.default.fileExists(atPath: picture) })
            usleep(1_500_000)
            // The device hears it with its next report: what it has to say changes.
            try house.setConditions(#"{"power":{"lowPowerMode":true}}"#, on: "camera")
        } goneAfter: {
            #expect(try backUp(house).copied >= 1)
            try house.setConditions("{}", on: "camera")
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a backup and a restore refuse what would harm, and say what to do`() throws {
        let house = try Household()
        let backup = house.folder.file("backup")
        let same = try house.onServer("backup", "--to", backup)
        #expect(same.status == 64 && same.errors.contains("--same-disk"))
        let inside = try house.onServer(
            "backup", "--to", house.folder.file("data/backup"), "--same-disk")
        #expect(inside.status == 64)
        let none = try house.onServer("restore", "--from", house.folder.file("nowhere"))
        #expect(none.status == 75 && none.errors.contains("stop it"))
        #expect(try backUp(house).objects == 0)
        house.killServer()
        let absent = try house.onServer("restore", "--from", house.folder.file("nowhere"))
        #expect(absent.status == 64 && absent.errors.contains("no whole backup"))
        let replaced = try house.onServer("restore", "--from", backup)
        #expect(replaced.status == 64 && replaced.errors.contains("--replace"))
        #expect(try restore(house, "--replace").copied == 0)
        let aside = try FileManager.default.contentsOfDirectory(
            atPath: house.folder.file("data")
        ).filter { $0.hasPrefix("replaced-") }
        #expect(aside.count == 1)
        // A backup whose database is not what the manifest says is none.
        #expect(try shell("for f in '\(backup)'/database-*; do printf x >> \"$f\"; done") == 0)
        let damaged = try house.onServer("restore", "--from", backup, "--replace")
        #expect(damaged.status == 3 && damaged.errors.contains("not what the backup says"))
    }

    @Test(.timeLimit(.minutes(5)))
    func `killed in the middle, a backup is whole or none, and a restore goes on`() throws {
        let house = try Household()
        let photos = house.folder.file("photos")
        try Files.makeNoise(150, byteCount: 400_000, in: photos)
        try house.signIn("camera", optimize: true)
        try house.martlet("camera", "photos", "source", "add", photos)
        #expect(try house.martlet("camera", "sync", "--once").status == 0)

        let (backup, data) = (house.folder.file("backup"), house.folder.file("data"))
        var interrupted = 0
        for milliseconds in [30, 60, 100, 150, 220, 300, 400, 600] as [UInt32] {
            let process = try Program.start(
                ["backup", "--to", backup, "--same-disk", "--data", data])
            usleep(milliseconds * 1_000)
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            if process.terminationReason == .uncaughtSignal { interrupted += 1 }
            guard !FileManager.default.fileExists(atPath: backup + "/manifest.json") else {
                continue
            }
            let refused = try Program.run(
                ["restore", "--from", backup, "--data", house.folder.file("other")])
            #expect(refused.status == 64, "\(refused.output)\(refused.errors)")
        }
        #expect(interrupted > 0)
        // Everything that has its name is what its name says.
        let check =
            "cd '\(backup)/objects' && find . -type f | while read f; do "
            + "[ \"$(sha256sum < \"$f\" | cut -d' ' -f1)\" = \"$(basename \"$f\")\" ] || exit 1; done"
        #expect(try shell(check) == 0)
        let made = try backUp(house)
        #expect(made.objects >= 150 && made.missing.isEmpty)

        house.killServer()
        #expect(try shell("rm -rf '\(data)'") == 0)
        interrupted = 0
        for milliseconds in [40, 80, 150, 250, 400] as [UInt32] {
            let process = try Program.start(["restore", "--from", backup, "--data", data])
            usleep(milliseconds * 1_000)
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            guard process.terminationReason == .uncaughtSignal,
                FileManager.default.fileExists(atPath: data + "/restore.mark")
            else { continue }
            interrupted += 1
            let serve = try Program.run(["serve", "--data", data, "--listen", "127.0.0.1:0"])
            #expect(serve.status != 0 && serve.errors.contains("martlet restore"))
        }
        #expect(interrupted > 0)
        let restored = try restore(house, "--replace")
        #expect(restored.copied + restored.kept == made.objects)
        try house.startServer()
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        try expectAll(photos, on: "laptop", house)
    }
}
