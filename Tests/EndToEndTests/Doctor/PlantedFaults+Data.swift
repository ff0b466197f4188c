import Foundation
import Glibc
import Records
import TestSupport
import Testing

// Faults of files, of the device's database, and of the server's copies.
extension PlantedFault {
    static let files: [PlantedFault] = [
        PlantedFault("a file that was overlooked", "filesChanged", mendedBy: "reconcile") { world in
            try world.add("gps/DSCN0038.jpg")
        },
        PlantedFault("a file with other times", "filesChanged", mendedBy: "reconcile") { world in
            // Long ago: nobody waits for its writer.
            let times = [timeval(tv_sec: 1_000_000_000, tv_usec: 0)]
            _ = utimes(world.library + "/DSCN0012.jpg", times + times)
        },
        PlantedFault("a file that was moved", "filesChanged", mendedBy: "reconcile") { world in
            _ = mkdir(world.library + "/elsewhere", 0o755)
            _ = rename(
                world.library + "/DSCN0021.jpg", world.library + "/elsewhere/DSCN0021.jpg")
        },
        PlantedFault("the same picture twice", "duplicates") { world in
            try FileManager.default.copyItem(
                atPath: world.first, toPath: world.library + "/twice.jpg")
            try world.sync()
        } endedBy: { world in
            _ = unlink(world.library + "/twice.jpg")
            try world.sync()
        },
        PlantedFault("names that differ in case", "nameClash") { world in
            try FileManager.default.copyItem(
                atPath: world.first, toPath: world.library + "/dscn0010.JPG")
            try world.sync()
        } endedBy: { world in
            _ = unlink(world.library + "/dscn0010.JPG")
            try world.sync()
        },
        PlantedFault("an agent that did not run", "agentNotRunning", mendedBy: "reconcile") {
            world in
            world.house.killServer()
            try world.add("gps/DSCN0040.jpg")
            try world.house.martlet(world.device, "sync", "--once")
            try world.house.startServer()
        },
        PlantedFault("an item that has waited for days", "itemsStuck", mendedBy: "retryNow") {
            world in
            world.house.killServer()
            try world.add("gps/DSCN0042.jpg")
            try world.house.martlet(world.device, "sync", "--once")
            try world.house.startServer()
            try sql(
                "UPDATE localFile SET since = 1000 WHERE openPath IS NOT NULL", on: world.database)
        },
        PlantedFault("a decision that was not told", "decisionsStuck", mendedBy: "reconcile") {
            world in
            world.house.killServer()
            try world.house.martlet(
                world.device, "photos", "favorite", world.library + "/DSCN0025.jpg")
            try world.house.startServer()
        },
    ]

    static let database: [PlantedFault] = [
        PlantedFault("a lost index", "indexMissing", mendedBy: "rebuildDerived") { world in
            try sql("DROP INDEX localFileDigest", on: world.database)
        },
        PlantedFault("many lost indexes", "indexMissing", mendedBy: "rebuildDerived") { world in
            try sql(
                "DROP INDEX localFileOpen; DROP INDEX remoteLive; DROP INDEX storySubject",
                on: world.database)
        },
        PlantedFault("an index that lies", "indexWrong", mendedBy: "rebuildDerived") { world in
            // The index is out of the schema while a row goes, and then in again.
            try sql(
                """
                CREATE TABLE kept AS SELECT * FROM sqlite_master WHERE name = 'storySubject';
                DELETE FROM sqlite_master WHERE name = 'storySubject'
                """,
                "DELETE FROM story WHERE number = (SELECT max(number) FROM story)",
                "INSERT INTO sqlite_master SELECT * FROM kept",
                "DROP TABLE kept", on: world.database)
        },
        PlantedFault("files counted as open", "rowsDisagree", mendedBy: "rebuildDerived") { world in
            try sql("UPDATE localFile SET openPath = name WHERE root = 0", on: world.database)
        },
        PlantedFault("pictures counted as absent", "rowsDisagree", mendedBy: "rebuildDerived") {
            world in
            try sql(
                "UPDATE remote SET lacksHere = 1, lacksInLibrary = 1 WHERE type = 'asset'",
                on: world.database)
        },
        PlantedFault("pages full of garbage", "libraryDamaged", mendedBy: "repairDatabase") {
            world in
            let start = 4_096 * 8
            let count = world.byteCount(world.database) - start
            try world.overwrite(
                [UInt8](repeating: 0xA5, count: count), at: start, of: world.database)
        },
        PlantedFault("a database cut short", "libraryDamaged", mendedBy: "repairDatabase") {
            world in
            _ = truncate(world.database, off_t(world.byteCount(world.database) / 2))
        },
        PlantedFault(
            "a database with another beginning", "libraryDamaged", mendedBy: "repairDatabase"
        ) {
            world in
            try world.overwrite([UInt8](repeating: 0, count: 100), at: 0, of: world.database)
        },
        PlantedFault("a lost table", "libraryDamaged", mendedBy: "repairDatabase") { world in
            try sql("DROP TABLE story", on: world.database)
        },
        PlantedFault("lost settings", "libraryDamaged", mendedBy: "repairDatabase") { world in
            try sql("DELETE FROM settings", on: world.database)
        },
        PlantedFault("a lost database", "databaseMissing", mendedBy: "repairDatabase") { world in
            for suffix in ["", "-wal", "-shm"] { _ = unlink(world.database + suffix) }
        },
        PlantedFault("a newer Martlet's database", "databaseFromNewerVersion") { world in
            try FileManager.default.copyItem(
                atPath: world.database, toPath: world.database + ".kept")
            try world.overwrite([0, 0, 3, 231], at: 60, of: world.database)
        } endedBy: { world in
            _ = rename(world.database + ".kept", world.database)
        },
    ]

