import Library
import Records
import Status
import SyncEngine
import Testing

/// One item's story: its state, why, where its copies are, and what happened to it.
@Suite struct StoryTests {
    private let place = FakeDevice.library("2020/a.jpg")

    @Test func `an item in sync names its copies and waits for nothing`() throws {
        let device = FakeDevice(FakeServer())
        device.write("picture", to: place)
        try device.sync()
        let story = try #require(try device.story(place))
        #expect(story.status.state == .inSync)
        // The server has yet to make its thumbnail: that only informs.
        #expect(story.status.reasons.map(\.code) == [.analysing])
        #expect(story.path == "/library/2020/a.jpg")
        #expect(story.copies.map(\.where) == ["/library/2020/a.jpg", "the server"])
        #expect(story.copies.map(\.role) == ["original", "original"])
        #expect(story.history.map(\.event) == ["seen", "added"])
        let item = try #require(story.status.item)
        #expect(try device.story(item)?.status == story.status)
    }

    @Test func `an item that is held says with how many, and that they were deleted`() throws {
        let server = FakeServer()
        let device = FakeDevice(server)
        for number in 0..<20 {
            device.write("\(number)", to: FakeDevice.library("\(number).jpg"))
        }
        try device.sync()
        for number in 0..<15 { device.files[FakeDevice.library("\(number).jpg")] = nil }
        try device.sync()
        let status = try #require(try device.story(FakeDevice.library("3.jpg"))).status
        #expect(status.state == .held)
        #expect(status.reasons.first?.code == .heldForConfirmation)
        #expect(
            status.reasons.first?.message == "15 items would be deleted: they are held.")
        #expect(try device.story(FakeDevice.library("17.jpg"))?.status.state == .inSync)
    }

    @Test func `what is unknown has no story`() throws {
        let device = FakeDevice(FakeServer())
        try device.sync()
        #expect(try device.story(place) == nil)
        #expect(try device.story(RecordID(high: 1, low: 2)) == nil)
    }

    @Test func `a failing item says how often, why, and when it is tried next`() throws {
        let device = FakeDevice(FakeServer(), once: false)
        device.refuse = { $0.carries("2020/a.jpg") ? .interrupted : nil }
        device.write("picture", to: place)
        device.restart()
        try device.run(milliseconds: 2_500)
        let story = try #require(try device.story(place))
        #expect(story.status.state == .failed)
        let reason = try #require(story.status.reasons.first)
        #expect(reason.code == .retrying)
        #expect(reason.message == "It failed 2 times: a.jpg: the connection broke.")
        let next = try #require(story.status.nextTry)
        #expect(next > device.now.wall)
        #expect(story.history.map(\.event) == ["seen", "sendingFailed"])
        #expect(story.history.last?.times == 2)
        #expect(story.history.last?.detail == "the connection broke")
    }

    @Test func `an item behind others says how many, and what stops them all`() throws {
        let device = FakeDevice(FakeServer(), once: false)
        device.refuse = { request in
            switch request {
            case .put, .pack: .unreachable("refused")
            default: nil
            }
        }
        for (name, text, age) in [("a", "1", 60), ("b", "22", 70), ("c", "333", 80)] {
            device.write(text, to: FakeDevice.library("\(name).jpg"), ageSeconds: Int64(age))
        }
        device.restart()
        try device.run(milliseconds: 500)
        let story = try #require(try device.story(FakeDevice.library("c.jpg")))
        #expect(story.status.state == .onlyHere)
        #expect(story.status.reasons.map(\.code) == [.serverUnreachable, .queued])
        #expect(story.status.ahead == 2)
        #expect(
            story.status.reasons.last?.message == "2 items, 3 bytes, are ahead of it.")
        #expect(story.status.nextTry != nil)
    }

    @Test func `files that stay here say by which rule`() throws {
        let device = FakeDevice(FakeServer())
        device.write("hidden", to: FakeDevice.library(".a.jpg"))
        device.write("", to: FakeDevice.library("empty.jpg"))
        device.write("words", to: FakeDevice.library("notes.txt"))
        device.links[FakeDevice.library("link.jpg")] = .symbolicLink
        try device.sync()
        let expected: [(String, ReasonCode, String)] = [
            (
                ".a.jpg", .notIncluded,
                "/library/.a.jpg stays on this device only: "
                    + "names that begin with a dot are left out."
            ),
            ("empty.jpg", .emptyFile, "/library/empty.jpg is empty."),
            (
                "notes.txt", .notAPhoto,
                "/library/notes.txt is no picture, video or sidecar: it stays on this device."
            ),
            (
                "link.jpg", .notIncluded,
                "/library/link.jpg stays on this device only: "
                    + "links, pipes and devices are left out."
            ),
        ]
        for (name, code, message) in expected {
            let status = try #require(try device.story(FakeDevice.library(name))?.status)
            #expect(status.state == .notIncluded)
            #expect(status.reasons.map(\.code) == [code])
            #expect(status.reasons.first?.message == message)
        }
    }

    @Test func `an unreadable file says the system's error`() throws {
        let device = FakeDevice(FakeServer())
        device.write("picture", to: place)
        device.readResult = { _ in .failed(.notPermitted) }
        try device.sync()
        let status = try #require(try device.story(place)?.status)
        #expect(status.state == .failed)
        #expect(
            status.reasons.first?.message
                == "/library/2020/a.jpg cannot be read: permission is missing.")
    }

    @Test func `a file that is being written says so`() throws {
        let device = FakeDevice(FakeServer(), once: false)
        device.write("half", to: place, ageSeconds: 1)
        device.restart()
        try device.run(milliseconds: 100)
        let status = try #require(try device.story(place)?.status)
        #expect(status.state == .waiting)
        #expect(status.reasons.first?.code == .stillChanging)
        #expect(status.reasons.first?.message == "a.jpg is being written.")
    }

    @Test func `with Optimize Storage an original on the server is only in the cloud`() throws {
        let server = FakeServer()
        let one = FakeDevice(server)
        one.write("picture", to: place)
        try one.sync()
        let two = FakeDevice(server, number: 2, optimizes: true)
        try two.sync()
        let item = try #require(try one.story(place)?.status.item)
        let story = try #require(try two.story(item))
        #expect(story.status.state == .onlyInCloud)
        #expect(story.status.reasons.map(\.code).contains(.onlyInCloud))
        #expect(story.path == nil)
        #expect(story.copies.map(\.where) == ["the server"])
    }

    @Test func `a sidecar that waits names its picture`() throws {
        let device = FakeDevice(FakeServer(), once: false)
        device.refuse = { $0.carries("2020/a.jpg") ? .interrupted : nil }
        device.write("picture", to: place)
        device.write("sidecar", to: FakeDevice.library("2020/a.jpg.xmp"))
        device.restart()
        try device.run(milliseconds: 5_000)
        let status = try #require(
            try device.story(FakeDevice.library("2020/a.jpg.xmp"))?.status)
        #expect(status.state == .waiting)
        #expect(
            status.reasons.first?.message
                == "It belongs to a.jpg, which has not crossed yet.")
    }

    @Test func `what happened outlives a restart and stays bounded`() throws {
        let device = FakeDevice(FakeServer(), once: false)
        var tries = 0
        device.refuse = { request in
            guard request.carries("2020/a.jpg") else { return nil }
            tries += 1
            return .refused(code: "busy", message: "try \(tries)")
        }
        device.write("picture", to: place)
        device.restart()
        try device.run(milliseconds: 40_000_000)
        device.restart()
        let history = try #require(try device.story(place)?.history)
        let failures = history.filter { $0.event == "sendingFailed" }
        #expect(failures.count == Limits.storyEventsPerItemMax)
        #expect(failures.last?.detail == "try \(tries)")
    }

    @Test func `a file that is being read says how far it is`() throws {
        let device = FakeDevice(FakeServer(), once: false)
        device.write("picture", to: place)
        device.restart()
        while device.events.contains(where: { if case .fileRead = $0 { false } else { true } }) {
            try device.run(events: 1)
        }
        #expect(
            try device.story(place)?.status.reasons.map(\.message)
                == ["0 bytes of 7 bytes are read."])
        device.tellFirst(.readingProgressed(place, byteCount: 5))
        try device.run(events: 1)
        #expect(
            try device.story(place)?.status.reasons.map(\.message)
                == ["5 bytes of 7 bytes are read."])
    }
}
