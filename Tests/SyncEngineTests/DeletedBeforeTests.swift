import Library
import Records
import Status
import SyncEngine
import Testing

@Suite struct DeletedBeforeTests {
    private func deletedWorld(
        _ delete: (inout Record) -> Void
    ) throws -> (FakeServer, FakeDevice) {
        let server = FakeServer()
        let first = FakeDevice(server, number: 1, optimizes: true)
        first.write("picture", to: FakeDevice.source("IMG_1.JPG"))
        try first.sync()
        let key = try #require(server.assets.first?.key)
        server.change(key, delete)
        return (server, first)
    }

    @Test func `a picture in the trash is not imported again`() throws {
        let (server, first) = try deletedWorld {
            $0.envelope.trashedAt = Timestamp(milliseconds: 9)
        }
        let second = FakeDevice(server, number: 2)
        second.write("picture", to: FakeDevice.source("COPY.JPG"))
        #expect(try second.sync() == .inSync)
        #expect(try first.sync() == .inSync)
        #expect(server.assets.isEmpty)
        #expect(!second.requests.contains("put"))
        #expect(second.libraryTexts.isEmpty)
        #expect(first.texts(in: RootID(rawValue: 1)).count == 1)
        #expect(try second.status().counts.items == 0)
    }

    @Test func `a tombstone that was never listed is found by its id`() throws {
        let (server, _) = try deletedWorld {
            $0.fields = nil
            $0.blobs = [:]
        }
        let second = FakeDevice(server, number: 2, optimizes: true)
        second.write("picture", to: FakeDevice.source("COPY.JPG"))
        #expect(try second.sync() == .inSync)
        #expect(server.assets.isEmpty)
        #expect(try second.status().counts.items == 0)
        #expect(try second.sync() == .inSync)
        #expect(second.requests == ["changes", "reportState"])
    }

    @Test func `what comes back from the trash comes back everywhere`() throws {
        let (server, _) = try deletedWorld {
            $0.envelope.trashedAt = Timestamp(milliseconds: 9)
        }
        let second = FakeDevice(server, number: 2)
        #expect(try second.sync() == .inSync)
        #expect(second.libraryTexts.isEmpty)
        let key = try #require(server.records.keys.first { $0.type == .asset })
        server.change(key) { $0.envelope.trashedAt = nil }
        #expect(try second.sync() == .inSync)
        #expect(second.libraryTexts.values.sorted() == ["picture"])
    }
}
