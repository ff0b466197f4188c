import Library
import SyncEngine
import Testing

/// A disk may list a name in other letters than it was given in; an event has it as it was given.
@Suite struct SpellingTests {
    private let server = FakeServer()
    private let device: FakeDevice

    init() throws {
        device = FakeDevice(server, number: 1)
        try device.sync()
        device.restart(once: false)
        try device.run(milliseconds: 5_000)
    }

    @Test func `a new file is known by the name that is listed, and by no other`() throws {
        let given = FakeDevice.library("\u{FC}.jpg")
        let listed = FakeDevice.library("u\u{308}.jpg")
        device.write("picture", to: listed)
        device.listedAs[given] = listed
        device.tell(.placeChanged(given))
        try device.run(milliseconds: 30_000)
        #expect(device.rows.localFile(at: given) == nil)
        #expect(device.rows.localFile(at: listed)?.agreed != nil)
        #expect(server.assets.count == 1)
        // And by that it goes.
        device.files[listed] = nil
        device.listedAs[given] = nil
        device.tell(.placeChanged(given))
        try device.run(milliseconds: 60_000)
        #expect(server.assets.isEmpty)
    }

    @Test func `where a listing shows that names stay as they are, no folder is read for one`()
        throws
    {
        device.write("first", to: FakeDevice.library("\u{FC}.jpg"))
        device.tell(.watchOverflowed)
        try device.run(milliseconds: 30_000)
        #expect(server.assets.count == 1)
        // A folder's reading would wait until it is the same for two seconds.
        let second = FakeDevice.library("\u{E9}.jpg")
        device.write("second", to: second)
        device.tell(.placeChanged(second))
        try device.run(milliseconds: 1_500)
        #expect(server.assets.count == 2)
    }

    @Test(arguments: [
        ("IMG_1.JPG", false), ("\u{FC}.jpg", true), ("u\u{308}.jpg", false), ("\u{439}", true),
        ("\u{AC00}", true), ("\u{E6}\u{F8}\u{DF}", false), ("\u{5199}", false),
    ])
    func `letters with their mark in one prove that a disk keeps names`(
        name: String, isProof: Bool
    ) {
        #expect(FileName.hasComposedLetter(Array(name.utf8)) == isProof)
    }
}
