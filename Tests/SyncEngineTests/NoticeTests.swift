import Library
import Records
import Status
import SyncEngine
import Testing

/// What only the server knows: said with its numbers, and no longer than it is so.
@Suite struct NoticeTests {
    private func running(_ server: FakeServer) throws -> FakeDevice {
        let device = FakeDevice(server, once: false)
        device.restart()
        try device.run(milliseconds: 3_000)
        return device
    }

    private func reason(_ code: ReasonCode, _ device: FakeDevice) throws -> Reason? {
        try device.status().reasons.first { $0.code == code }
    }

    @Test func `a full account says how much is used, and opens when there is space`() throws {
        let server = FakeServer()
        server.notice.usedByteCount = 1_999_000_000
        server.notice.quotaByteCount = 2_000_000_000
        let device = try running(server)
        device.refuse = { request in
            switch request {
            case .put, .pack: .accountFull
            default: nil
            }
        }
        let place = FakeDevice.library("a.jpg")
        device.write("picture", to: place)
        device.tell(.placeChanged(place))
        try device.run(milliseconds: 3_000)
        let full = try #require(try reason(.accountFull, device))
        #expect(full.message == "The account is full: 2 GB of 2 GB are used.")
        #expect(try device.status().state == .attention)
        #expect(try device.story(place)?.status.reasons.first?.code == .accountFull)
        #expect(try device.story(place)?.status.state == .onlyHere)
        device.refuse = { _ in nil }
        try device.run(milliseconds: 60_000)
        #expect(try reason(.accountFull, device) == nil)
        #expect(try device.story(place)?.status.state == .inSync)
    }

    @Test(
        arguments: [
            (100_000_000_000, 95_000_000_001, true), (100_000_000_000, 95_000_000_000, false),
            (10_000_000_000, 9_000_000_001, true), (10_000_000_000, 9_000_000_000, false),
            (2_000_000_000, 1_500_000_001, true), (2_000_000_000, 1_500_000_000, false),
        ] as [(Int64, Int64, Bool)])
    func `an account is nearly full under 5 % or 1 GB`(
        quota: Int64, used: Int64, isShown: Bool
    ) throws {
        let server = FakeServer()
        server.notice.usedByteCount = used
        server.notice.quotaByteCount = quota
        let device = try running(server)
        #expect(try reason(.accountNearlyFull, device).map { _ in true } ?? false == isShown)
        #expect(try device.status().state == .upToDate)
        server.notice.usedByteCount = 0
        try device.run(milliseconds: Limits.reportSeconds * 1_000)
        #expect(try reason(.accountNearlyFull, device) == nil)
    }

