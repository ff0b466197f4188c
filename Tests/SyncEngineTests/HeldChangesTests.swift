import Library
import Records
import Status
import SyncEngine
import Testing

/// Many deletions or changes of bytes are held until the user says yes (P4).
@Suite struct HeldChangesTests {
    let server = FakeServer()
    let device: FakeDevice

    init() throws {
        device = FakeDevice(server, number: 1)
        for number in 0..<20 {
            device.write("picture \(number)", to: FakeDevice.library("2024/IMG_\(number).JPG"))
        }
        try device.sync()
    }

    private var trashedCount: Int { server.records.values.count { $0.isTrashed } }

    private func remove(_ numbers: Range<Int>) {
        for number in numbers {
            device.files[FakeDevice.library("2024/IMG_\(number).JPG")] = nil
        }
    }

    @Test(arguments: [
        (9, 10, false), (10, 20, false), (10, 19, true), (100, 900, false), (101, 1_010, false),
        (101, 1_009, true), (1_000, 1_000_000, false), (1_001, 1_000_000, true),
    ])
    func `so many changes need a yes`(count: Int, size: Int, isMany: Bool) {
        #expect(HeldChanges.isMany(count, of: size) == isMany)
    }

    @Test func `a few deletions are sent`() throws {
        remove(0..<9)
        #expect(try device.sync() == .inSync)
        #expect(trashedCount == 9)
    }

    @Test func `more than half of the library is held, shown and neither sent nor fetched`() throws
    {
        remove(0..<15)
        #expect(try device.sync() == .incomplete)
        #expect(trashedCount == 0)
        #expect(device.libraryTexts.count == 5)
        let status = try device.status()
        #expect(status.counts.held == 15)
        #expect(status.state == .attention)
        #expect(status.reasons.map(\.code) == [.heldForConfirmation])
        #expect(status.reasons.first?.message.hasPrefix("15 items would be deleted") == true)
    }

    @Test func `they are counted over a day, however slowly they come`() throws {
        remove(0..<9)
        try device.sync()
        remove(9..<12)
        #expect(try device.sync() == .incomplete)
        #expect(trashedCount == 9)
        // A day later the same three are still held: nobody has answered.
        device.pass(milliseconds: 30 * 3_600_000)
        #expect(try device.sync() == .incomplete)
        #expect(trashedCount == 9)
    }

    @Test func `a picture that returns under another name brings its sidecar back`() throws {
        let sidecar = FakeDevice.library("2024/IMG_3.JPG.xmp")
        device.write("<three/>", to: sidecar)
        try device.sync()
        device.files[sidecar] = nil
        remove(0..<15)
        #expect(try device.sync() == .incomplete)
        #expect(try device.status().counts.held == 15)
        device.write("picture 3", to: FakeDevice.library("2024/again.JPG"))
        try device.sync()
        #expect(device.libraryTexts["2024/again.JPG"] == "picture 3")
        #expect(device.libraryTexts.values.contains("<three/>"))
        #expect(try device.status().counts.held == 14)
        #expect(device.rows.missingCounts().all == 14)
    }

    @Test func `files that return leave the list`() throws {
        let files = device.files
        remove(0..<15)
        try device.sync()
        let list = try HeldChanges.list(device.rows, at: device.now.wall)
        #expect(list.items.count == 15)
        for number in 0..<10 {
            let place = FakeDevice.library("2024/IMG_\(number).JPG")
            device.files[place] = files[place]
        }
        // Five are no longer many.
        #expect(try device.sync() == .inSync)
        #expect(trashedCount == 5)
        #expect(try HeldChanges.list(device.rows, at: device.now.wall).digest != list.digest)
    }

    @Test func `a yes sends them, and all else goes on meanwhile`() throws {
        remove(0..<15)
        device.write("new", to: FakeDevice.library("new.jpg"))
        try device.sync()
        #expect(server.assets.count == 21)
        try HeldChanges.apply(device.rows)
        #expect(try device.sync() == .inSync)
        #expect(trashedCount == 15)
    }

    @Test func `a yes does not take what a disk holds that has just come back`() throws {
        remove(0..<15)
        try device.sync()
        try HeldChanges.apply(device.rows)
        device.write("picture 3", to: FakeDevice.source("card/IMG_3.JPG"))
        #expect(try device.sync() == .inSync)
        #expect(trashedCount == 14)
        #expect(device.libraryTexts.values.contains("picture 3"))
    }