    static let copies: [PlantedFault] = [
        PlantedFault(
            "a file that rotted", "bytesDiffer", mendedBy: "fetchGoodCopy",
            arguments: ["--deep"]
        ) {
            world in
            try world.rot(world.library + "/DSCN0027.jpg")
        },
        PlantedFault(
            "an object that the server lost", "serverLacks", mendedBy: "sendAgain",
            arguments: ["--deep"]
        ) {
            world in
            _ = unlink(try world.object(of: try world.addNew(0)))
        },
        PlantedFault(
            "an object that rotted on the server", "serverLacks", mendedBy: "sendAgain",
            arguments: ["--deep"]
        ) { world in
            let path = try world.object(of: try world.addNew(1))
            try world.overwrite([0x5A, 0x5A, 0x5A], at: 10_000, of: path)
        },
        PlantedFault(
            "most originals rotted", "bytesDiffer", byHand: "startOver",
            arguments: ["--deep"]
        ) { world in
            // So many that no repair believes it: file by file it is refused.
            for name in Files.names(in: world.library) {
                let path = world.library + "/" + name
                if world.byteCount(path) > 30_000 { try world.rot(path) }
            }
            let refused = try world.house.doctor(world.device, "--deep", "--fix", "--yes")
            guard refused.remedies.map(\.outcome) == ["refused"] else {
                throw HouseholdError(description: "not refused: \(refused.remedies)")
            }
        } endedBy: { world in
            try world.house.martlet(world.device, "doctor", "start-over", "--yes")
            try world.sync()
        },
        PlantedFault("more to come than fits", "deviceWillNotFit") { world in
            // Heard of while there is no space at all, so that it is not fetched.
            try world.house.setConditions(#"{"disk":{"freeBytes":1000000}}"#, on: world.device)
            try world.house.signIn("visitor")
            try world.add("camera/Canon EOS 450D.jpg", on: "visitor")
            try world.sync("visitor")
            try world.house.martlet(world.device, "sync", "--once")
            let free = Limits.deviceReserveByteCount + 10_000
            try world.house.setConditions(
                #"{"disk":{"freeBytes":\#(free)}}"#, on: world.device)
        } endedBy: { world in
            try world.house.setConditions("{}", on: world.device)
            try world.sync()
            try world.house.martlet("visitor", "logout")
        },
    ]

    /// On a device with Optimize Storage.
    static let previews: [PlantedFault] = [
        PlantedFault("a preview that was deleted", "previewsMissing", mendedBy: "rebuildPreviews") {
            world in
            _ = unlink(try world.preview())
        },
        PlantedFault("a preview cut short", "previewsMissing", mendedBy: "rebuildPreviews") {
            world in
            _ = truncate(try world.preview(), 100)
        },
        PlantedFault("photos switched off elsewhere", "serviceOffElsewhere") { world in
            try world.house.martlet("camera", "services", "off", "photos", "--keep")
            try world.house.martlet("camera", "sync", "--once")
        } endedBy: { world in
            try world.house.martlet("camera", "services", "on", "photos")
            try world.sync("camera")
        },
        PlantedFault("a device that nobody has heard of for weeks", "otherDeviceSilent") { world in
            world.house.killServer()
            try sql(
                "UPDATE device SET heardAt = heardAt - 1814400000 WHERE name = 'camera'",
                """
                UPDATE deviceState SET reportedAt = reportedAt - 1814400000
                WHERE device IN (SELECT id FROM device WHERE name = 'camera')
                """,
                on: world.house.folder.file("data") + "/database.sqlite")
            try world.house.startServer()
        } endedBy: { world in
            try world.sync("camera")
        },
    ]
}

extension DoctorWorld {
    func preview() throws -> String {
        let folder = library + "/.martlet/previews"
        let all = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        guard let name = all.sorted().first(where: { $0.hasSuffix(".webp") }) else {
            throw HouseholdError(description: "no preview in \(folder)")
        }
        return folder + "/" + name
    }

    private var mark: String { library + "/.martlet/mark" }

    /// Gives one of the mark's ids another value.
    func changeMark(_ key: String) throws {
        try FileManager.default.copyItem(atPath: mark, toPath: mark + ".kept")
        let data = try Data(contentsOf: URL(fileURLWithPath: mark))
        guard var object = try JSONSerialization.jsonObject(with: data) as? [String: Any],
            let id = object[key] as? String
        else { throw HouseholdError(description: "the mark has no \(key)") }
        object[key] = String(id.reversed())
        try JSONSerialization.data(withJSONObject: object).write(to: URL(fileURLWithPath: mark))
    }

    func restoreMark() throws { _ = rename(mark + ".kept", mark) }
}
