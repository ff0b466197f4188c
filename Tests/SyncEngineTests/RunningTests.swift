import Library
import Records
import Status
import SyncEngine
import Testing

/// The agent runs: events, watching, reports, and the schedule.
@Suite struct RunningTests {
    @Test func `a new file is sent when its writer closes it`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true, once: false)
        device.restart()
        try device.run(milliseconds: 5_000)
        let start = device.now.uptime
        let place = FakeDevice.source("NEW.JPG")
        device.write("new", to: place, ageSeconds: 0)
        device.tell(.placeChanged(place))
        try device.run(milliseconds: 1)
        #expect(server.assets.count == 1)
        #expect(device.now.uptime == start)
    }

    @Test func `a change on the server arrives when the event says so`() throws {
        let server = FakeServer()
        let first = FakeDevice(server, number: 1, optimizes: true)
        let second = FakeDevice(server, number: 2, once: false)
        second.restart()
        try second.run(milliseconds: 5_000)
        first.write("one", to: FakeDevice.source("A.JPG"))
        try first.sync()
        second.tell(.zoneChanged(head: server.head))
        try second.run(milliseconds: 1)
        #expect(second.libraryTexts.values.sorted() == ["one"])
    }

    @Test func `an event about what is known asks nothing`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, once: false)
        device.write("one", to: FakeDevice.source("A.JPG"))
        device.restart()
        try device.run(milliseconds: 5_000)
        let count = device.requests.count
        device.tell(.zoneChanged(head: server.head))
        try device.run(milliseconds: 1_000)
        #expect(device.requests.count == count)
    }

    @Test func `every folder is watched before it is read`() throws {
        let device = FakeDevice(FakeServer(), optimizes: true, once: false)
        device.write("one", to: FakeDevice.source("a/b/A.JPG"))
        device.restart()
        try device.run(milliseconds: 5_000)
        #expect(
            device.log.filter { $0.hasPrefix("watch") }
                == ["watch 1/", "watch 1/a", "watch 1/a/b", "watch 0/"])
    }

    @Test func `a new folder is read with all below it`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true, once: false)
        device.restart()
        try device.run(milliseconds: 5_000)
        device.write("one", to: FakeDevice.source("x/y/A.JPG"))
        device.tell(.folderChanged(Folder(root: RootID(rawValue: 1), path: .root)))
        try device.run(milliseconds: 1_000)
        #expect(server.assets.count == 1)
    }

    @Test func `what events missed is found within a quarter of an hour`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true, once: false)
        device.restart()
        try device.run(milliseconds: 5_000)
        device.write("one", to: FakeDevice.source("A.JPG"))
        try device.run(milliseconds: 901_000)
        #expect(server.assets.count == 1)
    }

    @Test func `a removed source is forgotten, its pictures stay in the cloud`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true, once: false)
        device.write("one", to: FakeDevice.source("A.JPG"))
        device.restart()
        try device.run(milliseconds: 5_000)
        device.rows.roots = device.rows.roots.filter(\.id.isLibrary)
        device.tell(.command(.rootsChanged))
        try device.run(milliseconds: 1_000)
        #expect(device.rows.allFiles.isEmpty)
        #expect(server.assets.count == 1)
    }

    @Test func `the state is reported at changes and every five minutes`() throws {
        let device = FakeDevice(FakeServer(), optimizes: true, once: false)
        device.restart()
        try device.run(milliseconds: 3_000)
        let early = device.requests.filter { $0 == "reportState" }.count
        #expect((1...3).contains(early))
        try device.run(milliseconds: 1_500_000)
        let later = device.requests.filter { $0 == "reportState" }.count - early
        // Five heartbeats, and what the comparison in between is worth.
        #expect((5...8).contains(later))
    }

    @Test func `an idle agent asks for few timers`() throws {
        let device = FakeDevice(FakeServer(), optimizes: true, once: false)
        device.write("one", to: FakeDevice.source("A.JPG"))
        device.restart()
        try device.run(milliseconds: 10_000)
        let before = device.handled
        try device.run(milliseconds: 3_600_000)
        // Of these two for each of an hour's 120 looks at the mark.
        #expect(device.handled - before < 240 + 200)
    }

    @Test func `the same world gives the same requests`() throws {
        func requests() throws -> [String] {
            let device = FakeDevice(FakeServer())
            for number in 0..<50 {
                device.write("\(number)", to: FakeDevice.source("\(number % 7)/\(number).JPG"))
            }
            try device.sync()
            return device.requests + device.log
        }
        #expect(try requests() == requests())
    }
}
