import Foundation
import TestSupport
import Testing

/// The photos service off and on, and signing out with the files' removal, with real processes.
@Suite(.serialized) struct ServicesTests {
    private struct Outcome: Decodable {
        struct Kept: Decodable {
            let path: String
            let why: String
        }
        let removed: Int
        let kept: [Kept]
    }

    private struct Shown: Decodable {
        let service: String
        let on: Bool
        let offOn: [String]?
    }

    private func put(_ name: String, on device: String, in house: Household) throws {
        let folder = house.library(device) + "/2020"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            atPath: RealPhotos.path("gps/\(name)"), toPath: folder + "/\(name)")
    }

    private func outcome(_ result: Program.Result) throws -> Outcome {
        try JSONDecoder().decode(Outcome.self, from: Data(result.output.utf8))
    }

    private func services(_ device: String, in house: Household) throws -> Shown {
        let result = try house.martlet(device, "services", "--json")
        return try #require(
            JSONDecoder().decode([Shown].self, from: Data(result.output.utf8)).first)
    }

    /// As every device, and the web page, hears it from the server.
    private func serviceOffCount(in house: Household) throws -> Int {
        try house.martlet("phone", "devices", "--json").output
            .components(separatedBy: "serviceOff").count - 1
    }

    @Test(.timeLimit(.minutes(3)))
    func `photos off is a reason with its devices, holds everything, and goes when it is on`()
        throws
    {
        let house = try Household()
        try house.signIn("camera")
        try house.signIn("phone")
        _ = try house.startAgent("phone")
        _ = try house.startAgent("camera")
        try house.expectUpToDate("camera")
        #expect(try house.martlet("phone", "services", "off", "photos").status == 0)
        try house.expectShown("serviceOff", on: "phone", saying: ["off on this device."])
        // The server has to know of it before the other device asks.
        let isHeard = try soon { try serviceOffCount(in: house) == 1 }
        #expect(isHeard)
        try house.expectReason("serviceOff", on: "camera", saying: "this device and phone") {
            let off = try house.martlet("camera", "services", "off", "photos")
            #expect(off.status == 0)
        } goneAfter: {
            try put("DSCN0010.jpg", on: "camera", in: house)
            #expect(soon { (try? house.status("camera"))?.counts["onlyHere"] == 1 })
            let shown = try services("camera", in: house)
            #expect(!shown.on && shown.offOn == ["phone"])
            // The server has it from both devices, for everybody who asks.
            let areHeard = try soon { try serviceOffCount(in: house) == 2 }
            #expect(areHeard)
            let on = try house.martlet("camera", "services", "on", "photos", "--json")
            #expect(on.output == #"{"on":true,"service":"photos"}"# + "\n")
        }
        try house.expectUpToDate("camera", items: 1)
        #expect(Files.names(in: house.library("phone")).isEmpty)
        #expect(try house.martlet("phone", "services", "on", "photos").status == 0)
        try house.expectUpToDate("phone", items: 1)
        #expect(try services("phone", in: house).on)
        #expect(try house.martlet("phone", "services", "off", "drive").status == 64)
        #expect(
            try house.martlet("phone", "services", "off", "photos", "--keep", "--remove").status
                == 64)
    }

    @Test(.timeLimit(.minutes(3)))
    func `what goes while photos is off was deleted by nobody, and comes back`() throws {
        let house = try Household()
        try house.signIn("camera")
        try put("DSCN0010.jpg", on: "camera", in: house)
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        #expect(try house.martlet("camera", "services", "off", "photos").status == 0)
        #expect(try house.martlet("camera", "sync", "--once").status == 3)
        try FileManager.default.removeItem(atPath: house.library("camera") + "/2020")
        #expect(try house.martlet("camera", "services", "on", "photos").status == 0)
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        #expect(Files.names(in: house.library("camera")).count == 1)
        #expect(try house.status("camera").counts["inSync"] == 1)
    }

    @Test(.timeLimit(.minutes(3)), arguments: [true, false])
    func `off with remove takes away what is proven, and on brings it back`(runs: Bool) throws {
        let house = try Household()
        try house.signIn("camera")
        for name in ["DSCN0010.jpg", "DSCN0012.jpg"] {
            try put(name, on: "camera", in: house)
        }
        let notes = house.library("camera") + "/notes.txt"
        try Data("mine".utf8).write(to: URL(fileURLWithPath: notes))
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        if runs {
            _ = try house.startAgent("camera")
            try house.expectUpToDate("camera", items: 2)
        }
        let off = try house.martlet("camera", "services", "off", "photos", "--remove", "--json")
        #expect(off.status == 3, "\(off.errors)")
        let result = try outcome(off)
        #expect(result.removed == 2)
        #expect(result.kept.map(\.path) == [notes])
        #expect(result.kept.map(\.why) == ["notAPhoto"])
        #expect(Files.names(in: house.library("camera")) == ["notes.txt"])
        // Another device has everything: nothing was deleted.
        try house.signIn("phone")
        #expect(try house.martlet("phone", "sync", "--once").status == 0)
        #expect(Files.names(in: house.library("phone")).count == 2)
        #expect(try house.martlet("camera", "services", "on", "photos").status == 0)
        if !runs { #expect(try house.martlet("camera", "sync", "--once").status == 0) }
        #expect(soon(within: 60) { (try? house.status("camera"))?.counts["inSync"] == 2 })
        #expect(Files.names(in: house.library("camera")).count == 3)
    }

    @Test(.timeLimit(.minutes(3)))
    func `logout with remove keeps what the server has not, and a new sign-in deletes nothing`()
        throws
    {
        let house = try Household()
        try house.signIn("camera")
        for name in ["DSCN0010.jpg", "DSCN0012.jpg"] {
            try put(name, on: "camera", in: house)
        }
        let source = house.folder.file("source")
        try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            atPath: RealPhotos.path("gps/DSCN0021.jpg"), toPath: source + "/a.jpg")
        #expect(try house.martlet("camera", "photos", "source", "add", source).status == 0)
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        let inventory = try Files.inventory(of: source)
        try put("DSCN0025.jpg", on: "camera", in: house)

        house.killServer()
        let unreachable = try house.martlet("camera", "logout", "--remove")
        #expect(unreachable.status == 75, "\(unreachable.errors)")
        #expect(unreachable.errors.contains("logout --keep"))
        #expect(Files.names(in: house.library("camera")).count == 4)
        try house.startServer()

        let left = try house.martlet("camera", "logout", "--remove", "--json")
        #expect(left.status == 3, "\(left.output)\(left.errors)")
        let result = try outcome(left)
        #expect(result.removed == 3)
        #expect(result.kept.map(\.why) == ["onlyHere"])
        #expect(Files.names(in: house.library("camera")) == ["2020/DSCN0025.jpg"])
        #expect(try Files.inventory(of: source) == inventory)
        #expect(try house.martlet("camera", "status").status == 77)

        // The same folder again: what is missing in it was deleted by nobody.
        try house.signIn("camera")
        let again = try house.martlet("camera", "sync", "--once")
        #expect(again.status == 0, "\(again.output)\(again.errors)")
        #expect(try house.status("camera").counts["inSync"] == 4)
        let trash = try house.martlet("camera", "photos", "trash", "--json")
        #expect(trash.output == "[]\n")
        #expect(Files.names(in: house.library("camera")).count == 4)
        #expect(try house.martlet("camera", "logout", "--remove").status == 0)
        #expect(!FileManager.default.fileExists(atPath: house.library("camera")))
    }

    @Test(.timeLimit(.minutes(3)))
    func `a removal that is killed at any moment loses nothing`() throws {
        let house = try Household()
        try house.signIn("camera")
        let names = try FileManager.default.contentsOfDirectory(atPath: RealPhotos.path("gps"))
            .filter { $0.hasSuffix(".jpg") }
        for name in names { try put(name, on: "camera", in: house) }
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        let expected = try house.status("camera").counts["inSync"]
        for milliseconds in [30, 60, 90, 120, 160, 250] {
            let process = try Program.start(
                ["logout", "--remove"],
                environment: ["MARTLET_HOME": house.home("camera")])
            usleep(UInt32(milliseconds) * 1_000)
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            var synced = try house.martlet("camera", "sync", "--once")
            // Signed out already, here or only on the server.
            if synced.status == 77 {
                try house.signIn("camera")
                synced = try house.martlet("camera", "sync", "--once")
            }
            #expect(synced.status == 0, "\(milliseconds): \(synced.output)\(synced.errors)")
            #expect(try house.status("camera").counts["inSync"] == expected)
        }
        let trash = try house.martlet("camera", "photos", "trash", "--json")
        #expect(trash.output == "[]\n")
        #expect(Files.names(in: house.library("camera")).count == expected)
    }

    /// Runs `logout --remove` and kills it as soon as `isTime`; `false`: it ended before.
    private func killSignOut(_ house: Household, when isTime: () -> Bool) throws -> Bool {
        let process = try Program.start(
            ["logout", "--remove"], environment: ["MARTLET_HOME": house.home("camera")])
        while process.isRunning, !isTime() { usleep(200) }
        let isKilled = process.isRunning
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        return isKilled
    }

    @Test(.timeLimit(.minutes(5)))
    func `logout with remove, killed at any moment, goes on; only what has receipts leaves`() throws
    {
        let house = try Household()
        let files = FileManager.default
        let library = house.library("camera")
        let names = try files.contentsOfDirectory(atPath: RealPhotos.path("gps"))
            .filter { $0.hasSuffix(".jpg") }.sorted()
        let only = Data([0xff, 0xd8, 0xff, 0xe0]) + Data("only on this device".utf8)
        try house.signIn("camera")
        for name in names { try put(name, on: "camera", in: house) }
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        let home = house.home("camera")
        func photos() -> Int { Files.names(in: library).filter { $0.hasSuffix(".jpg") }.count }
        func exists(_ path: String) -> Bool { files.fileExists(atPath: path) }
        func leaving() -> Int {
            ((try? files.contentsOfDirectory(atPath: library + "/.martlet/leaving")) ?? []).count
        }
        let moments: [(String, () -> Bool)] = [
            ("something is leaving", { leaving() > 0 }),
            ("something has left", { photos() <= names.count }),
            ("all but one have left", { photos() <= 2 }),
            ("all have left", { photos() <= 1 && leaving() == 0 }),
            ("only the sign-in is to end", { exists(home + "/signing-out") }),
            ("the mark is gone", { !exists(library + "/.martlet/mark") }),
            ("the secret is gone", { !exists(home + "/token") }),
            ("the database is gone", { !exists(home + "/device.sqlite") }),
        ]
        var killed: [String] = []
        for (moment, isTime) in moments {
            // Never sent: nothing may take it away.
            try only.write(to: URL(fileURLWithPath: library + "/only.jpg"))
            if try killSignOut(house, when: isTime) { killed.append(moment) }
            #expect(try Data(contentsOf: URL(fileURLWithPath: library + "/only.jpg")) == only)
            // Run again it comes to its end, whether it was signed out by then or not.
            let again = try house.martlet("camera", "logout", "--remove")
            #expect([0, 3, 77].contains(again.status), "\(moment): \(again.output)\(again.errors)")
            #expect(try house.martlet("camera", "status").status == 77, "\(moment)")
            #expect(Files.names(in: library) == ["only.jpg"], "\(moment)")
            #expect(try Data(contentsOf: URL(fileURLWithPath: library + "/only.jpg")) == only)

            // All that left is on the server, and nothing of it was deleted.
            try files.removeItem(atPath: library + "/only.jpg")
            try house.signIn("camera")
            let synced = try house.martlet("camera", "sync", "--once")
            #expect(synced.status == 0, "\(moment): \(synced.output)\(synced.errors)")
            let expected = try Files.digests(in: RealPhotos.path("gps")).keys
            #expect(try Set(Files.digests(in: library).keys) == Set(expected), "\(moment)")
            #expect(try house.martlet("camera", "photos", "trash", "--json").output == "[]\n")
        }
        // A quick machine may pass one or the other by, not most.
        #expect(killed.count >= 3, "\(killed)")
    }

    @Test(.timeLimit(.minutes(2)))
    func `a device can sign in without photos`() throws {
        let house = try Household()
        let login = { (services: String) in
            try Program.run(
                [
                    "login", house.url, "--account", "me", "--library", house.library("tv"),
                    "--services", services, "--password-stdin",
                ], home: house.home("tv"), input: house.password + "\n")
        }
        #expect(try login("photos,drive").status == 64)
        #expect(try login("none").status == 0)
        #expect(try !services("tv", in: house).on)
        #expect(try login("photos").status == 0)
        #expect(try services("tv", in: house).on)
        #expect(try house.martlet("tv", "sync", "--once").status == 0)
    }

    @Test(.timeLimit(.minutes(2)))
    func `photos that are switched off for an account wait, say so, and go on`() throws {
        let house = try Household()
        try house.signIn("camera")
        _ = try house.startAgent("camera")
        try house.expectUpToDate("camera")
        #expect(try house.onServer("account", "services", "me", "mail", "off").status != 0)
        #expect(try house.onServer("account", "services", "me", "photos").status == 64)
        try house.expectReason(
            "appNotAllowed", on: "camera",
            saying: "Photos is switched off for this account on the server."
        ) {
            let off = try house.onServer("account", "services", "me", "photos", "off")
            #expect(off.status == 0, "\(off.errors)")
            #expect(off.output.contains("photos is off since 20"))
            try FileManager.default.copyItem(
                atPath: RealPhotos.path("gps/DSCN0010.jpg"),
                toPath: house.library("camera") + "/a.jpg")
        } goneAfter: {
            #expect(try house.status("camera").counts["inSync"] == 0)
            let on = try house.onServer("account", "services", "me", "photos", "on")
            #expect(on.output == "photos is on\n", "\(on.errors)")
        }
        try house.expectUpToDate("camera")
        #expect(try house.status("camera").counts["inSync"] == 1)
    }
}
