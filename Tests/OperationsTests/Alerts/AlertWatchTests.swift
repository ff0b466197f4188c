import Operations
import Records
import TestSupport
import Testing

/// What is told when, with a clock that only moves when told.
@Suite struct AlertWatchTests {
    private let world: AlertWorld

    init() throws { world = try AlertWorld() }

    @Test func `a cause is told once however long it lasts, and once that it is over`()
        async throws
    {
        try await world.add("mail")
        let watch = world.watch()
        world.see(AlertWorld.sighting("diskFull"))
        try await watch.round()
        #expect(world.recorder.take() == ["mail: began diskFull"])
        try await world.pass(7_200, with: watch)
        #expect(world.recorder.take().isEmpty)
        world.see()
        try await world.pass(840, with: watch)
        #expect(world.recorder.take().isEmpty)
        try await world.pass(600, with: watch)
        #expect(world.recorder.take() == ["mail: over diskFull"])
        try await world.pass(7_200, with: watch)
        #expect(world.recorder.take().isEmpty)
        #expect(try await world.count("alert") == 0)
        #expect(try await world.count("alertTold") == 0)
        // The same again is news.
        world.see(AlertWorld.sighting("diskFull"))
        try await world.pass(600, with: watch)
        #expect(world.recorder.take() == ["mail: began diskFull"])
    }

    @Test func `what comes and goes is one alert`() async throws {
        try await world.add("mail")
        let watch = world.watch()
        for _ in 0..<12 {
            world.see(AlertWorld.sighting("serviceOutage"))
            try await world.pass(300, with: watch)
            world.see()
            try await world.pass(300, with: watch)
        }
        #expect(world.recorder.take() == ["mail: began serviceOutage"])
    }

    @Test func `what passes before its time is told to nobody`() async throws {
        try await world.add("mail")
        let watch = world.watch()
        world.see(AlertWorld.sighting("serviceOutage", wait: 300))
        try await watch.round()
        world.see()
        try await world.pass(3_600, with: watch)
        #expect(world.recorder.take().isEmpty)
        #expect(try await world.count("alert") == 0)
        world.see(AlertWorld.sighting("serviceOutage", wait: 300))
        try await world.pass(600, with: watch)
        #expect(world.recorder.take() == ["mail: began serviceOutage"])
    }

    @Test func `what cannot be looked at is not over`() async throws {
        try await world.add("mail")
        let watch = world.watch()
        world.see(AlertWorld.sighting("deviceSilent", "a"))
        try await watch.round()
        world.see(sources: [])
        try await world.pass(7_200, with: watch)
        #expect(world.recorder.take() == ["mail: began deviceSilent a"])
    }

    @Test func `several at once are one message, and ten minutes lie between two`() async throws {
        try await world.add("mail")
        let watch = world.watch()
        world.see(AlertWorld.sighting("backupOld"), AlertWorld.sighting("deviceSilent", "a"))
        try await watch.round()
        #expect(world.recorder.take() == ["mail: began backupOld, began deviceSilent a"])
        world.seeServices(AlertWorld.sighting("serviceOutage", "photos", source: "services"))
        try await world.pass(599, with: watch, each: 15)
        #expect(world.recorder.take().isEmpty)
        try await world.pass(15, with: watch, each: 15)
        #expect(world.recorder.take() == ["mail: began serviceOutage photos"])
    }

    @Test func `a message names at most twenty, the rest come in the next`() async throws {
        try await world.add("mail")
        let watch = world.watch()
        let names = (10..<31).map { "device\($0)" }
        world.seeServices()
        let all = names.map { AlertWorld.sighting("deviceSilent", $0) }
        world.see(all)
        try await watch.round()
        let first = try #require(world.recorder.take().first)
        #expect(first.split(separator: ",").count == 20)
        try await world.pass(600, with: watch)
        #expect(world.recorder.take() == ["mail: began deviceSilent device30"])
    }

