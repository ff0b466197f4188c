import Foundation
import TestSupport
import Testing

/// Whether a backup restores, tried beside a server that runs.
@Suite(.serialized) struct ProveTests {
    @Test(.timeLimit(.minutes(3)))
    func `a proof is remembered, and a backup that no longer restores is told of`() throws {
        let house = try Household()
        try house.signIn("camera")
        try FileManager.default.copyItem(
            atPath: RealPhotos.path("gps/DSCN0010.jpg"),
            toPath: house.library("camera") + "/a.jpg")
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        let backup = house.folder.file("backup")
        #expect(try house.onServer("prove", "--from", backup).status == 64)
        let made = try house.onServer("backup", "--to", backup, "--same-disk")
        #expect(made.status == 0, "\(made.errors)")
        let untried = try house.onServer("doctor", "--server")
        #expect(untried.output.contains("No backup was proven to restore yet."))

        let good = try house.onServer("prove", "--from", backup, "--all")
        #expect(good.status == 0, "\(good.output)\(good.errors)")
        #expect(good.output.contains("restores: its database is sound"))
        #expect(try !house.onServer("doctor", "--server").output.contains("proven to restore yet"))
        #expect(try soon { try status(house).contains("Proven to restore on 20") })

        #expect(try shell("find '\(backup)/objects' -type f -delete") == 0)
        let bad = try house.onServer("prove", "--from", backup, "--json")
        #expect(bad.status == 3, "\(bad.output)\(bad.errors)")
        #expect(bad.output.contains("are gone or cut off"))
        let doctor = try house.onServer("doctor", "--server")
        #expect(doctor.status == 3 && doctor.output.contains("does not restore, as tried on 20"))
        #expect(try soon { try status(house).contains("does not restore.") })
        let left = try FileManager.default.contentsOfDirectory(atPath: house.folder.file("data"))
        #expect(!left.contains("martlet-proving"))
    }

    private func status(_ house: Household) throws -> String {
        String(decoding: try house.get("/status"), as: UTF8.self)
    }
}
