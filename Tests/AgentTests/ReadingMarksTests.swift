import Agent
import Library
import Records
import SyncEngine
import TestSupport
import Testing

/// What is noted while files are read, and what is made of it after a crash.
@Suite struct ReadingMarksTests {
    private let place = Place(
        root: RootID(rawValue: 3), path: RelativePath(bytes: Array("a/".utf8) + [0xFF, 0x0A]))
    private let stamp = FileStamp(inode: .max, byteCount: 7, modifiedAt: -2, changedAt: .max)

    /// The file as a process leaves it that ends while it reads.
    private func left(_ folder: TemporaryFolder, signal: UInt8) throws {
        let path = folder.file("reading")
        var bytes: [UInt8] = []
        do {
            let marks = try #require(ReadingMarks(path: path))
            marks.noting(place, stamp) {
                marks.noting(Place(root: .library, path: RelativePath("b.jpg")), stamp) {
                    bytes = folder.bytes("reading") ?? []
                }
            }
        }
        bytes[0] = signal
        try folder.write("reading", bytes)
    }

    @Test func `a crash names what was being read then`() throws {
        let folder = try TemporaryFolder()
        try left(folder, signal: 11)
        let crashed = try #require(ReadingMarks(path: folder.file("reading"))).crashed
        #expect(crashed.map(\.cause) == ["signal 11", "signal 11"])
        #expect(crashed.contains { $0.place == place && $0.stamp == stamp })
        #expect(crashed.contains { $0.place.path == RelativePath("b.jpg") })
        // Said once.
        #expect(try #require(ReadingMarks(path: folder.file("reading"))).crashed.isEmpty)
    }

    @Test func `a process that was killed accuses nobody`() throws {
        let folder = try TemporaryFolder()
        try left(folder, signal: 0)
        #expect(try #require(ReadingMarks(path: folder.file("reading"))).crashed.isEmpty)
    }

    @Test func `what was read to its end is not accused`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("reading")
        do {
            let marks = try #require(ReadingMarks(path: path))
            for _ in 0..<10 { marks.noting(place, stamp) {} }
        }
        var bytes = try #require(folder.bytes("reading"))
        bytes[0] = 6
        try folder.write("reading", bytes)
        #expect(try #require(ReadingMarks(path: path)).crashed.isEmpty)
    }

    @Test func `a file of anything else is read without harm`() throws {
        let folder = try TemporaryFolder()
        for count in [1, 43, 8_192, 8_193, 8_235, 20_000] {
            try folder.write("reading", Array(repeating: 0xFF, count: count))
            #expect(try #require(ReadingMarks(path: folder.file("reading"))).crashed.isEmpty)
        }
    }
}
