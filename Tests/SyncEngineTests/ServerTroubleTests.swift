import Library
import Records
import Status
import SyncEngine
import Testing

@Suite struct ServerTroubleTests {
    private func device(_ names: [String] = ["A.JPG"], once: Bool = true) -> FakeDevice {
        let device = FakeDevice(FakeServer(), optimizes: true, once: once)
        for name in names { device.write(name, to: FakeDevice.source(name)) }
        return device
    }

    @Test func `an unreachable server is tried four times, 1, 2 and 4 seconds apart`() throws {
        let device = device()
        device.refuse = { _ in .unreachable("connection refused") }
        let start = device.now.uptime
        #expect(try device.sync() == .serverUnreachable)
        #expect(device.sent.map { $0.at - start } == [0, 1_000, 3_000, 7_000])
        let status = try device.status()
        #expect(status.state == .paused)
        let reason = try #require(status.reasons.first)
        #expect(reason.code == .serverUnreachable)
        #expect(reason.message == "the server does not answer: connection refused.")
        #expect(status.counts.onlyHere == 1)
    }

    @Test func `a running agent backs off to a quarter of an hour and no further`() throws {
        let device = device(once: false)
        device.refuse = { _ in .unreachable("no route") }
        device.restart()
        try device.run(milliseconds: 6 * 3_600_000)
        // The first two go out together: the feed and the report.
        let times = device.sent.map(\.at).dropFirst()
        let gaps = zip(times, times.dropFirst()).map { $1 - $0 }
        #expect(gaps.prefix(4) == [1_000, 2_000, 4_000, 8_000])
        #expect(gaps.max() == 900_000)
        #expect(gaps.suffix(5).allSatisfy { $0 == 900_000 })
    }

    @Test func `what cleared is gone on with at once`() throws {
        let device = device(once: false)
        device.refuse = { _ in .unreachable("no route") }
        device.restart()
        try device.run(milliseconds: 3_600_000)
        device.refuse = { _ in nil }
        device.tell(.command(.retryNow))
        try device.run(milliseconds: 3_000)
        #expect(device.server.assets.count == 1)
        #expect(try device.status().state == .upToDate)
    }

    @Test func `a refused sign-in ends the sync and keeps everything`() throws {
        let device = device()
        device.refuse = { _ in .signInNeeded }
        #expect(try device.sync() == .signInNeeded)
        let status = try device.status()
        #expect(status.state == .attention)
        #expect(status.reasons.first?.code == .signInNeeded)
        device.refuse = { _ in nil }
        #expect(try device.sync() == .inSync)
    }

    @Test func `a server that asks to slow down is given its time`() throws {
        let device = device(once: false)
        var times: [Int64] = []
        device.refuse = { request in
            guard case .put = request else { return nil }
            times.append(device.now.uptime)
            return times.count == 1 ? .retryLater(code: "rateLimited", seconds: 60) : nil
        }
        device.restart()
        try device.run(milliseconds: 30_000)
        #expect(try device.status().reasons.map(\.code) == [.rateLimited])
        try device.run(milliseconds: 60_000)
        #expect(times.count == 2 && times[1] - times[0] == 60_000)
        #expect(device.server.assets.count == 1)
    }

    @Test func `one file that breaks its transfer never holds up the others`() throws {
        let device = device((0..<20).map { "\($0).JPG" })
        device.refuse = { request in
            request.carries("7.JPG") ? .interrupted : nil
        }
        #expect(try device.sync() == .incomplete)
        #expect(device.server.assets.count == 19)
        let status = try device.status()
        #expect(status.reasons.map(\.code) == [.retrying])
        #expect(
            status.reasons[0].message == "It failed 4 times: 7.JPG: the connection broke.")
        #expect(status.counts.failed == 1 && status.counts.inSync == 19)
    }

    @Test func `one record that the server refuses never holds up the others`() throws {
        let device = device((0..<20).map { "\($0).JPG" })
        device.refuse = { request in
            guard case .commit(let groups, _) = request else { return nil }
            let isBad = groups.contains { group in
                group.changes.contains { $0.set["name"]?.string == "7.JPG" }
            }
            return isBad ? .refused(code: "badRequest", message: "The record is refused.") : nil
        }
        #expect(try device.sync() == .incomplete)
        #expect(device.server.assets.count == 19)
        #expect(try device.status().reasons.map(\.code) == [.retrying])
    }

    @Test func `a full account lets smaller items through`() throws {
        let device = device(once: false)
        let large = FakeDevice.source("LARGE.JPG")
        device.write("large", to: large)
        device.files[large]?.bytes = Array(repeating: 1, count: 3 << 20)
        device.refuse = { request in
            guard case .put(let file) = request else { return nil }
            return file.byteCount > 1_000 ? .accountFull : nil
        }
        device.restart()
        try device.run(milliseconds: 5_000)
        #expect(device.server.assets.count == 1)
        #expect(try device.status().state == .attention)
        #expect(try device.status().reasons.map(\.code) == [.accountFull])
        device.write("small", to: FakeDevice.source("SMALL.JPG"))
        device.tell(.placeChanged(FakeDevice.source("SMALL.JPG")))
        try device.run(milliseconds: 100)
        #expect(device.server.assets.count == 2)
        device.refuse = { _ in nil }
        try device.run(milliseconds: 900_000)
        #expect(device.server.assets.count == 3)
        #expect(try device.status().reasons.isEmpty)
    }

    @Test func `a full server disk stops uploads only, with its reason`() throws {
        let device = device()
        device.refuse = { request in
            if case .put = request { .serverStorageFull } else { nil }
        }
        #expect(try device.sync() == .incomplete)
        #expect(try device.status().reasons.map(\.code) == [.serverStorageFull])
        #expect(device.requests.filter { $0 == "put" }.count == 4)
    }

    @Test func `a gate with nothing behind it is no reason`() throws {
        let device = device(once: false)
        device.refuse = { request in
            if case .put = request { .serverStorageFull } else { nil }
        }
        device.restart()
        try device.run(milliseconds: 3_000)
        #expect(try device.status().reasons.map(\.code) == [.serverStorageFull])
        device.files[FakeDevice.source("A.JPG")] = nil
        device.tell(.placeChanged(FakeDevice.source("A.JPG")))
        try device.run(milliseconds: 20_000)
        #expect(try device.status().reasons.isEmpty)
        #expect(try device.status().state == .upToDate)
    }

    @Test func `bytes that the server lost before the commit are sent again`() throws {
        let device = device()
        var lost = false
        device.refuse = { request in
            if case .commit = request, !lost {
                lost = true
                device.server.blobs = [:]
            }
            return nil
        }
        #expect(try device.sync() == .inSync)
        #expect(device.server.assets.count == 1)
        #expect(device.requests.filter { $0 == "put" }.count == 2)
    }

    @Test func `an item refused for good says why, and what it waits for`() throws {
        let device = device(once: false)
        device.refuse = { request in
            if case .put = request { .refused(code: "x", message: "It is refused.") } else { nil }
        }
        device.restart()
        try device.run(milliseconds: 6_000)
        let reason = try #require(device.status().reasons.first)
        #expect(reason.code == .retrying)
        #expect(reason.message == "It failed 3 times: A.JPG: It is refused.")
        #expect(reason.clearsWhen.hasPrefix("a try gets through; the next is in "))
    }
}
