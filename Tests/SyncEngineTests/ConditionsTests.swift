import Library
import Records
import Status
import Testing

import SyncEngine

/// What the machine and the user allow, and how soon sync goes on when they do.
struct ConditionsTests {
    private let server = FakeServer()

    private func running() throws -> FakeDevice {
        let device = FakeDevice(server, once: false)
        device.restart()
        try device.run(milliseconds: 20_000)
        #expect(try device.status().state == .upToDate)
        return device
    }

    private func addPhoto(_ device: FakeDevice, _ name: String = "a.jpg") {
        let place = FakeDevice.library(name)
        device.write("bytes of \(name)", to: place)
        device.tell(.placeChanged(place))
    }

    private func change(_ device: FakeDevice, _ edit: (inout Conditions) -> Void) throws {
        edit(&device.conditions)
        device.tell(.conditions(device.conditions))
        try device.run(milliseconds: 0)
    }

    private func reason(_ code: ReasonCode, of device: FakeDevice) throws -> Reason? {
        try device.status().reasons.first { $0.code == code }
    }

    @Test func `without a route nothing is sent until there is one`() throws {
        let device = try running()
        try change(device) { $0.network.route = .missing(cause: "there is no route") }
        let sent = device.requests.count
        addPhoto(device)
        try device.run(milliseconds: 60_000)
        #expect(device.requests.count == sent)
        #expect(try device.status().state == .paused)
        let reason = try #require(try reason(.offline, of: device))
        #expect(reason.message.contains("there is no route"))
        try change(device) { $0.network.route = .found }
        try device.run(milliseconds: 2_000)
        #expect(try self.reason(.offline, of: device) == nil)
        #expect(server.blobs.count == 1)
        #expect(try device.status().state == .upToDate)
    }

    @Test func `a network that wants a sign-in first is told apart from a server that is away`()
        throws
    {
        let device = try running()
        device.refuse = { _ in .unreachable("something else answers") }
        addPhoto(device)
        try device.run(milliseconds: 1_000)
        #expect(device.log.contains("probe") == false)
        try device.run(milliseconds: 3_000)
        #expect(device.log.contains("probe"))
        try change(device) { $0.network.isCaptive = true }
        #expect(try reason(.captivePortal, of: device) != nil)
        #expect(try reason(.serverUnreachable, of: device) == nil)
        device.refuse = { _ in nil }
        device.conditions.network.isCaptive = false
        try device.run(milliseconds: 5_000)
        #expect(try reason(.captivePortal, of: device) == nil)
        #expect(server.blobs.count == 1)
    }

    @Test func `a pause stops everything but looking and reporting`() throws {
        let device = try running()
        device.rows.save(
            pause: Pause(since: device.now.wall, until: nil, untilText: "you resume"))
        device.tell(.command(.pauseChanged))
        addPhoto(device)
        try device.run(milliseconds: 60_000)
        #expect(server.blobs.isEmpty)
        let reason = try #require(try reason(.pausedByYou, of: device))
        #expect(reason.message == "You paused it until you resume.")
        #expect(try device.status().counts.onlyHere == 1)
        #expect(device.requests.last == "reportState")
        device.rows.save(pause: nil)
        device.tell(.command(.pauseChanged))
        try device.run(milliseconds: 2_000)
        #expect(server.blobs.count == 1)
        #expect(try device.status().state == .upToDate)
    }

    @Test func `a pause ends at its time, and outlives the process`() throws {
        let device = try running()
        let until = device.now.wall.adding(seconds: 600)
        device.rows.save(
            pause: Pause(since: device.now.wall, until: until, untilText: "18:00"))
        addPhoto(device)
        device.restart()
        try device.run(milliseconds: 599_000)
        #expect(server.blobs.isEmpty)
        try device.run(milliseconds: 3_000)
        #expect(server.blobs.count == 1)
        #expect(try reason(.pausedByYou, of: device) == nil)
    }

