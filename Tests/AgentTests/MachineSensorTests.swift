import Agent
import Foundation
import Glibc
import Library
import Records
import SyncEngine
import Synchronization
import TestSupport
import Testing

/// What is read of Linux, from files and from a bus of the test's own.
@Suite struct MachineSensorTests {
    private func power(_ files: [String: String]) throws -> Conditions.Power {
        let folder = try TemporaryFolder()
        for (path, text) in files {
            let file = folder.file(path)
            try FileManager.default.createDirectory(
                atPath: (file as NSString).deletingLastPathComponent,
                withIntermediateDirectories: true)
            try Data((text + "\n").utf8).write(to: URL(fileURLWithPath: file))
        }
        var conditions = Conditions()
        PowerSupplySource(sys: folder.path).observe(&conditions, probesServer: false)
        return conditions.power
    }

    private func battery(
        _ name: String, _ level: Int, _ status: String
    ) -> [String: String] {
        let folder = "class/power_supply/\(name)/"
        return [
            folder + "type": "Battery", folder + "capacity": String(level),
            folder + "status": status,
        ]
    }

    @Test func `power is what the kernel says of batteries and mains`() throws {
        #expect(try power([:]) == Conditions.Power())
        let low = battery("BAT0", 12, "Discharging")
        #expect(try power(low).source == .battery(percent: 12))
        let mains = [
            "class/power_supply/AC/type": "Mains", "class/power_supply/AC/online": "1",
        ]
        #expect(try power(low.merging(mains) { $1 }).source == .mains)
        #expect(try power(battery("BAT0", 12, "Charging")).source == .mains)
        let two = low.merging(battery("BAT1", 88, "Unknown")) { $1 }
        #expect(try power(two).source == .battery(percent: 50))
        var mouse = battery("hid-mouse", 3, "Discharging")
        mouse["class/power_supply/hid-mouse/scope"] = "Device"
        #expect(try power(mouse).source == .mains)
        #expect(try power(["firmware/acpi/platform_profile": "low-power"]).isSaving)
        #expect(try !power(["firmware/acpi/platform_profile": "balanced"]).isSaving)
    }

