import Agent
import Library
import Records
import SyncEngine
import TestSupport
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What a repair moves aside can be put back, whatever its name and whatever happened meanwhile.
@Suite struct QuarantineTests {
    private let now = Timestamp(milliseconds: 1_700_000_000_000)

    private func library() throws -> (TemporaryFolder, String, DeviceDisk) {
        let folder = try TemporaryFolder()
        let library = folder.file("library")
        try LibraryFolder.make(at: library)
        return (folder, library, DeviceDisk(roots: [.library: DiskRoot(path: library)]))
    }

    private func put(_ text: String, _ path: String, _ disk: DeviceDisk, _ library: String) throws
        -> (RelativePath, FileStamp)
    {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(library)/\(path)"))
        let place = Place(root: .library, path: RelativePath(path))
        return (place.path, try #require(try disk.stamp(at: place)))
    }

    private func read(_ path: String, _ library: String) -> String? {
        (try? Data(contentsOf: URL(fileURLWithPath: "\(library)/\(path)")))
            .map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `files go aside with a manifest, and come back`() throws {
        let (folder, library, disk) = try library()
        defer { withExtendedLifetime(folder) {} }
        let (one, stamp) = try put("one", ".martlet/trash/a", disk, library)
        let (two, other) = try put("two", "b\nc.jpg", disk, library)
        var quarantine = Quarantine(library: library, remedy: "setAsideLeftovers", at: now)
        try quarantine.take(one, stamp)
        try quarantine.take(two, other)
        #expect(read(".martlet/trash/a", library) == nil && read("b\nc.jpg", library) == nil)
        let batches = Quarantine.batches(in: library)
        #expect(batches.map(\.held.count) == [2] && batches.first?.byteCount == 6)
        let undone = try Quarantine.undo(try #require(batches.first), in: library)
        #expect(undone.done.map(\.path) == [".martlet/trash/a", "b\nc.jpg"])
        #expect(read(".martlet/trash/a", library) == "one")
        #expect(read("b\nc.jpg", library) == "two")
        #expect(Quarantine.batches(in: library).isEmpty)
    }

    @Test func `a file that changed since it was looked at stays`() throws {
        let (folder, library, disk) = try library()
        defer { withExtendedLifetime(folder) {} }
        let (path, stamp) = try put("one", "a.jpg", disk, library)
        _ = try put("another", "a.jpg", disk, library)
        var quarantine = Quarantine(library: library, remedy: "test", at: now)
        let error = #expect(throws: DiskError.self) { try quarantine.take(path, stamp) }
        #expect(error == .changed)
        #expect(read("a.jpg", library) == "another")
        #expect(Quarantine.batches(in: library).isEmpty)
    }

    @Test func `what took a file's place is not overwritten`() throws {
        let (folder, library, disk) = try library()
        defer { withExtendedLifetime(folder) {} }
        let (path, stamp) = try put("old", "a.jpg", disk, library)
        var quarantine = Quarantine(library: library, remedy: "test", at: now)
        try quarantine.take(path, stamp)
        _ = try put("new", "a.jpg", disk, library)
        let batch = try #require(Quarantine.batches(in: library).first)
        let undone = try Quarantine.undo(batch, in: library)
        #expect(undone.done.isEmpty && undone.stayed.map(\.path) == ["a.jpg"])
        #expect(read("a.jpg", library) == "new")
        #expect(Quarantine.batches(in: library).first?.held.count == 1)
    }

    @Test func `a replaced file and the good one change places, again and again`() throws {
        let (folder, library, disk) = try library()
        defer { withExtendedLifetime(folder) {} }
        let (path, stamp) = try put("bad", "a.jpg", disk, library)
        var quarantine = Quarantine(library: library, remedy: "fetchGoodCopy", at: now)
        try quarantine.take(path, stamp, isReplaced: true)
        _ = try put("good", "a.jpg", disk, library)
        for expected in ["bad", "good", "bad"] {
            let batch = try #require(Quarantine.batches(in: library).first)
            #expect(try Quarantine.undo(batch, in: library).done.count == 1)
            #expect(read("a.jpg", library) == expected)
        }
    }
}