    @Test func `a channel that fails is tried more rarely, and hears all of it once it heals`()
        async throws
    {
        try await world.add("mail")
        try await world.add("phone")
        let watch = world.watch()
        world.recorder.fail(["mail"])
        world.see(AlertWorld.sighting("backupOld"))
        try await watch.round()
        // The other one does not wait.
        #expect(world.recorder.take() == ["phone: began backupOld"])
        let began = world.clock.read()
        var tries: [Int64] = []
        var attempts = 1
        for _ in 0..<480 {
            try await world.pass(15, with: watch, each: 15)
            let mail = try #require(try await world.channels().first { $0.name == "mail" })
            #expect(mail.failingSince == began)
            #expect(mail.error == "It cannot now.")
            let now = try await world.attempts(of: "mail")
            if now > attempts { tries.append(world.clock.read().seconds(since: began)) }
            attempts = now
        }
        // Half to the whole of 60, 120, 240, … seconds, and the next quarter of a minute.
        #expect((4...8).contains(tries.count), "\(tries)")
        #expect(tries.first.map { (30...75).contains($0) } == true)
        world.recorder.fail([])
        world.see()
        try await world.pass(3_600 + 900, with: watch)
        #expect(
            world.recorder.take() == ["mail: passed backupOld", "phone: over backupOld"])
        let mail = try #require(try await world.channels().first { $0.name == "mail" })
        #expect(mail.failingSince == nil && mail.error == nil)
    }

    @Test func `a restart tells nothing twice and forgets nothing`() async throws {
        try await world.add("mail")
        world.see(AlertWorld.sighting("backupOld"))
        try await world.watch().round()
        #expect(world.recorder.take() == ["mail: began backupOld"])
        // The new process's turn begins when the old one's has run out.
        let next = world.watch()
        try await world.pass(1_200, with: next)
        #expect(world.recorder.take().isEmpty)
        world.see()
        try await world.pass(1_500, with: next)
        #expect(world.recorder.take() == ["mail: over backupOld"])
    }

    @Test func `of two servers one looks and tells, and the other takes over`() async throws {
        try await world.add("mail")
        let (first, second) = (world.watch(), world.watch())
        world.see(AlertWorld.sighting("backupOld"))
        for _ in 0..<40 {
            world.clock.advance(seconds: 15)
            try await first.round()
            try await second.round()
        }
        #expect(world.recorder.take() == ["mail: began backupOld"])
        #expect(world.looks == 2)
        world.see()
        // The first one is gone.
        try await world.pass(2_400, with: second, each: 15)
        #expect(world.recorder.take() == ["mail: over backupOld"])
    }

    @Test func `an outage that only the other server sees is told`() async throws {
        try await world.add("mail")
        let (first, second) = (world.watch(), world.watch())
        try await first.round()
        let outage = AlertWorld.sighting(
            "serviceOutage", "photos", wait: 300, source: "services")
        for _ in 0..<30 {
            world.clock.advance(seconds: 15)
            world.seeServices()
            try await first.round()
            world.seeServices(outage)
            try await second.round()
        }
        #expect(world.recorder.take() == ["mail: began serviceOutage photos"])
    }

    @Test func `a database that does not answer is told from memory, and that it is back`()
        async throws
    {
        try await world.add("mail")
        try await world.add("ntfy")
        let watch = world.watch()
        try await watch.round()
        // What passes by itself is nobody's business.
        world.setDatabaseAway(true)
        try await world.pass(240, with: watch)
        world.setDatabaseAway(false)
        try await world.pass(60, with: watch)
        #expect(world.recorder.take().isEmpty)

        world.recorder.fail(["ntfy"])
        world.setDatabaseAway(true)
        try await world.pass(420, with: watch)
        #expect(world.recorder.take() == ["mail: began serverDatabaseUnusable"])
        world.recorder.fail([])
        try await world.pass(7_200, with: watch)
        #expect(world.recorder.take() == ["ntfy: began serverDatabaseUnusable"])

        world.setDatabaseAway(false)
        world.recorder.fail(["mail"])
        try await watch.round()
        #expect(world.recorder.take() == ["ntfy: over serverDatabaseUnusable"])
        world.recorder.fail([])
        try await world.pass(3_600, with: watch)
        #expect(world.recorder.take() == ["mail: over serverDatabaseUnusable"])

        // The same again is news.
        world.setDatabaseAway(true)
        try await world.pass(420, with: watch)
        #expect(world.recorder.take().count == 2)
    }

    @Test func `a channel that comes later hears what lasts`() async throws {
        let watch = world.watch()
        world.see(AlertWorld.sighting("backupOld"))
        try await watch.round()
        #expect(world.recorder.take().isEmpty)
        try await world.add("mail")
        try await world.pass(60, with: watch)
        #expect(world.recorder.take() == ["mail: began backupOld"])
    }

    @Test func `that a channel fails is told on the others only`() async throws {
        try await world.add("mail")
        try await world.add("phone")
        let watch = world.watch()
        world.see(AlertWorld.sighting("alertChannelFailing", "mail"))
        try await watch.round()
        #expect(world.recorder.take() == ["phone: began alertChannelFailing mail"])
    }

    @Test func `a clock that was set back silences nobody`() async throws {
        try await world.add("mail")
        let watch = world.watch()
        world.recorder.fail(["mail"])
        world.see(AlertWorld.sighting("backupOld"))
        try await watch.round()
        world.recorder.fail([])
        world.clock.advance(seconds: -30 * 86_400)
        let later = world.watch()
        try await world.pass(600, with: later)
        #expect(world.recorder.take() == ["mail: began backupOld"])
    }
}

extension Timestamp {
    fileprivate func seconds(since other: Timestamp) -> Int64 {
        (milliseconds - other.milliseconds) / 1_000
    }
}