    @Test func `a nearly full account says what is left`() throws {
        let server = FakeServer()
        server.notice.usedByteCount = 97_000_000_000
        server.notice.quotaByteCount = 100_000_000_000
        let device = try running(server)
        #expect(
            try reason(.accountNearlyFull, device)?.message == "3 GB are left of 100 GB.")
    }

    @Test func `a pool that is shared is named, and when it will be full is said`() throws {
        let server = FakeServer()
        server.notice.usedByteCount = 97_000_000_000
        server.notice.quotaByteCount = 100_000_000_000
        server.notice.sharedWith = ["bert", "carla", "dora"]
        server.notice.fullAt = Timestamp(milliseconds: 1_800_000_000_000)
        let device = try running(server)
        #expect(
            try reason(.accountNearlyFull, device)?.message
                == "3 GB are left of 100 GB in the pool that you share with bert, carla and dora; "
                + "at this rate it is full about 2027-01-15.")
        device.refuse = { request in
            switch request {
            case .put, .pack: .accountFull
            default: nil
            }
        }
        let place = FakeDevice.library("a.jpg")
        device.write("picture", to: place)
        device.tell(.placeChanged(place))
        try device.run(milliseconds: 3_000)
        #expect(
            try reason(.accountFull, device)?.message
                == "The pool that you share with bert, carla and dora is full: 97 GB of 100 GB are "
                + "used.")
    }

    @Test func `what the event stream says was answered already asks nothing`() throws {
        let server = FakeServer()
        server.notice.eventVersion = "1"
        let device = try running(server)
        let count = device.requests.count
        device.tell(.noticeChanged(version: "1"))
        try device.run(milliseconds: 10_000)
        #expect(device.requests.count == count)
        server.notice.eventVersion = "2"
        device.tell(.noticeChanged(version: "2"))
        try device.run(milliseconds: 10_000)
        #expect(device.requests.dropFirst(count) == ["reportState"])
    }

    @Test func `who has nothing to ask hears by its event stream's end that a server is away`()
        throws
    {
        let server = FakeServer()
        let device = try running(server)
        try device.run(milliseconds: 20_000)
        device.refuse = { _ in .unreachable("connection refused") }
        device.tell(.eventStreamEnded)
        try device.run(milliseconds: 3_000)
        #expect(try reason(.serverUnreachable, device) != nil)
        device.refuse = { _ in nil }
        try device.run(milliseconds: 60_000)
        #expect(try reason(.serverUnreachable, device) == nil)
        // A stream that ends by itself costs one report.
        let count = device.requests.count
        device.tell(.eventStreamEnded)
        try device.run(milliseconds: 60_000)
        #expect(device.requests.dropFirst(count) == ["reportState"])
    }

    /// The server looks now and then: what changed and changed back between is told by nobody.
    @Test func `what was answered before it was told, and is as before by then, is asked again`()
        throws
    {
        let server = FakeServer()
        server.notice.eventVersion = "1"
        let device = try running(server)
        // Another change makes it report, and the answer knows more than was told.
        server.notice.eventVersion = "3"
        server.notice.deniedSince = Timestamp(milliseconds: 5)
        device.tell(.noticeChanged(version: "2"))
        try device.run(milliseconds: 3_000)
        #expect(try reason(.appNotAllowed, device) != nil)
        server.notice.eventVersion = "2"
        server.notice.deniedSince = nil
        try device.run(milliseconds: 6_000)
        #expect(try reason(.appNotAllowed, device) == nil)
    }

    @Test func `an answer of another version than was told is asked for twice, not for ever`()
        throws
    {
        let server = FakeServer()
        server.notice.eventVersion = "1"
        let device = try running(server)
        let count = device.requests.count
        // It is newer than what the stream told: the stream will say so.
        server.notice.eventVersion = "3"
        device.tell(.noticeChanged(version: "2"))
        try device.run(milliseconds: 60_000)
        #expect(device.requests.dropFirst(count) == ["reportState", "reportState"])
    }

    @Test func `news that comes while a report is under way is asked for behind it`() throws {
        let server = FakeServer()
        server.notice.eventVersion = "1"
        let device = try running(server)
        device.takesLong = { effect in
            if case .send(_, .reportState) = effect { true } else { false }
        }
        server.notice.eventVersion = "2"
        device.tell(.noticeChanged(version: "2"))
        try device.run(milliseconds: 3_000)
        #expect(device.underWay.count == 1)
        device.tell(.noticeChanged(version: "3"))
        try device.run(milliseconds: 3_000)
        // Answered before it was so.
        device.letGo()
        server.notice.usedByteCount = 97_000_000_000
        server.notice.quotaByteCount = 100_000_000_000
        server.notice.eventVersion = "3"
        try device.run(milliseconds: 3_000)
        #expect(try reason(.accountNearlyFull, device) != nil)
    }

    @Test func `a full account is tried again as soon as there is space`() throws {
        let server = FakeServer()
        server.notice.usedByteCount = 2_000_000_000
        server.notice.quotaByteCount = 2_000_000_000
        let device = try running(server)
        device.refuse = { request in
            switch request {
            case .put, .pack: .accountFull
            default: nil
            }
        }
        let place = FakeDevice.library("a.jpg")
        device.put("picture", at: place)
        // Long enough for tries that are minutes apart.
        try device.run(milliseconds: 1_200_000)
        #expect(try reason(.accountFull, device) != nil)
        device.refuse = { _ in nil }
        server.notice.quotaByteCount = 9_000_000_000
        server.notice.eventVersion = "2"
        device.tell(.noticeChanged(version: "2"))
        try device.run(milliseconds: 5_000)
        #expect(try reason(.accountFull, device) == nil)
        #expect(try device.story(place)?.status.state == .inSync)
    }

    @Test func `a suspect clock of the server is shown since when it is`() throws {
        let server = FakeServer()
        server.notice.clockSuspectSince = Timestamp(milliseconds: 77)
        let device = try running(server)
        #expect(try reason(.serverClockSuspect, device)?.since == Timestamp(milliseconds: 77))
    }

    @Test(arguments: [
        ("1.10.0", true), ("2", true), ("1.9.3", true), ("1.9.2", false), ("1.9.2.0", false),
        ("1.8.9", false), ("", false), ("1.x", false),
    ])
    func `a newer version of the server is told`(version: String, isNewer: Bool) throws {
        let server = FakeServer()
        server.notice.version = version
        let device = try running(server)
        let shown = try reason(.updateAvailable, device)
        #expect((shown != nil) == isNewer)
        if isNewer {
            #expect(shown?.message == "The server runs Martlet \(version); here it is 1.9.2.")
        }
    }

    @Test(arguments: [(ProtocolSide.device, "This device"), (.server, "The server")])
    func `who is too old is named`(side: ProtocolSide, name: String) throws {
        let device = FakeDevice(FakeServer(), once: false)
        device.refuse = { _ in .versionTooOld("it speaks protocol 9.", side: side) }
        device.restart()
        try device.run(milliseconds: 1_000)
        #expect(
            try reason(.versionTooOld, device)?.message
                == "\(name) is too old: it speaks protocol 9.")
        #expect(try device.status().state == .attention)
    }
}
