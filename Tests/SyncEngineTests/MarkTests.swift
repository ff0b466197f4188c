import Library
import Records
import Status
import SyncEngine
import Testing

/// Whose the library's folder is, and whether it and the database belong together.
@Suite struct MarkTests {
    @Test func `a library is believed only when its disk was synced`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, number: 1)
        let place = FakeDevice.library("2024/05/IMG_1.JPG")
        // As a run left it that ended between the file's name and its sync.
        device.write("picture", to: place)
        device.failDisk = { if case .syncLibrary = $0 { .inputOutput(errno: 5) } else { nil } }
        #expect(try device.sync() == .incomplete)
        #expect(device.rows.localFile(at: place) == nil)
        #expect(try device.status().reasons.contains { $0.code == .volumeMissing })
        device.failDisk = { _ in nil }
        #expect(try device.sync() == .inSync)
        #expect(device.rows.localFile(at: place)?.agreed != nil)
    }

    private let server = FakeServer()
    private let device: FakeDevice

    init() throws {
        device = FakeDevice(server, number: 1)
        device.write("picture", to: FakeDevice.library("IMG_1.JPG"))
        #expect(try device.sync() == .inSync)
    }

    @Test func `a reading that began before the mark was written is done again`() throws {
        device.restart(once: false)
        try device.run(milliseconds: 10_000)
        let before = try #require(device.mark)
        device.takesLong = { if case .readMark = $0 { true } else { false } }
        try device.run(milliseconds: (Limits.markRaiseSeconds + 1) * 1_000)
        #expect(device.mark?.generation == before.generation + 1)
        device.tell(.markRead(.success(LibraryLook(mark: before))))
        try device.run(milliseconds: 100)
        #expect(try reason(.libraryRestored) == nil)
        device.letGo()
        try device.run(milliseconds: 10_000)
        #expect(try device.status().reasons.isEmpty)
    }

    private func reason(_ code: ReasonCode) throws -> Reason? {
        try device.status().reasons.first { $0.code == code }
    }

    @Test func `every start raises the generation, in the database and in the mark`() throws {
        let before = try #require(device.mark)
        #expect(before.generation == 2)
        #expect(before.account == device.rows.settings.account)
        #expect(device.rows.markGenerations() == MarkGenerations(written: 2, announced: nil))
        try device.sync()
        #expect(device.mark?.generation == 3)
        #expect(try reason(.libraryRestored) == nil)
    }

    @Test func `an idle device sees within 30 s that its library is away, though nothing says so`()
        throws
    {
        device.restart(once: false)
        try device.run(milliseconds: 200_000)
        #expect(try device.status().state == .upToDate)
        let requests = device.requests
        device.mark = nil
        let comes = try device.pass(seconds: 31) { try reason(.volumeMissing) != nil }
        #expect(comes)
        // Looking at the mark asks nothing of the server; what changed is reported.
        #expect(device.requests.dropFirst(requests.count).allSatisfy { $0 == "reportState" })
    }

    @Test func `two crashes in a row, one behind and one before the writing, are none either`()
        throws
    {
        for first in 1..<25 {
            for second in stride(from: 1, to: 25, by: 2) {
                for events in [first, second] {
                    device.restart()
                    try device.run(events: events)
                }
                #expect(try device.sync() == .inSync, "after \(first) and \(second) events")
                #expect(try reason(.libraryRestored) == nil)
            }
        }
    }

    @Test func `a crash around the writing of the mark is no restoring`() throws {
        for events in 1..<40 {
            device.restart()
            try device.run(events: events)
            #expect(try device.sync() == .inSync, "after \(events) events")
            #expect(try reason(.libraryRestored) == nil, "after \(events) events")
        }
    }

    @Test
    func `an older copy of the folder is compared, and nothing is deleted until it is accepted`()
        throws
    {
        let older = device.mark
        device.write("second", to: FakeDevice.library("IMG_2.JPG"))
        try device.sync()
        // The folder is restored from a backup: the second picture is missing in it.
        device.mark = older
        device.files[FakeDevice.library("IMG_2.JPG")] = nil
        let key = try #require(
            server.assets.first {
                $0.blobs["original"]?.digest == Digest(of: Array("picture".utf8))
            }
        )
        .key
        server.change(key) { $0.envelope.trashedAt = Timestamp(milliseconds: 9) }
        #expect(try device.sync() == .incomplete)
        #expect(try reason(.libraryRestored)?.message.contains("nothing was deleted") == true)
        #expect(server.assets.count == 1)
        // What is missing is neither deleted nor fetched, what was deleted is not moved.
        #expect(device.libraryTexts.values.sorted() == ["picture"])
        #expect(device.aside.isEmpty)
        device.rows.acceptGeneration(try #require(older).generation)
        #expect(try device.sync() == .inSync)
        #expect(try reason(.libraryRestored) == nil)
        #expect(device.libraryTexts.values.sorted() == ["second"])
    }

    @Test func `an older copy of the database is found as well`() throws {
        let older = device.rows.kept()
        try device.sync()
        device.rows.restore(older)
        try device.sync()
        #expect(try reason(.libraryRestored) != nil)
    }

    @Test func `a library of another account is neither read nor sent`() throws {
        let mark = try #require(device.mark)
        device.mark = LibraryMark(
            library: mark.library, device: mark.device, generation: mark.generation,
            account: AccountID(high: 9, low: 9))
        device.write("second", to: FakeDevice.library("IMG_2.JPG"))
        device.write("third", to: FakeDevice.source("IMG_3.JPG"))
        device.restart(once: false)
        try device.run(milliseconds: 10_000)
        let reason = try #require(try reason(.otherAccount))
        #expect(reason.message.contains(AccountID(high: 9, low: 9).text))
        #expect(server.assets.count == 1)
        device.mark = mark
        try device.run(milliseconds: 10_000)
        #expect(try self.reason(.otherAccount) == nil)
        #expect(server.assets.count == 3)
    }

    @Test func `another device's mark says which one`() throws {
        let mark = try #require(device.mark)
        let other = DeviceID(high: 9, low: 9)
        device.mark = LibraryMark(library: mark.library, device: other, generation: 7)
        try device.sync()
        #expect(try reason(.libraryInUseElsewhere)?.message.contains(other.text) == true)
        device.mark = mark
        #expect(try device.sync() == .inSync)
    }

    @Test func `a disk that can only be read is said to be so, with its end`() throws {
        device.look.isReadOnly = true
        device.restart(once: false)
        try device.run(milliseconds: 4_000)
        #expect(try reason(.readOnlyVolume) != nil)
        device.look.isReadOnly = false
        try device.run(milliseconds: 5_000)
        #expect(try reason(.readOnlyVolume) == nil)
    }

    @Test func `another tool's mark is named`() throws {
        device.restart(once: false)
        try device.run(milliseconds: 1_000)
        device.look.otherTool = OtherSyncTool(name: "Syncthing", mark: ".stfolder")
        device.tell(.folderChanged(Folder(root: .library, path: RelativePath(".stfolder"))))
        try device.run(milliseconds: 5_000)
        let reason = try #require(try reason(.otherSyncTool))
        #expect(reason.message.contains("Syncthing") && reason.message.contains(".stfolder"))
        device.look.otherTool = nil
        try device.run(milliseconds: 5_000)
        #expect(try self.reason(.otherSyncTool) == nil)
    }

    @Test func `a device that runs twice is told, and sends nothing more`() throws {
        server.notice.isCloned = true
        device.write("second", to: FakeDevice.source("IMG_2.JPG"))
        device.restart(once: false)
        try device.run(milliseconds: 30_000)
        #expect(try reason(.deviceCloned) != nil)
        let sent = server.assets.count
        device.write("third", to: FakeDevice.source("IMG_3.JPG"))
        device.tell(.placeChanged(FakeDevice.source("IMG_3.JPG")))
        try device.run(milliseconds: 30_000)
        #expect(server.assets.count == sent)
        server.notice.isCloned = false
        try device.run(milliseconds: 1_000_000)
        #expect(try reason(.deviceCloned) == nil)
        #expect(server.assets.count == 3)
    }

    @Test func `the runs that a device knows of are bounded, the latest last`() {
        for run in 0..<UInt64(Limits.runsKeptMax + 5) { device.rows.addRun(run) }
        #expect(device.rows.runs().count == Limits.runsKeptMax)
        #expect(device.rows.runs().last == UInt64(Limits.runsKeptMax + 4))
    }
}