    @Test(arguments: [true, false])
    func `a single sync ends at once when nothing may be done`(isOffline: Bool) throws {
        let device = FakeDevice(server)
        addPhoto(device)
        if isOffline {
            device.conditions.network.route = .missing(cause: "there is no route")
        } else {
            device.rows.save(
                pause: Pause(since: device.now.wall, until: nil, untilText: "you resume"))
        }
        #expect(try device.sync() == (isOffline ? .serverUnreachable : .incomplete))
        #expect(server.blobs.isEmpty)
        #expect(try device.status().reasons.first?.code == (isOffline ? .offline : .pausedByYou))
    }

    // MARK: Power, metered networks and hours

    private static let large = String(repeating: "x", count: 2 << 20)

    /// One small photo and one of 2 MiB.
    private func addTwo(_ device: FakeDevice) {
        addPhoto(device)
        let place = FakeDevice.library("large.jpg")
        device.write(Self.large, to: place)
        device.tell(.placeChanged(place))
    }

    enum Limit: CaseIterable, Sendable {
        case powerSaver, battery, metered

        func set(in conditions: inout Conditions) {
            switch self {
            case .powerSaver: conditions.power.isSaving = true
            case .battery: conditions.power.source = .battery(percent: 12)
            case .metered: conditions.network.isMetered = true
            }
        }

        var code: ReasonCode {
            switch self {
            case .powerSaver: .lowPowerMode
            case .battery: .lowBattery
            case .metered: .meteredNetwork
            }
        }

        var evidence: String {
            self == .battery ? "The battery is at 12 %: 1 item" : ": 1 item over 1 MB waits."
        }
    }

    @Test(arguments: Limit.allCases)
    func `small items cross and large ones wait`(limit: Limit) throws {
        let device = try running()
        try change(device, limit.set)
        #expect(try device.status().state == .upToDate)
        #expect(try reason(limit.code, of: device) != nil)
        addTwo(device)
        try device.run(milliseconds: 30_000)
        #expect(server.blobs.count == 1)
        let reason = try #require(try reason(limit.code, of: device))
        #expect(reason.message.contains(limit.evidence))
        #expect(try device.status().state == .paused)
        #expect(try device.status().counts.waiting == 1)
        device.conditions = Conditions()
        try device.run(milliseconds: 5_000)
        #expect(server.blobs.count == 2)
        #expect(try device.status().state == .upToDate)
        #expect(try device.status().reasons.isEmpty)
    }

    @Test func `a battery at its threshold, and one that charges, hold nothing back`() throws {
        let device = try running()
        try change(device) { $0.power.source = .battery(percent: 20) }
        #expect(try reason(.lowBattery, of: device) == nil)
        try change(device) { $0.policies.batteryPercentMin = 50 }
        #expect(try reason(.lowBattery, of: device)?.clearsWhen.contains("50 %") == true)
        try change(device) { $0.policies.batteryPercentMin = 0 }
        #expect(try reason(.lowBattery, of: device) == nil)
    }

    @Test func `sync now moves what waits, and no more than that`() throws {
        let device = try running()
        try change(device) { $0.network.isMetered = true }
        addTwo(device)
        try device.run(milliseconds: 10_000)
        #expect(server.blobs.count == 1)
        device.tell(.command(.syncNow))
        try device.run(milliseconds: 5_000)
        #expect(server.blobs.count == 2)
        let place = FakeDevice.library("later.jpg")
        device.write(Self.large + "later", to: place)
        device.tell(.placeChanged(place))
        try device.run(milliseconds: 10_000)
        #expect(server.blobs.count == 2)
        #expect(try reason(.meteredNetwork, of: device) != nil)
    }

