import Agent
import Commands
import Foundation
import Records
import Status
import SyncEngine
import TestSupport
import Testing

/// The command line as scripts meet it: in this process, with a home of its own.
@Suite(.serialized) struct CommandLineTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        setenv("MARTLET_HOME", folder.file("home"), 1)
    }

    private static let commands: [(String, Int32)] = [
        ("version", 0), ("--help", 0), ("photos --help", 0), ("version --json", 0),
        ("nonsense", 64), ("sync --nonsense", 64), ("photos import", 64),
        ("photos optimize maybe", 64), ("login", 64), ("serve --listen nowhere", 64),
        ("serve --database mysql://localhost/martlet", 64), ("serve --blobs s3://bucket", 64),
        ("serve --tls-key key.pem", 64), ("serve --trusted-proxy everybody", 64),
        // Not signed in.
        ("sync --once", 77), ("status --json", 77), ("devices", 77), ("photos list --json", 77),
        ("photos source list", 77), ("photos export /nowhere", 77), ("logout", 77),
    ]

    @Test(arguments: commands)
    func `an exit code says what happened`(command: String, expected: Int32) async {
        let arguments = command.split(separator: " ").map(String.init)
        #expect(await MartletProgram.run(arguments) == expected)
    }

    @Test func `accounts are made, listed, changed and removed beside the server`() async {
        let data = folder.file("data")
        func run(_ arguments: String...) async -> Int32 {
            await MartletProgram.run(["account"] + arguments + ["--data", data])
        }
        #expect(await run("list") == 64, "a typing error makes no server")
        #expect(!FileManager.default.fileExists(atPath: data))
        #expect(await run("add", "anna", "--generate", "--quota", "1GB") == 0)
        #expect(await run("list") == 0)
        #expect(await run("add", "ANNA", "--generate") == 64)
        #expect(await run("add", "bert", "--generate", "--quota", "much") == 64)
        #expect(await run("quota", "anna", "none") == 0)
        #expect(await run("passwd", "anna", "--generate") == 0)
        #expect(await run("app-password", "anna", "--label", "phone") == 0)
        #expect(await run("disable", "anna") == 0)
        #expect(await run("passwd", "nobody", "--generate") == 64)
        #expect(await run("remove", "anna", "--yes") == 0)
        #expect(await run("remove", "anna", "--yes") == 64)
    }

    @Test func `a device without a server can be looked at and prepared`() async throws {
        let device = try SignedInDevice(folder)
        #expect(await MartletProgram.run(["status"]) == 0)
        #expect(await MartletProgram.run(["status", "--json"]) == 0)
        #expect(await MartletProgram.run(["photos", "list", "--json"]) == 0)
        let pictures = folder.file("pictures")
        #expect(await MartletProgram.run(["photos", "source", "add", pictures]) == 64)
        try FileManager.default.createDirectory(
            atPath: pictures, withIntermediateDirectories: true)
        #expect(await MartletProgram.run(["photos", "source", "add", pictures]) == 0)
        #expect(await MartletProgram.run(["photos", "source", "add", pictures]) == 0)
        #expect(try device.rows().storedRoots().count == 2)
        #expect(await MartletProgram.run(["photos", "source", "add", device.library]) == 64)
        #expect(await MartletProgram.run(["photos", "source", "add", folder.path]) == 64)
        #expect(await MartletProgram.run(["photos", "source", "remove", pictures]) == 0)
        #expect(await MartletProgram.run(["photos", "source", "remove", pictures]) == 64)
        #expect(await MartletProgram.run(["photos", "optimize", "on"]) == 0)
        #expect(try device.rows().settings.optimizesStorage)
        // Nobody listens there.
        #expect(await MartletProgram.run(["devices"]) == 75)
        #expect(await MartletProgram.run(["sync", "--once"]) == 75)
    }

    @Test func `a second agent is refused, and told to try again`() async throws {
        let device = try SignedInDevice(folder)
        let lock = try AgentLock(device.home)
        #expect(await MartletProgram.run(["sync"]) == 75)
        withExtendedLifetime(lock) {}
    }
}

private struct SignedInDevice {
    let home: DeviceHome
    let library: String

    init(_ folder: TemporaryFolder) throws {
        home = DeviceHome(path: folder.file("home"))
        library = folder.file("library")
        try home.make()
        try LibraryFolder.make(at: library)
        try home.save(
            DeviceConfiguration(
                server: "http://127.0.0.1:9", account: "me", device: DeviceID(high: 1, low: 2),
                deviceName: "A", library: library), token: BearerToken("x"))
        let settings = DeviceSettings(
            account: AccountID(high: 1, low: 1), device: DeviceID(high: 1, low: 2),
            deviceName: "A", zone: ZoneID(high: 1, low: 1), idKey: [1],
            library: LibraryID(high: 1, low: 1), markGeneration: 1, optimizesStorage: false)
        let disk = DiskRoot(path: library)
        try DeviceDatabase(home).write { (_) throws(RowsError) in }
        let rows = try DatabaseRows(path: home.databasePath)
        try rows.transaction { () throws(RowsError) in
            try rows.save(settings)
            try rows.save(StoredRoot(id: .library, disk: disk, isOnce: false))
        }
    }

    func rows() throws -> DatabaseRows { try DatabaseRows(path: home.databasePath) }
}
