import Agent
import Records
import Status
import SyncEngine
import TestSupport
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite struct HomeTests {
    private let configuration = DeviceConfiguration(
        server: "http://localhost:1", account: "me", device: DeviceID(high: 1, low: 2),
        deviceName: "A", library: "/nowhere")

    @Test(arguments: [
        (["MARTLET_HOME": "/m/"], "/m"),
        (["MARTLET_HOME": "", "XDG_CONFIG_HOME": "/x"], "/x/martlet"),
        (["XDG_CONFIG_HOME": "relative", "HOME": "/h"], "/h/.config/martlet"),
        (["HOME": "/h"], "/h/.config/martlet"),
    ])
    func `a device lives where the environment says`(environment: [String: String], path: String) {
        #expect(DeviceHome(environment: environment).path == path)
    }

    @Test(arguments: [("/a/../b/./c//d", "/b/c/d"), ("/", "/"), ("/..", "/")])
    func `a path is made plain`(path: String, expected: String) {
        #expect(DeviceHome.absolute(path) == expected)
    }

    @Test func `the token is readable by its owner alone`() throws {
        let folder = try TemporaryFolder()
        let home = DeviceHome(path: folder.file("home"))
        try home.make()
        #expect(!home.isSignedIn)
        try home.save(configuration, token: BearerToken("secret"))
        var information = stat()
        #expect(stat(home.path + "/token", &information) == 0)
        #expect(information.st_mode & 0o777 == 0o600)
        #expect(try home.configuration() == configuration)
        #expect(try home.token() == BearerToken("secret"))
        home.forget()
        #expect(!home.isSignedIn)
    }

    @Test func `a device that is not signed in says so`() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: AgentError.self) {
            try DeviceHome(path: folder.path).configuration()
        }
        #expect(error?.code == .notSignedIn)
    }

    @Test func `there is one agent for a home, and the second is told which`() throws {
        let folder = try TemporaryFolder()
        let home = DeviceHome(path: folder.path)
        let first = try AgentLock(home)
        let error = #expect(throws: AgentError.self) { try AgentLock(home) }
        #expect(error?.code == .agentRuns)
        #expect(error?.message.contains("process \(getpid())") == true)
        withExtendedLifetime(first) {}
    }

    @Test func `an end that was not in good order is known until the database was checked`() throws
    {
        let folder = try TemporaryFolder()
        let home = DeviceHome(path: folder.path)
        // What a killed agent leaves.
        try Data("process 1\n".utf8).write(to: URL(fileURLWithPath: home.lockPath))
        for _ in 0..<2 { #expect(try !AgentLock(home).endedInGoodOrder) }
        #expect(AgentLock.isFree(home))
        var lock: AgentLock? = try AgentLock(home)
        #expect(!AgentLock.isFree(home))
        lock?.noteCheck()
        lock = nil
        for _ in 0..<2 { #expect(try AgentLock(home).endedInGoodOrder) }
    }

    @Test func `another process asks the agent over its socket`() async throws {
        // Longer than the address of a socket can be.
        let folder = try TemporaryFolder()
        let name = String(repeating: "long", count: 30)
        folder.makeFolder(name)
        let home = DeviceHome(path: folder.file(name))
        let client = ControlClient(home)
        #expect(await client.ask(.status) == nil)
        let server = ControlServer(home: home) { request in
            switch request.ask {
            case .status: ControlReply(status: LibraryStatus(state: .syncing))
            default: ControlReply(problem: "It is \(request.ask.rawValue).")
            }
        }
        #expect(server != nil)
        #expect(await client.ask(.status)?.status?.state == .syncing)
        #expect(await client.ask(.compareAll)?.problem == "It is compareAll.")
        server?.stop()
        #expect(await client.ask(.status) == nil)
    }
}
