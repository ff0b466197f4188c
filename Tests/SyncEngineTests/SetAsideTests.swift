import Library
import Records
import Status
import SyncEngine
import Testing

/// What breaks its handler again and again is set aside: it holds up nothing, says why, and is tried
/// again when it or Martlet changes.
@Suite struct SetAsideTests {
    private let bad = FakeDevice.library("bad.jpg")
    private let good = FakeDevice.library("good.jpg")

    private func refusing(_ server: FakeServer) throws -> FakeDevice {
        let device = FakeDevice(server, once: false)
        device.refuse = {
            $0.carries("bad.jpg") ? .refused(code: "odd", message: "It is odd") : nil
        }
        device.write("bad", to: bad)
        device.write("good", to: good)
        device.restart()
        try device.run(milliseconds: 60_000)
        return device
    }

    @Test func `bytes that are refused alone, twice for the same cause, are set aside`() throws {
        let server = FakeServer()
        let device = try refusing(server)
        #expect(server.assets.count == 1)
        let status = try device.status()
        #expect(status.state == .attention)
        #expect(status.counts.failed == 1 && status.counts.inSync == 1)
        let reason = try #require(status.reasons.first)
        #expect(reason.code == .quarantined)
        #expect(reason.message == "bad.jpg failed 2 times: It is odd. It is set aside.")
        let story = try #require(try device.story(bad))
        #expect(story.status.state == .failed)
        #expect(story.status.reasons == [reason])
        #expect(story.history.last?.event == "setAside")
        // It is left alone from now on, also by the next process.
        device.restart()
        try device.run(milliseconds: 3_600_000)
        #expect(!device.requests.contains("put") && !device.requests.contains("pack"))
        #expect(try device.status().reasons == [reason])
    }

    @Test func `a changed file is tried again`() throws {
        let server = FakeServer()
        let device = try refusing(server)
        device.refuse = { _ in nil }
        device.write("mended", to: bad)
        device.tell(.placeChanged(bad))
        try device.run(milliseconds: 10_000)
        #expect(server.assets.count == 2)
        #expect(try device.status().state == .upToDate)
        #expect(try device.status().reasons.isEmpty)
    }

    @Test func `asked by its user, it is tried again`() throws {
        let server = FakeServer()
        let device = try refusing(server)
        device.refuse = { _ in nil }
        device.tell(.command(.retryNow))
        try device.run(milliseconds: 10_000)
        #expect(server.assets.count == 2)
        #expect(try device.status().reasons.isEmpty)
    }

    @Test func `another version of Martlet tries again`() throws {
        let server = FakeServer()
        let device = try refusing(server)
        device.refuse = { _ in nil }
        device.version = "1.9.3"
        device.restart()
        try device.run(milliseconds: 10_000)
        #expect(server.assets.count == 2)
        #expect(try device.status().reasons.isEmpty)
    }

    @Test func `causes that differ are no proof`() throws {
        let device = FakeDevice(FakeServer(), once: false)
        var tries = 0
        device.refuse = { request in
            guard request.carries("bad.jpg") else { return nil }
            tries += 1
            return .refused(code: "odd", message: "cause \(tries)")
        }
        device.write("bad", to: bad)
        device.restart()
        try device.run(milliseconds: 3_600_000)
        #expect(tries > 5)
        #expect(try device.status().reasons.map(\.code) == [.retrying])
    }

    @Test func `a file whose reading ends the process twice is not read a third time`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, once: false)
        device.write("bad", to: bad)
        device.write("good", to: good)
        let stamp = try #require(device.files[bad]?.stamp)
        let crash = CrashedReading(place: bad, stamp: stamp, cause: "signal 11")
        device.restart()
        device.tell(.readingCrashed([crash]))
        try device.run(events: 2)
        device.restart()
        device.tell(.readingCrashed([crash]))
        try device.run(milliseconds: 10_000)
        #expect(server.assets.count == 1)
        let status = try device.status()
        #expect(status.counts.failed == 1 && status.counts.waiting == 0)
        #expect(
            status.reasons.map(\.message) == [
                "/library/bad.jpg failed 2 times: "
                    + "reading it ended Martlet (signal 11). It is set aside."
            ])
        #expect(try device.story(bad)?.status.reasons.map(\.code) == [.quarantined])
        // Once more, with other bytes.
        device.write("mended", to: bad)
        device.tell(.placeChanged(bad))
        try device.run(milliseconds: 10_000)
        #expect(server.assets.count == 2)
        #expect(try device.status().reasons.isEmpty)
    }

    @Test func `a file that was read once when the process crashed is read alone`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, once: false)
        for number in 0..<5 { device.write("\(number)", to: FakeDevice.library("\(number).jpg")) }
        device.write("bad", to: bad)
        let stamp = try #require(device.files[bad]?.stamp)
        device.restart()
        device.tell(
            .readingCrashed([CrashedReading(place: bad, stamp: stamp, cause: "signal 4")]))
        try device.run(milliseconds: 10_000)
        #expect(server.assets.count == 6)
        #expect(try device.status().reasons.isEmpty)
        #expect(try device.story(bad)?.status.state == .inSync)
    }
}
