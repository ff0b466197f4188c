import Library
import Records
import SyncEngine
import Testing

@Suite(.serialized) struct SpeedTests {
    /// Counts events, not seconds, so that a busy machine says the same.
    @Test func `3,000 files cross with few requests and a handful of events each`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true)
        device.hasTransactions = false
        for number in 0..<3_000 {
            let text = String(repeating: "\(number) ", count: 200)
            device.write(text, to: FakeDevice.source("\(number / 100)/\(number).JPG"))
        }
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 3_000)
        #expect(device.requests.count < 80)
        #expect(device.handled < 3_400)
        print("3,000 files: \(device.engineTime) in engine and rows")
    }

    @Test func `a large library with nothing new opens no file`() throws {
        let device = FakeDevice(FakeServer(), optimizes: true)
        for number in 0..<2_000 {
            device.write("\(number)", to: FakeDevice.source("\(number / 200)/\(number).JPG"))
        }
        try device.sync()
        device.readResult = { place in
            Issue.record("\(place.path) was opened")
            return nil
        }
        let before = device.handled
        #expect(try device.sync() == .inSync)
        #expect(device.requests == ["changes", "reportState"])
        #expect(device.handled - before < 25)
    }
}
