import Library
import Records
import Status
import SyncEngine
import Testing

/// Work on files that fails is said while it is tried again, and is gone when a try gets through.
@Suite struct WorkReasonTests {
    let server = FakeServer()
    let device: FakeDevice
    let other: FakeDevice
    let picture = FakeDevice.library("2024/05/IMG_1.JPG")

    init() throws {
        device = FakeDevice(server, number: 1)
        other = FakeDevice(server, number: 2)
        device.write("picture", to: picture)
        try device.sync()
        try other.sync()
    }

    private func fail(_ isMeant: @escaping (DiskOperation) -> Bool) {
        other.failDisk = { isMeant($0) ? .inputOutput(errno: 5) : nil }
    }

    /// With `--once` it gives up and says so; running it tries again by itself.
    private func expectSaid(_ words: String) throws {
        #expect(try other.sync() == .incomplete)
        try expectReason(words)
        other.restart(once: false)
        try other.run(milliseconds: 5_000)
        try expectReason(words)
        #expect(try other.status().state == .waiting)
        other.failDisk = { _ in nil }
        // The longest wait between two tries, and then some.
        try other.run(milliseconds: (Limits.retryDelaySecondsMax + 60) * 1_000)
        #expect(try other.status().reasons.isEmpty)
        #expect(try other.status().state == .upToDate)
    }

    private func expectReason(_ words: String) throws {
        let reasons = try other.status().reasons.filter { $0.code == .retrying }
        #expect(reasons.contains { $0.message.contains(words) }, "\(reasons)")
        #expect(reasons.allSatisfy { $0.message.contains("the disk reports error 5") })
    }

    @Test func `a deletion that the disk refuses is no silence`() throws {
        let key = try #require(server.assets.first?.key)
        server.change(key) { $0.envelope.trashedAt = Timestamp(milliseconds: 1_700_000_000_000) }
        fail { if case .moveAside = $0 { true } else { false } }
        try expectSaid("taking away what was deleted or replaced elsewhere")
        #expect(other.libraryTexts.isEmpty)
    }

    @Test func `a move of an earlier run that cannot be made durable is no silence`() throws {
        let key = try #require(server.assets.first?.key)
        server.change(key) { $0.envelope.trashedAt = Timestamp(milliseconds: 1_700_000_000_000) }
        // The first run moves it, and ends without knowing that this will last.
        fail {
            guard case .syncFolder(let folder) = $0 else { return false }
            return folder.path.text.hasPrefix(".martlet")
        }
        try expectSaid("finishing what an earlier run was moving")
        #expect(other.libraryTexts.isEmpty)
    }

    @Test func `a new name that the disk refuses is no silence`() throws {
        let key = try #require(server.assets.first?.key)
        server.change(key) { $0.fields?["name"] = .string("Beach.JPG") }
        fail { if case .rename = $0 { true } else { false } }
        try expectSaid("giving files their new names")
        #expect(other.libraryTexts.keys.allSatisfy { $0.hasSuffix("Beach.JPG") })
    }

    @Test func `a change that the server refuses for long is no silence`() throws {
        other.refuse = {
            if case .commit = $0 {
                .refused(code: "invalidChange", message: "Not so.")
            } else {
                nil
            }
        }
        let place = try #require(other.files.keys.first { $0.root.isLibrary })
        other.files[place] = nil
        #expect(try other.sync() == .incomplete)
        let reasons = try other.status().reasons
        #expect(
            reasons.contains {
                $0.code == .retrying
                    && $0.message.contains("telling what happened to a picture here")
            }, "\(reasons)")
        other.refuse = { _ in nil }
        #expect(try other.sync() == .inSync)
        #expect(try other.status().reasons.isEmpty)
        #expect(server.assets.isEmpty)
    }
}
