import Library
import Records
import Status
import SyncEngine
import Testing

/// Absent is not deleted (P4): when a missing file is a deletion, and when it is not.
@Suite struct MissingFileTests {
    let server = FakeServer()
    let device: FakeDevice
    let picture = FakeDevice.library("2024/05/IMG_1.JPG")

    init() throws {
        device = FakeDevice(server, number: 1)
        device.write("picture", to: picture)
        device.write("other", to: FakeDevice.library("2024/05/IMG_2.JPG"))
        try device.sync()
    }

    private var trashed: [String] {
        server.records.values.filter { $0.isTrashed }
            .map { AssetFields($0.fields ?? [:]).name }.sorted()
    }

    @Test func `a file that the user deleted goes to Recently Deleted`() throws {
        device.files[picture] = nil
        #expect(try device.sync() == .inSync)
        #expect(trashed == ["IMG_1.JPG"])
        #expect(device.libraryTexts == ["2024/05/IMG_2.JPG": "other"])
        #expect(device.rows.missingCounts() == MissingCounts())
        // And stays there.
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts.count == 1)
    }

    @Test func `a running agent looks again after ten seconds`() throws {
        device.restart(once: false)
        try device.run(milliseconds: 5_000)
        device.files[picture] = nil
        device.tell(.placeChanged(picture))
        try device.run(milliseconds: 9_000)
        #expect(trashed.isEmpty)
        #expect(device.libraryTexts.count == 1)
        try device.run(milliseconds: 15_000)
        #expect(trashed == ["IMG_1.JPG"])
    }

    @Test func `nothing is deleted that may be a file about which somebody is asked`() throws {
        let other = FakeDevice.library("2024/05/IMG_2.JPG")
        let time = try #require(device.files[other]?.modifiedAt)
        // The picture's own bytes, in a file whose time did not change.
        device.write("picture", to: other)
        device.files[other]?.modifiedAt = time
        device.files[picture] = nil
        try device.sync()
        #expect(try HeldChanges.suspicious(device.rows).map(\.place) == [other])
        #expect(trashed.isEmpty)
        #expect(device.libraryTexts.values.sorted() == ["other", "picture", "picture"])
    }

    @Test func `a file that comes back within ten seconds was never deleted`() throws {
        device.restart(once: false)
        try device.run(milliseconds: 5_000)
        let file = device.files.removeValue(forKey: picture)
        device.tell(.placeChanged(picture))
        try device.run(milliseconds: 5_000)
        device.files[picture] = file
        // No event says so: the second look finds it.
        try device.run(milliseconds: 60_000)
        #expect(trashed.isEmpty)
        #expect(device.agreed("2024/05/IMG_1.JPG") != nil)
    }

    @Test func `a missed file that comes back as nothing is suspicious at once`() throws {
        device.restart(once: false)
        try device.run(milliseconds: 5_000)
        device.files[picture] = nil
        device.tell(.placeChanged(picture))
        try device.run(milliseconds: 5_000)
        // As a power cut leaves it when it undoes a rename and the bytes were never written.
        device.write("", to: picture)
        device.tell(.placeChanged(picture))
        try device.run(milliseconds: 1_000)
        #expect(try HeldChanges.suspicious(device.rows).map(\.place) == [picture])
        try device.run(milliseconds: 60_000)
        #expect(trashed.isEmpty)
        #expect(try device.status().reasons.contains { $0.code == .suspiciousChange })
    }

    @Test func `a moved file is not deleted`() throws {
        device.files[FakeDevice.library("elsewhere/IMG_1.JPG")] =
            device.files.removeValue(forKey: picture)
        device.folders.insert(Folder(root: .library, path: RelativePath("elsewhere")))
        #expect(try device.sync() == .inSync)
        #expect(trashed.isEmpty)
        #expect(device.libraryTexts.count == 2)
        #expect(device.agreed("elsewhere/IMG_1.JPG") != nil)
    }

    @Test func `bytes that a source still has are not deleted`() throws {
        device.write("picture", to: FakeDevice.source("IMG_1.JPG"))
        try device.sync()
        device.files[picture] = nil
        try device.sync()
        #expect(trashed.isEmpty)
        #expect(device.libraryTexts.values.sorted() == ["other", "picture"])
    }

    @Test func `what a source has of an edit that the server's restore took is not deleted`() throws
    {
        device.write("picture", to: FakeDevice.source("IMG_1.JPG"))
        try device.sync()
        let goBack = server.snapshot()
        device.write("picture, edited", to: picture)
        try device.sync()
        device.files[picture] = nil
        goBack()
        server.restore { _ in true }
        try device.sync()
        #expect(trashed.isEmpty)
        #expect(device.libraryTexts.values.sorted() == ["other", "picture"])
    }

    @Test func `while a folder cannot be read, what is missed may lie there`() throws {
        device.restart(once: false)
        try device.run(milliseconds: 5_000)
        let moved = FakeDevice.library("elsewhere/IMG_1.JPG")
        device.files[moved] = device.files.removeValue(forKey: picture)
        device.folders.insert(moved.folder)
        device.failFolder = { $0 == moved.folder ? .inputOutput(errno: 5) : nil }
        device.tell(.placeChanged(picture))
        try device.run(milliseconds: 60_000)
        #expect(trashed.isEmpty)
        device.failFolder = { _ in nil }
        try device.run(milliseconds: 120_000)
        #expect(trashed.isEmpty)
        #expect(device.agreed("elsewhere/IMG_1.JPG") != nil)
        device.files[moved] = nil
        device.tell(.placeChanged(moved))
        try device.run(milliseconds: 60_000)
        #expect(trashed == ["IMG_1.JPG"])
    }

    @Test func `a folder that cannot be read deletes nothing`() throws {
        device.files[picture] = nil
        device.failFolder = { $0.path.text == "2024/05" ? .inputOutput(errno: 5) : nil }
        try device.sync()
        #expect(trashed.isEmpty)
    }

    @Test func `without its mark, or with another generation, nothing is deleted`() throws {
        let mark = try #require(device.mark)
        device.files[picture] = nil
        device.mark = nil
        try device.sync()
        #expect(trashed.isEmpty)
        device.mark = LibraryMark(library: mark.library, device: mark.device, generation: 7)
        try device.sync()
        #expect(trashed.isEmpty)
    }

    @Test func `a mark that goes before the second look keeps everything`() throws {
        device.restart(once: false)
        try device.run(milliseconds: 5_000)
        device.files[picture] = nil
        device.tell(.placeChanged(picture))
        try device.run(milliseconds: 5_000)
        device.mark = nil
        device.files = device.files.filter { !$0.key.root.isLibrary }
        try device.run(milliseconds: 60_000)
        #expect(trashed.isEmpty)
    }

    @Test func `a rebuilt database deletes nothing`() throws {
        let rebuilt = FakeDevice(server, number: 1)
        rebuilt.mark = device.mark
        rebuilt.files = device.files
        rebuilt.folders = device.folders
        rebuilt.files[picture] = nil
        try rebuilt.sync()
        #expect(trashed.isEmpty)
        #expect(rebuilt.libraryTexts.count == 2)
    }

    @Test func `a file that may be it and cannot be read keeps it`() throws {
        let moved = FakeDevice.library("2024/05/new name.jpg")
        device.files[moved] = device.files.removeValue(forKey: picture)
        device.readResult = { $0 == moved ? .failed(.notPermitted) : nil }
        try device.sync()
        #expect(trashed.isEmpty)
    }

    @Test(arguments: ["2024/05/.IMG_1.JPG", "2024/05/IMG_1.txt"])
    func `a file that is renamed so that it is left out is fetched again`(name: String) throws {
        device.files[FakeDevice.library(name)] = device.files.removeValue(forKey: picture)
        try device.sync()
        #expect(trashed.isEmpty)
        #expect(device.libraryTexts.values.sorted() == ["other", "picture", "picture"])
    }

    @Test func `a lost answer is repeated as the same deletion`() throws {
        device.files[picture] = nil
        var count = 0
        device.loseReply = { request in
            guard request.name == "commit" else { return false }
            count += 1
            return count == 1
        }
        try device.sync()
        #expect(count > 1)
        #expect(trashed == ["IMG_1.JPG"])
    }

    @Test func `an asset of two places is deleted with the last one`() throws {
        let copy = FakeDevice.library("copies/IMG_1.JPG")
        device.write("picture", to: copy)
        try device.sync()
        device.files[picture] = nil
        try device.sync()
        #expect(trashed.isEmpty)
        device.files[copy] = nil
        try device.sync()
        #expect(trashed == ["IMG_1.JPG"])
    }

    @Test func `a sidecar alone is fetched again`() throws {
        let sidecar = FakeDevice.library("2024/05/IMG_1.JPG.xmp")
        device.write("<x:xmpmeta/>", to: sidecar)
        try device.sync()
        device.files[sidecar] = nil
        #expect(try device.sync() == .inSync)
        #expect(trashed.isEmpty)
        #expect(device.libraryTexts["2024/05/IMG_1.JPG.xmp"] != nil)
        // With its picture it goes.
        device.files[sidecar] = nil
        device.files[picture] = nil
        #expect(try device.sync() == .inSync)
        #expect(trashed == ["IMG_1.JPG"])
    }
}
