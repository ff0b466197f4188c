import Foundation
import Glibc
import TestSupport
import Testing

extension PlantedFault {
    /// Every planted fault; Documentation/troubleshooting.md has the same table.
    static let everything = all + home + previews + trust + server

    /// Those of a device and its server as they mostly are.
    static let all = surroundings + account + agent + library + files + database + copies

    static let surroundings: [PlantedFault] = [
        PlantedFault("no route", "offline", conditions: #"{"network":{"reachable":false}}"#),
        PlantedFault(
            "the network's sign-in page", "captivePortal",
            conditions: #"{"network":{"captivePortal":true}}"#),
        PlantedFault(
            "a metered network", "meteredNetwork", conditions: #"{"network":{"metered":true}}"#),
        PlantedFault("a VPN in the way", "tunnelInUse", conditions: #"{"network":{"vpn":true}}"#),
        PlantedFault(
            "an empty battery", "lowBattery",
            conditions: #"{"power":{"source":"battery","level":0.12}}"#),
        PlantedFault(
            "the power saver", "lowPowerMode", conditions: #"{"power":{"lowPowerMode":true}}"#),
        PlantedFault("a wrong clock", "clockWrong", conditions: #"{"clockOffsetSeconds":420}"#),
        PlantedFault("a full disk", "deviceFull", conditions: #"{"disk":{"freeBytes":1000000}}"#),
        PlantedFault("too few watches", "watchLimit", conditions: #"{"watchLimit":8192}"#),
        PlantedFault("a server that is off", "serverUnreachable") { world in
            world.house.killServer()
        } endedBy: { world in
            try world.house.startServer()
        },
        PlantedFault("another program at the server's address", "captivePortal") { world in
            world.house.killServer()
            try world.startStranger()
        } endedBy: { world in
            world.endStranger()
            try world.house.startServer()
        },
    ]

    static let account: [PlantedFault] = [
        PlantedFault("a pause that was forgotten", "pausedByYou") { world in
            try world.house.martlet(world.device, "pause")
        } endedBy: { world in
            try world.house.martlet(world.device, "resume")
            try world.sync()
        },
        PlantedFault("photos switched off", "serviceOff") { world in
            try world.house.martlet(world.device, "services", "off", "photos", "--keep")
        } endedBy: { world in
            try world.house.martlet(world.device, "services", "on", "photos")
            try world.sync()
        },
        PlantedFault("maintenance", "serverMaintenance") { world in
            try world.house.onServer("maintenance", "on", "--until", "45min")
            _ = soon { (try? world.house.get("/api/v1/identity"))?.contains(Self.word) ?? false }
        } endedBy: { world in
            try world.house.onServer("maintenance", "off")
            _ = soon { !((try? world.house.get("/api/v1/identity"))?.contains(Self.word) ?? true) }
        },
        PlantedFault("a server that is slower than usual", "serverDegraded") { world in
            try world.house.startServerWithConditions()
            try world.house.slowPhotosDown()
        } endedBy: { world in
            world.house.killServer()
            try world.house.startServer()
        },
        PlantedFault("an account that is nearly full", "accountNearlyFull") { world in
            try world.house.setQuota("1.1MB")
        } endedBy: { world in
            try world.house.setQuota("50GB")
        },
        PlantedFault("a full account", "accountFull") { world in
            try world.house.setQuota("200kB")
        } endedBy: { world in
            try world.house.setQuota("50GB")
        },
        PlantedFault("a changed password", "signInNeeded", byHand: "signInAgain") { world in
            try world.house.changePassword("another-one-\(UUID().uuidString)")
        } endedBy: { world in
            try world.house.signIn(world.device)
            try world.sync()
        },
        PlantedFault("a damaged configuration", "configurationDamaged") { world in
            let path = world.house.home(world.device) + "/configuration.json"
            try FileManager.default.copyItem(atPath: path, toPath: path + ".kept")
            try world.write("{", to: path)
        } endedBy: { world in
            let path = world.house.home(world.device) + "/configuration.json"
            _ = rename(path + ".kept", path)
        },
        PlantedFault(
            "a token that others can read", "secretReadable", mendedBy: "makePrivate"
        ) { world in
            world.mode(0o644, of: world.house.home(world.device) + "/token")
        },
        PlantedFault(
            "a configuration that others can read", "secretReadable", mendedBy: "makePrivate"
        ) { world in
            world.mode(0o664, of: world.house.home(world.device) + "/configuration.json")
        },
    ]

    private static let word = Data(#""maintenance":{"#.utf8)

    static let library: [PlantedFault] = [
        PlantedFault("a library whose disk is away", "volumeMissing") { world in
            _ = rename(world.library, world.library + "-away")
        } endedBy: { world in
            _ = rename(world.library + "-away", world.library)
        },
        PlantedFault("a library that another device writes", "libraryInUseElsewhere") { world in
            try world.changeMark("device")
        } endedBy: { world in
            try world.restoreMark()
        },
        PlantedFault("another library in its place", "volumeMissing") { world in
            try world.changeMark("library")
        } endedBy: { world in
            try world.restoreMark()
        },
        PlantedFault("another account's library", "otherAccount") { world in
            try world.changeMark("account")
        } endedBy: { world in
            try world.restoreMark()
        },
        PlantedFault("another sync tool", "otherSyncTool") { world in
            _ = mkdir(world.library + "/.stfolder", 0o755)
        } endedBy: { world in
            _ = rmdir(world.library + "/.stfolder")
        },
        PlantedFault("a damaged mark", "markDamaged", mendedBy: "markAnew") { world in
            try world.write("no mark", to: world.library + "/.martlet/mark")
        },
        PlantedFault("a folder that was tidied up", "foldersMissing", mendedBy: "makeFolders") {
            world in
            _ = rmdir(world.library + "/.martlet/incoming")
        },
        PlantedFault("two folders that were tidied up", "foldersMissing", mendedBy: "makeFolders") {
            world in
            _ = rmdir(world.library + "/.martlet/leaving")
            try FileManager.default.removeItem(atPath: world.library + "/.martlet/trash")
        },
        PlantedFault(
            "a download that nobody needs", "leftoverFiles", mendedBy: "setAsideLeftovers"
        ) { world in
            try world.write(
                "a part",
                to: world.library + "/.martlet/incoming/" + String(repeating: "ab", count: 32))
        },
        PlantedFault(
            "a file in the trash that no row knows", "leftoverFiles", mendedBy: "setAsideLeftovers"
        ) { world in
            try world.write("old", to: world.library + "/.martlet/trash/0000-old.jpg")
        },
        PlantedFault(
            "a file left behind on its way out", "leftoverFiles", mendedBy: "setAsideLeftovers"
        ) { world in
            try world.write("old", to: world.library + "/.martlet/leaving/0000-old.jpg")
        },
    ]
}