    @Test func `a metered network may be used up to a limit a day, or not at all`() throws {
        let device = try running()
        try change(device) {
            $0.network.isMetered = true
            $0.policies.metered = .never
        }
        addTwo(device)
        try device.run(milliseconds: 10_000)
        #expect(server.blobs.isEmpty)
        try change(device) { $0.policies.metered = .daily(byteCount: 3_000_000) }
        try device.run(milliseconds: 10_000)
        #expect(server.blobs.count == 2)
        let place = FakeDevice.library("more.jpg")
        device.write(Self.large + "more", to: place)
        device.tell(.placeChanged(place))
        try device.run(milliseconds: 10_000)
        #expect(server.blobs.count == 2)
        #expect(
            try reason(.meteredNetwork, of: device)?.message.contains(
                "2.1 MB of today's 3 MB are used") == true)
        // It is counted over restarts, and anew on another day.
        device.restart()
        try device.run(milliseconds: 10_000)
        #expect(server.blobs.count == 2)
        device.pass(milliseconds: 86_400_000)
        try device.run(milliseconds: 10_000)
        #expect(server.blobs.count == 3)
    }

    @Test func `large uploads may wait for the night while photos cross`() throws {
        let device = try running()
        // It is 22:13 in UTC.
        try change(device) { $0.policies.largeUploadHours = Policies.Hours(from: 1, until: 6) }
        let film = FakeDevice.library("film.jpg")
        device.write(String(repeating: "f", count: (50 << 20) + 1), to: film)
        device.tell(.placeChanged(film))
        addTwo(device)
        try device.run(milliseconds: 10_000)
        #expect(server.blobs.count == 2)
        #expect(try device.status().state == .waiting)
        let reason = try #require(try reason(.outsideHours, of: device))
        #expect(reason.message.contains("1 item over 52.4 MB"))
        #expect(reason.clearsWhen == "it is 1:00")
        device.pass(milliseconds: 3 * 3_600_000)
        try device.run(milliseconds: 10_000)
        #expect(server.blobs.count == 3)
    }

    @Test func `a large upload keeps the machine awake on mains only`() throws {
        for (source, isKept) in [
            (Conditions.Power.Source.mains, true), (.battery(percent: 90), false),
        ] {
            let device = FakeDevice(FakeServer(), once: false)
            device.conditions.power.source = source
            device.write(
                String(repeating: "f", count: (50 << 20) + 1), to: FakeDevice.library("film.jpg"))
            device.restart()
            try device.run(milliseconds: 20_000)
            #expect(try device.status().state == .upToDate)
            let said = device.log.filter { $0.hasPrefix("awake") }
            #expect(said == (isKept ? ["awake true", "awake false"] : []))
        }
    }

    @Test func `a download waits for conditions as an upload does`() throws {
        let sender = FakeDevice(server)
        sender.write(Self.large, to: FakeDevice.library("large.jpg"))
        try sender.sync()
        let device = FakeDevice(server, number: 2, once: false)
        device.conditions.network.isMetered = true
        device.restart()
        try device.run(milliseconds: 10_000)
        #expect(device.libraryTexts.isEmpty)
        #expect(try device.status().state == .paused)
        try change(device) { $0.network.isMetered = false }
        try device.run(milliseconds: 5_000)
        #expect(device.libraryTexts.count == 1)
    }

    @Test func `a single sync ends while large items wait, and says why`() throws {
        let device = FakeDevice(server)
        device.conditions.network.isMetered = true
        addTwo(device)
        #expect(try device.sync() == .incomplete)
        #expect(server.blobs.count == 1)
        #expect(try device.status().reasons.first?.code == .meteredNetwork)
    }

    // MARK: The way, the clock and sleep

    @Test func `a tunnel is named when the server is away behind it`() throws {
        let device = try running()
        try change(device) { $0.network.tunnel = "tun0" }
        #expect(try reason(.vpnOrProxy, of: device) == nil)
        device.refuse = { _ in .unreachable("connection refused") }
        addPhoto(device)
        try device.run(milliseconds: 3_000)
        #expect(try reason(.vpnOrProxy, of: device)?.message.contains("tun0") == true)
        #expect(try reason(.serverUnreachable, of: device) == nil)
        try change(device) { $0.network.tunnel = nil }
        #expect(try reason(.serverUnreachable, of: device) != nil)
    }

    @Test func `a network that breaks under requests is told from one that is away`() throws {
        let device = try running()
        var count = 0
        device.refuse = { request in
            guard request.name == "put" else { return nil }
            count += 1
            return count < 12 ? .interrupted : nil
        }
        addPhoto(device)
        try device.run(milliseconds: 400_000)
        let reason = try #require(try reason(.networkUnstable, of: device))
        #expect(reason.message.hasSuffix("of the last 20 requests broke."))
        try device.run(milliseconds: 4_000_000)
        #expect(server.blobs.count == 1)
        #expect(try self.reason(.networkUnstable, of: device) == nil)
    }

    @Test func `a clock that is far off is told`() throws {
        let device = try running()
        try change(device) { $0.clockOffsetSeconds = -300 }
        #expect(try reason(.clockWrong, of: device) == nil)
        try change(device) { $0.clockOffsetSeconds = -420 }
        #expect(
            try reason(.clockWrong, of: device)?.message
                == "This device's clock is 7 min behind the server's.")
        try change(device) { $0.clockOffsetSeconds = 0 }
        #expect(try reason(.clockWrong, of: device) == nil)
    }

    @Test func `after a sleep everything is looked at again`() throws {
        let device = try running()
        let sent = device.requests.count
        // 2023-11-14 22:13 UTC and a bit.
        try change(device) {
            $0.sleep = Conditions.Sleep(
                from: device.now.wall.adding(seconds: -3_600), until: device.now.wall)
        }
        #expect(
            try reason(.wasAsleep, of: device)?.message
                == "This device slept from 21:13 to 22:13.")
        try device.run(milliseconds: 15_000)
        #expect(device.requests.dropFirst(sent).contains("changes"))
        #expect(try reason(.wasAsleep, of: device) == nil)
        #expect(try device.status().state == .upToDate)
    }

    @Test func `a limit of watches is told until it is raised`() throws {
        let device = try running()
        try change(device) { $0.watchLimit = 10 }
        let reason = try #require(try reason(.watchLimit, of: device))
        #expect(reason.fix == "Run sysctl fs.inotify.max_user_watches=524288.")
        let watched = device.log.count { $0.hasPrefix("watch") }
        try change(device) { $0.watchLimit = nil }
        try device.run(milliseconds: 1_000)
        #expect(try self.reason(.watchLimit, of: device) == nil)
        #expect(device.log.count { $0.hasPrefix("watch") } > watched)
    }

    // MARK: Turns

    @Test func `photos cross newest first, and a large item gets one of eight turns`() throws {
        let device = try running()
        device.rows.save(
            pause: Pause(since: device.now.wall, until: nil, untilText: "you resume"))
        device.tell(.command(.pauseChanged))
        for number in 0..<20 {
            device.write(
                Self.large + "\(number)", to: FakeDevice.library("\(number).jpg"),
                ageSeconds: Int64(100 + number))
        }
        device.write(
            String(repeating: "f", count: (50 << 20) + 1), to: FakeDevice.library("film.jpg"))
        device.tell(.watchOverflowed)
        try device.run(milliseconds: 20_000)
        #expect(try device.status().counts.onlyHere == 21)
        var sent: [String] = []
        device.refuse = { request in
            switch request {
            case .put(let file), .createUpload(_, let file): sent.append(file.place.path.text)
            default: break
            }
            return nil
        }
        device.rows.save(pause: nil)
        device.tell(.command(.pauseChanged))
        try device.run(milliseconds: 20_000)
        #expect(sent.count == 21)
        let index = try #require(sent.firstIndex(of: "film.jpg"))
        #expect((3..<8).contains(index))
        sent.remove(at: index)
        #expect(sent == (0..<20).map { "\($0).jpg" })
    }
}