    @Test func `nor while the files of that disk are being read`() throws {
        remove(0..<15)
        device.restart(once: false)
        try device.run(milliseconds: 60_000)
        #expect(try device.status().counts.held == 15)
        device.write("picture 3", to: FakeDevice.source("card/IMG_3.JPG"))
        device.takesLong = { if case .readFile = $0 { true } else { false } }
        device.tell(.command(.rootsChanged))
        try device.run(milliseconds: 5_000)
        try HeldChanges.apply(device.rows)
        device.tell(.command(.userDecided))
        try device.run(milliseconds: 60_000)
        // Those of another size cannot be it.
        #expect(trashedCount == 5)
        device.letGo()
        try device.run(milliseconds: 60_000)
        #expect(trashedCount == 14)
    }

    @Test func `a no fetches them again`() throws {
        remove(0..<15)
        try device.sync()
        #expect(try HeldChanges.putBack(device.rows).isEmpty)
        #expect(try device.sync() == .inSync)
        #expect(trashedCount == 0)
        #expect(device.libraryTexts.count == 20)
    }

    @Test func `many changes of bytes are held as well`() throws {
        for number in 0..<18 {
            device.write(
                "encrypted \(number)", to: FakeDevice.library("2024/IMG_\(number).JPG"),
                ageSeconds: 60)
        }
        #expect(try device.sync() == .incomplete)
        #expect(try device.status().reasons.first?.message.contains("be changed:") == true)
        let good = server.assets.compactMap { $0.blob(.original) }.count {
            String(decoding: server.blobs[$0.digest] ?? [], as: UTF8.self).hasPrefix("picture")
        }
        #expect(good == 20)
        try HeldChanges.apply(device.rows)
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 20)
    }

    @Test func `what was changed and is held is not fetched beside it`() throws {
        for number in 0..<18 {
            let place = FakeDevice.library("2024/IMG_\(number).JPG")
            device.write("encrypted \(number)", to: place, ageSeconds: 60)
        }
        device.restart(once: false)
        try device.run(milliseconds: 20_000)
        #expect(try device.status().reasons.map(\.code) == [.heldForConfirmation])
        device.tell(.command(.compareAll))
        try device.run(milliseconds: 20_000)
        #expect(device.libraryTexts.count == 20)
        #expect(!device.requests.contains("download"))
    }

    @Test func `when the library has grown, what was much of it is sent`() throws {
        remove(0..<15)
        device.restart(once: false)
        try device.run(milliseconds: 30_000)
        #expect(try device.status().counts.held == 15)
        let other = FakeDevice(server, number: 2, optimizes: true)
        for number in 0..<20 {
            other.write("more \(number)", to: FakeDevice.source("DSC_\(number).JPG"))
        }
        try other.sync()
        device.tell(.zoneChanged(head: server.head))
        try device.run(milliseconds: 30_000)
        #expect(trashedCount == 15)
        let status = try device.status()
        #expect(status.counts.held == 0 && status.counts.waiting == 0)
    }

    @Test func `changes that were held are sent when the library has grown`() throws {
        for number in 0..<15 {
            let place = FakeDevice.library("2024/IMG_\(number).JPG")
            device.write("edited \(number)", to: place, ageSeconds: 60)
        }
        device.restart(once: false)
        try device.run(milliseconds: 30_000)
        #expect(try device.status().reasons.map(\.code) == [.heldForConfirmation])
        let other = FakeDevice(server, number: 2, optimizes: true)
        for number in 0..<20 {
            other.write("more \(number)", to: FakeDevice.source("DSC_\(number).JPG"))
        }
        try other.sync()
        device.tell(.zoneChanged(head: server.head))
        try device.run(milliseconds: 30_000)
        #expect(try device.status().state == .upToDate)
        let edited = server.assets.compactMap { $0.blob(.original) }.count {
            String(decoding: server.blobs[$0.digest] ?? [], as: UTF8.self).hasPrefix("edited")
        }
        #expect(edited == 15)
    }

    @Test func `no other spelling of its name takes the place of what is held`() throws {
        // As a disk that decomposes names lists it.
        let place = FakeDevice.library("2023/11/u\u{308}.JPG")
        device.write("picture", to: place)
        try device.sync()
        device.files[place] = nil
        remove(0..<15)
        try device.sync()
        #expect(try device.status().counts.held == 16)
        let other = FakeDevice(server, number: 2, optimizes: true)
        other.write("another", to: FakeDevice.source("\u{FC}.JPG"))
        try other.sync()
        try device.sync()
        #expect(device.files[FakeDevice.library("2023/11/\u{FC}.JPG")] == nil)
        #expect(device.files[FakeDevice.library("2023/11/\u{FC} (2).JPG")] != nil)
    }
}
