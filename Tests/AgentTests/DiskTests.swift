import Agent
import Library
import Records
import SyncEngine
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite struct DiskTests {
    private let folder: TemporaryFolder
    private let disk: DeviceDisk
    private let temporary = TemporaryName("one")

    init() throws {
        folder = try TemporaryFolder()
        disk = try folder.library()
    }

    @Test func `a listing has every name, whatever its bytes and its kind`() throws {
        let odd: [UInt8] = [0x61, 0xFF, 0x0A, 0x27]
        try folder.write(odd, [1])
        try folder.write("b.jpg", [])
        folder.makeFolder("sub")
        folder.link("link", to: "/etc/passwd")
        folder.makePipe("pipe")
        let entries = try disk.entries(of: Folder(root: .library, path: .root))
        let kinds = Dictionary(uniqueKeysWithValues: entries.map { ($0.name, $0.kind) })
        #expect(kinds.count == 6)
        guard case .file(let stamp)? = kinds[odd] else {
            Issue.record("The odd name is not there.")
            return
        }
        #expect(stamp.byteCount == 1)
        #expect(kinds[Array("sub".utf8)] == .folder)
        #expect(kinds[Array("link".utf8)] == .symbolicLink)
        #expect(kinds[Array("pipe".utf8)] == .other)
        #expect(kinds[Array(".martlet".utf8)] == .folder)
    }

    @Test func `a missing folder, a file as a folder and a linked folder are told apart`() throws {
        try folder.write("file", [1])
        folder.link("linked", to: "/tmp")
        func error(_ name: String) -> DiskError? {
            #expect(throws: DiskError.self) {
                try disk.entries(of: Folder(root: .library, path: RelativePath(name)))
            }
        }
        #expect(error("missing") == .notFound)
        #expect(error("file") == .notAFolder)
        #expect(error("linked") != nil)
        #expect(error("linked") != .notFound)
    }

    @Test func `a root of single names shows only those`() throws {
        try folder.write("a.jpg", [1])
        try folder.write("b.jpg", [1])
        let some = DeviceDisk(roots: [
            RootID(rawValue: 3): DiskRoot(
                path: Array(folder.path.utf8), onlyNames: [Array("b.jpg".utf8)])
        ])
        let entries = try some.entries(of: Folder(root: RootID(rawValue: 3), path: .root))
        #expect(entries.map(\.name) == [Array("b.jpg".utf8)])
    }

    @Test func `a file is copied with its digest, dated and moved into place`() throws {
        try folder.write("a.jpg", Array("bytes".utf8))
        let stamp = try disk.stamp(place("a.jpg"))
        let copied = try disk.perform(.copy(place("a.jpg"), stamp, to: temporary))
        #expect(copied == .copied(Digest(of: Array("bytes".utf8)), byteCount: 5))
        #expect(try disk.perform(.listTemporaries) == .temporaries([temporary]))
        _ = try disk.perform(.setTime(temporary, modifiedAt: -1_500_000_000))
        _ = try disk.perform(.syncLibrary)
        _ = try disk.perform(.createFolder(place("2019/07/x.jpg").folder))
        let moved = try disk.perform(.moveIntoPlace(temporary, place("2019/07/x.jpg")))
        _ = try disk.perform(.syncFolder(place("2019/07/x.jpg").folder))
        let now = try disk.stamp(place("2019/07/x.jpg"))
        #expect(moved == .moved(now))
        #expect(now.modifiedAt == -1_500_000_000)
        #expect(folder.bytes("2019/07/x.jpg") == Array("bytes".utf8))
        #expect(try disk.perform(.listTemporaries) == .temporaries([]))
    }

    @Test func `nothing is ever moved over a file`() throws {
        try folder.write("a.jpg", [1])
        try folder.write(".martlet/incoming/one", [2])
        #expect(throws: DiskError.alreadyExists) {
            try disk.perform(.moveIntoPlace(temporary, place("a.jpg")))
        }
        #expect(folder.bytes("a.jpg") == [1])
        #expect(folder.bytes(".martlet/incoming/one") == [2])
    }

    @Test func `a preview gets its name, gives it to the next one, and goes`() throws {
        let name = PreviewName(RecordID(high: 0xAB << 56, low: 7))
        #expect(name.path.text == ".martlet/previews/ab/ab000000000000000000000000000007.webp")
        for bytes in [[1], [2, 3]] as [[UInt8]] {
            try folder.write(".martlet/incoming/one", bytes)
            #expect(try disk.perform(.keepPreview(temporary, name)) == .done)
            #expect(folder.bytes(name.path.text) == bytes)
        }
        #expect(try disk.perform(.listTemporaries) == .temporaries([]))
        #expect(throws: DiskError.notFound) { try disk.perform(.keepPreview(temporary, name)) }
        try folder.write(".martlet/previews/ab/notes.txt", [1])
        #expect(try disk.perform(.listPreviews(folder: 0xAB)) == .previews([name]))
        #expect(try disk.perform(.listPreviews(folder: 0xAC)) == .previews([]))
        for _ in 0..<2 {
            #expect(try disk.perform(.removePreview(name)) == .done)
            #expect(folder.bytes(name.path.text) == nil)
        }
        #expect(try disk.perform(.removePreview(PreviewName(RecordID(high: 1, low: 1)))) == .done)
        #expect(try disk.perform(.listPreviews(folder: 0xAB)) == .previews([]))
        // Scans never see it.
        #expect(try disk.entries(of: Folder(root: .library, path: .root)).count == 1)
    }

    @Test func `a copy of a file that changed is refused`() throws {
        try folder.write("a.jpg", [1])
        var stamp = try disk.stamp(place("a.jpg"))
        stamp.modifiedAt += 1
        #expect(throws: DiskError.changed) {
            try disk.perform(.copy(place("a.jpg"), stamp, to: temporary))
        }
        #expect(throws: DiskError.notFound) {
            try disk.perform(.copy(place("gone.jpg"), stamp, to: temporary))
        }
    }

    @Test func `a file is moved aside while it is what it was, and comes back`() throws {
        let name = AsideName(.trash, fileName: Array("a.jpg".utf8), number: 7)
        #expect(name.text == "0000000000000007-a.jpg")
        try folder.write("a.jpg", [1])
        let stamp = try disk.stamp(place("a.jpg"))
        try folder.write("a.jpg", [1, 2])
        #expect(throws: DiskError.changed) {
            try disk.perform(.moveAside(place("a.jpg"), stamp, to: name))
        }
        let now = try disk.stamp(place("a.jpg"))
        guard case .moved(let moved) = try disk.perform(.moveAside(place("a.jpg"), now, to: name))
        else { return }
        #expect(moved.isSameFile(as: now))
        #expect(!folder.exists("a.jpg"))
        #expect(folder.bytes(".martlet/trash/0000000000000007-a.jpg") == [1, 2])
        #expect(
            try disk.perform(.locate(place("a.jpg"), .aside(name)))
                == .located(atPlace: nil, elsewhere: moved))
        try folder.write("a.jpg", [3])
        #expect(throws: DiskError.alreadyExists) {
            try disk.perform(.moveBack(name, to: place("a.jpg")))
        }
        _ = try disk.perform(.moveBack(name, to: place("b.jpg")))
        #expect(folder.bytes("b.jpg") == [1, 2])
        #expect(folder.bytes("a.jpg") == [3])
    }

    @Test func `what was moved aside becomes a file in the making, or goes`() throws {
        let name = AsideName(.leaving, fileName: [0xFF], number: .max)
        try folder.write("a.jpg", [1])
        let stamp = try disk.stamp(place("a.jpg"))
        _ = try disk.perform(.moveAside(place("a.jpg"), stamp, to: name))
        // Its bytes may have changed in a power cut that left the stamp as it was.
        #expect(throws: DiskError.changed) {
            try disk.perform(.reclaim(name, stamp, Digest(of: [2]), to: temporary))
        }
        _ = try disk.perform(.reclaim(name, stamp, Digest(of: [1]), to: temporary))
        #expect(folder.bytes(".martlet/incoming/one") == [1])
        for _ in 0..<2 { _ = try disk.perform(.removeAside(name)) }
        #expect(throws: DiskError.notFound) {
            try disk.perform(.reclaim(name, stamp, Digest(of: [1]), to: temporary))
        }
        #expect(folder.bytes(".martlet/incoming/one") == [1])
    }

    @Test func `a new name that the disk takes for the file's own is no other's`() throws {
        try folder.write("IMG.JPG", [1])
        let stamp = try disk.stamp(place("IMG.JPG"))
        // As on a disk that folds case: both names are the same file.
        #expect(link(folder.file("IMG.JPG"), folder.file("img.jpg")) == 0)
        let now = try disk.stamp(place("IMG.JPG"))
        let outcome = try disk.perform(.rename(place("IMG.JPG"), now, to: place("img.jpg")))
        guard case .moved(let moved) = outcome else {
            Issue.record("It is not said where the file is.")
            return
        }
        #expect(moved.inode == stamp.inode)
        #expect(folder.bytes("img.jpg") == [1])
        // Another file under that name keeps it.
        try folder.write("b.jpg", [2])
        try folder.write("B.jpg", [3])
        #expect(throws: DiskError.alreadyExists) {
            try disk.perform(
                .rename(place("b.jpg"), try disk.stamp(place("b.jpg")), to: place("B.jpg")))
        }
        #expect(folder.bytes("B.jpg") == [3] && folder.bytes("b.jpg") == [2])
    }

    @Test func `a renamed file takes no other's name`() throws {
        try folder.write("a.jpg", [1])
        try folder.write("b.jpg", [2])
        let stamp = try disk.stamp(place("a.jpg"))
        #expect(throws: DiskError.alreadyExists) {
            try disk.perform(.rename(place("a.jpg"), stamp, to: place("b.jpg")))
        }
        _ = try disk.perform(.rename(place("a.jpg"), stamp, to: place("c/d.jpg")))
        #expect(folder.bytes("c/d.jpg") == [1])
        #expect(folder.bytes("b.jpg") == [2])
    }

    @Test func `a source's file is never moved to a trash`() throws {
        try folder.write("a.jpg", [1])
        let source = RootID(rawValue: 1)
        let both = DeviceDisk(roots: [
            .library: DiskRoot(path: folder.path), source: DiskRoot(path: folder.path),
        ])
        let stamp = try both.stamp(place("a.jpg", in: source))
        #expect(throws: DiskError.readOnly) {
            try both.perform(
                .moveAside(place("a.jpg", in: source), stamp, to: AsideName(.trash, "a.jpg")))
        }
        #expect(folder.exists("a.jpg"))
    }

    @Test func `a renewed temporary is a file of its own`() throws {
        try folder.write(".martlet/incoming/\(temporary.text)", [1, 2])
        // A disk that lost the power in the middle of a move.
        #expect(link(folder.file(".martlet/incoming/\(temporary.text)"), folder.file("a.jpg")) == 0)
        _ = try disk.perform(.renew(temporary))
        #expect(folder.bytes(".martlet/incoming/\(temporary.text)") == [1, 2])
        try folder.write(".martlet/incoming/\(temporary.text)", [3])
        #expect(folder.bytes("a.jpg") == [1, 2])
        #expect(try disk.perform(.listTemporaries) == .temporaries([temporary]))
        let gone = TemporaryName("gone")
        #expect(throws: DiskError.notFound) { try disk.perform(.renew(gone)) }
        #expect(try disk.perform(.listTemporaries) == .temporaries([temporary]))
    }

    @Test func `making a folder and removing a temporary can be repeated`() throws {
        for _ in 0..<2 {
            _ = try disk.perform(.createFolder(place("a/b/c").folder))
            _ = try disk.perform(.removeTemporary(temporary))
        }
        #expect(folder.exists("a/b"))
    }

    @Test func `a mark is read as it was written, a broken one is an error, none is nothing`()
        throws
    {
        let bytes = Array(folder.path.utf8)
        #expect(try LibraryFolder.readMark(at: bytes) == nil)
        let mark = LibraryMark(
            library: LibraryID(high: 1, low: 2), device: DeviceID(high: 3, low: 4), generation: 5)
        try LibraryFolder.write(mark, at: folder.path)
        #expect(try LibraryFolder.readMark(at: bytes) == mark)
        try folder.write(".martlet/mark", Array("{}".utf8))
        #expect(throws: DiskError.self) { try LibraryFolder.readMark(at: bytes) }
        #expect(try LibraryFolder.readMark(at: bytes + Array("/missing".utf8)) == nil)
    }

    @Test(.enabled(if: SmallDisk.isAvailable))
    func `a full disk is said to be full, and leaves the file as it was`() throws {
        let small = try SmallDisk(byteCount: 1 << 20)
        try LibraryFolder.make(at: small.path)
        try folder.write("big.jpg", [UInt8](repeating: 7, count: 2 << 20))
        let source = RootID(rawValue: 1)
        let both = DeviceDisk(roots: [
            .library: DiskRoot(path: small.path), source: DiskRoot(path: folder.path),
        ])
        let stamp = try both.stamp(place("big.jpg", in: source))
        #expect(throws: DiskError.noSpace) {
            try both.perform(.copy(place("big.jpg", in: source), stamp, to: temporary))
        }
        #expect(try both.stamp(place("big.jpg", in: source)) == stamp)
    }
}

/// A file system of a few bytes, where this user may mount one.
final class SmallDisk {
    static let isAvailable: Bool = {
        #if os(Linux)
        (try? SmallDisk(byteCount: 1 << 20)) != nil
        #else
        false
        #endif
    }()

    private let folder: TemporaryFolder
    var path: String { folder.path }

    init(byteCount: Int) throws {
        folder = try TemporaryFolder()
        #if os(Linux)
        guard mount("none", folder.path, "tmpfs", 0, "size=\(byteCount)") == 0 else {
            throw DiskError.notPermitted
        }
        #endif
    }

    deinit {
        #if os(Linux)
        umount2(folder.path, Int32(MNT_DETACH))
        #endif
    }
}