    @Test(
        arguments: [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199), ("yesterday", nil),
            ("Sun, 06 Foo 1994 08:49:37 GMT", nil), ("Sun, 06 Nov 1994 08:49 GMT", nil),
        ] as [(String, Int64?)])
    func `the server's date is read`(text: String, expected: Int64?) {
        #expect(HTTPDateText.seconds(text) == expected)
    }

    @Test func `the clock is compared with every answer`() {
        let wall = Timestamp(milliseconds: 784_111_777_000 + 420_500)
        let clock = ClockSource(now: { Moment(uptime: 0, wall: wall) })
        var conditions = Conditions()
        clock.heard(date: "Sun, 06 Nov 1994 08:49:37 GMT")
        clock.observe(&conditions, probesServer: false)
        #expect(conditions.clockOffsetSeconds == 420)
        clock.heard(date: "Sun, 06 Nov 1994 08:56:30 GMT")
        clock.observe(&conditions, probesServer: false)
        #expect(conditions.clockOffsetSeconds == 0)
    }

    @Test func `a user service ends at logout unless its user lingers`() throws {
        let folder = try TemporaryFolder()
        let source = BackgroundSource(user: "anna", lingering: folder.path)
        func told() -> String? {
            var conditions = Conditions()
            source.observe(&conditions, probesServer: false)
            return conditions.endsAtLogoutOf
        }
        #expect(told() == "anna")
        try Data().write(to: URL(fileURLWithPath: folder.file("anna")))
        #expect(told() == nil)
        try FileManager.default.removeItem(atPath: folder.file("anna"))
        #expect(told() == "anna")
    }

    // MARK: The bus

    @Test func `a message of the bus is written as the specification says`() {
        let bytes = BusMessage.call(
            serial: 7, destination: "a.b", path: "/a", interface: "c.d", member: "Get", ["x", ""])
        #expect(BusMessage.byteCount(ofHead: Array(bytes.prefix(16))) == bytes.count)
        let message = BusMessage(bytes)
        #expect(message?.kind == .call)
        #expect(message?.serial == 7)
        #expect(message?.value == .text("x"))
    }

    /// A reply to 3 with a variant of 2, byte for byte.
    @Test func `a property's value is read out of its variant`() {
        let reply: [UInt8] =
            [0x6C, 2, 1, 1, 8, 0, 0, 0, 9, 0, 0, 0, 15, 0, 0, 0]
            + [5, 1, 0x75, 0, 3, 0, 0, 0, 8, 1, 0x67, 0, 1, 0x76, 0, 0]
            + [1, 0x75, 0, 0, 2, 0, 0, 0]
        let message = BusMessage(reply)
        #expect(message?.replySerial == 3)
        #expect(message?.value == .number(2))
        for count in 0..<reply.count { #expect(BusMessage(Array(reply.prefix(count))) == nil) }
        for index in reply.indices {
            var broken = reply
            broken[index] ^= 0xFF
            _ = BusMessage(broken)
        }
    }

    @Test(.enabled(if: access("/usr/bin/dbus-daemon", X_OK) == 0))
    func `a real bus answers, and says no to what it doesn't know`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("bus")
        let daemon = Process()
        daemon.executableURL = URL(fileURLWithPath: "/usr/bin/dbus-daemon")
        daemon.arguments = [
            "--session", "--nofork", "--nopidfile", "--address=unix:path=\(path)",
        ]
        daemon.standardError = FileHandle.nullDevice
        try daemon.run()
        // Not by SIGTERM: children of a test inherit its blocked signals.
        defer { kill(daemon.processIdentifier, SIGKILL) }
        var found: SystemBus?
        for _ in 0..<200 where found == nil {
            usleep(20_000)
            found = SystemBus(path: path)
        }
        let bus = try #require(found)
        let name = "org.freedesktop.DBus"
        guard case .text(let id) = try bus.call(name, "/org/freedesktop/DBus", name, "GetId")
        else {
            Issue.record("The bus does not say its id.")
            return
        }
        #expect(id.count == 32)
        let manager = "org.freedesktop.NetworkManager"
        #expect(
            try bus.property(
                "Metered", of: manager, at: "/org/freedesktop/NetworkManager", in: manager)
                == nil)
        kill(daemon.processIdentifier, SIGKILL)
        daemon.waitUntilExit()
        #expect(throws: SystemBusGone.self) {
            try bus.call(name, "/org/freedesktop/DBus", name, "GetId")
        }
    }

    @Test func `where no bus is, none is found`() throws {
        let folder = try TemporaryFolder()
        #expect(SystemBus(path: folder.file("none")) == nil)
        #expect(SystemBus.path(environment: [:]) == "/run/dbus/system_bus_socket")
        #expect(
            SystemBus.path(environment: ["DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/a,guid=1"]) == "/a")
    }

    // MARK: Watches

    @Test func `a limit of watches is known while it lasts`() throws {
        let folder = try TemporaryFolder()
        let limit = Mutex(2)
        let reached = Mutex(0)
        let watcher = Watching.begin(
            sleep: { try await ContinuousClock().sleep(for: $0) },
            limit: { limit.withLock { $0 } },
            limitIsReached: { reached.withLock { $0 += 1 } }, post: { _ in })
        defer { watcher.stop() }
        for number in 0..<4 {
            let path = folder.file("\(number)")
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: false)
            watcher.watch(
                Folder(root: .library, path: RelativePath("\(number)")), path: Array(path.utf8))
        }
        #expect(watcher.limitReached == 2)
        #expect(reached.withLock { $0 } == 1)
        limit.withLock { $0 = 10 }
        #expect(watcher.limitReached == nil)
    }
}
