import Agent
import Foundation
import Records
import SyncEngine
import Synchronization
import TestSupport
import Testing

@Suite struct ConditionsTests {
    private func conditions(
        _ json: String, over machine: Conditions = Conditions()
    ) throws -> Conditions {
        var conditions = machine
        try #require(ConditionsFile(Data(json.utf8))).override(
            &conditions, changedAt: Timestamp(milliseconds: 100_000))
        return conditions
    }

    @Test func `the file overrides what it names and nothing else`() throws {
        var machine = Conditions()
        machine.network.isMetered = true
        machine.network.tunnel = "tun0"
        machine.freeByteCount = 5
        #expect(try conditions("{}", over: machine) == machine)
        var expected = machine
        expected.power = Conditions.Power(source: .battery(percent: 40), isSaving: true)
        expected.network = Conditions.Network(
            route: .missing(cause: "there is no route"), isMetered: false, isCaptive: true)
        expected.freeByteCount = 1_000_000
        expected.clockOffsetSeconds = -400
        expected.sleep = Conditions.Sleep(
            from: Timestamp(milliseconds: 40_000), until: Timestamp(milliseconds: 100_000))
        let said = """
            {"power":{"source":"battery","level":0.4,"lowPowerMode":true},"network":
            {"reachable":false,"metered":false,"captivePortal":true,"vpn":false},"disk":
            {"freeBytes":1000000},"clockOffsetSeconds":-400,"sleptSeconds":60}
            """
        #expect(try conditions(said, over: machine) == expected)
    }

    @Test(arguments: ["", "[]", #"{"power":3}"#, #"{"power":{"source":"sun"}}"#])
    func `a file of another form says nothing`(text: String) {
        #expect(ConditionsFile(Data(text.utf8)) == nil)
    }

    @Test func `a battery needs no level, and a level needs a battery`() throws {
        let battery = try conditions(#"{"power":{"source":"battery"}}"#)
        #expect(battery.power.source == .battery(percent: 100))
        #expect(try conditions(#"{"power":{"level":0.1}}"#).power.source == .mains)
        let low = try conditions(#"{"power":{"level":0.129}}"#, over: battery)
        #expect(low.power.source == .battery(percent: 12))
        #expect(try conditions(#"{"power":{"source":"mains"}}"#, over: low).power.source == .mains)
    }

    // MARK: The user's configuration

    private func file() throws -> (PolicyFile, TemporaryFolder) {
        let folder = try TemporaryFolder()
        return (PolicyFile(DeviceHome(path: folder.path)), folder)
    }

    @Test func `each key keeps what it is set to, and the others stay`() throws {
        let (file, folder) = try file()
        #expect(try file.policies() == Policies())
        try Data(#"{"later": [1], "battery": 35}"#.utf8).write(
            to: URL(fileURLWithPath: file.path))
        #expect(try file.policies().batteryPercentMin == 35)
        try file.set(.metered, to: "1.5 GB")
        try file.set(.powerSaver, to: "ignore")
        try file.set(.largeUploads, to: "22-6")
        try file.set(.keepAwake, to: "never")
        try file.set(.uploadRate, to: "2MB")
        try file.set(.downloadRate, to: "unlimited")
        #expect(
            try file.policies()
                == Policies(
                    metered: .daily(byteCount: 1_500_000_000), respectsPowerSaver: false,
                    batteryPercentMin: 35, largeUploadHours: Policies.Hours(from: 22, until: 6),
                    keepAwake: .never, uploadBytesPerSecond: 2_000_000))
        let text = try String(contentsOfFile: file.path, encoding: .utf8)
        #expect(text.contains(#""later": [1]"#))
        #expect(text.contains(#""metered": "1500MB""#))
        for key in PolicyKey.allCases {
            var policies = try file.policies()
            #expect(key.set(key.text(of: policies), in: &policies))
            #expect(try policies == file.policies())
        }
        withExtendedLifetime(folder) {}
    }

    @Test(arguments: [
        ("metered", "much"), ("powerSaver", "on"), ("battery", "101"), ("largeUploads", "6-6"),
        ("largeUploads", "24-2"), ("keepAwake", "yes"), ("uploadRate", "1"),
    ])
    func `what is no value is refused, in the file too`(key: String, value: String) throws {
        let (file, folder) = try file()
        let known = try #require(PolicyKey(rawValue: key))
        #expect(throws: AgentError.self) { try file.set(known, to: value) }
        try Data("{\"\(key)\": \"\(value)\"}".utf8).write(to: URL(fileURLWithPath: file.path))
        let error = #expect(throws: AgentError.self) { try file.policies() }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains(key) == true)
        withExtendedLifetime(folder) {}
    }

    @Test func `a configuration that is no JSON is not overwritten`() throws {
        let (file, folder) = try file()
        try Data("metered = small".utf8).write(to: URL(fileURLWithPath: file.path))
        #expect(throws: AgentError.self) { try file.set(.battery, to: "10") }
        #expect(try String(contentsOfFile: file.path, encoding: .utf8) == "metered = small")
        withExtendedLifetime(folder) {}
    }

    // MARK: Rates

    @Test func `a rate holds over many transfers, after a burst of a second`() async throws {
        let clock = Mutex<Int64>(1_000_000)
        let slept = Mutex<Int64>(0)
        let limit = RateLimit(
            Surroundings(
                now: {
                    Moment(
                        uptime: clock.withLock { $0 }, wall: Timestamp(milliseconds: 0))
                }, randomNumber: { 1 },
                sleep: { duration in
                    let milliseconds = Int64(duration / .milliseconds(1))
                    slept.withLock { $0 += milliseconds }
                    clock.withLock { $0 += milliseconds }
                }))
        try await limit.pass(1 << 30)
        #expect(slept.withLock { $0 } == 0)
        limit.use(1_000_000)
        for _ in 0..<20 { try await limit.pass(500_000) }
        #expect(slept.withLock { $0 } == 9_000)
        limit.use(nil)
        try await limit.pass(1 << 30)
        #expect(slept.withLock { $0 } == 9_000)
    }
}
