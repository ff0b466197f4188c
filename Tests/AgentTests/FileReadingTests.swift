import Agent
import Library
import Records
import SyncEngine
import TestSupport
import Testing

@Suite struct FileReadingTests {
    private let folder: TemporaryFolder
    private let disk: DeviceDisk

    init() throws {
        folder = try TemporaryFolder()
        disk = DeviceDisk(roots: [.library: DiskRoot(path: folder.path)])
    }

    private func read(_ name: String) throws -> FileReadResult {
        disk.read(place(name), try disk.stamp(place(name)))
    }

    @Test func `a photo is read once, with its digest and its facts`() throws {
        // The first bytes of a JPEG say what it is, more than its name does.
        let bytes: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0] + Array(repeating: 3, count: 3 << 20)
        try folder.write("IMG_20190102_030405.data", bytes)
        guard case .media(let content) = try read("IMG_20190102_030405.data") else {
            Issue.record("It was not taken for a photo.")
            return
        }
        #expect(content.digest == Digest(of: bytes))
        #expect(content.mediaType == "image/jpeg")
        #expect(content.stamp == (try disk.stamp(place("IMG_20190102_030405.data"))))
        #expect(content.facts["kind"] == .string("image"))
        #expect(content.facts["takenAt"]?.object?["text"] == .string("2019-01-02T03:04:05"))
        #expect(content.facts["of"] == nil && content.facts["by"] == nil)
    }

    @Test func `a sidecar, another file and an empty one are told apart`() throws {
        try folder.write(
            "a.xmp", Array(#"<x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>"#.utf8))
        try folder.write("letter.txt", Array("Dear Sir".utf8))
        try folder.write("empty.jpg", [])
        guard case .sidecar = try read("a.xmp"), case .notAPhoto = try read("letter.txt"),
            case .empty = try read("empty.jpg")
        else {
            Issue.record("They were not told apart.")
            return
        }
    }

    @Test func `another stamp than the one asked for is a file that changes`() throws {
        try folder.write("a.jpg", [1, 2, 3])
        var stamp = try disk.stamp(place("a.jpg"))
        stamp.changedAt -= 1
        guard case .stillChanging = disk.read(place("a.jpg"), stamp) else {
            Issue.record("The old stamp was believed.")
            return
        }
    }

    @Test func `a vanished file, a link and a pipe fail without waiting`() throws {
        try folder.write("a.jpg", [1])
        let stamp = try disk.stamp(place("a.jpg"))
        folder.link("link.jpg", to: folder.file("a.jpg"))
        folder.makePipe("pipe.jpg")
        guard case .failed(.notFound) = disk.read(place("gone.jpg"), stamp),
            case .failed = disk.read(place("link.jpg"), stamp),
            case .stillChanging = disk.read(place("pipe.jpg"), stamp)
        else {
            Issue.record("One of them was read.")
            return
        }
    }

    @Test(.enabled(if: RealPhotos.available))
    func `a real photo has its size and its date`() throws {
        let disk = DeviceDisk(roots: [.library: DiskRoot(path: RealPhotos.folder)])
        let listed = try disk.entries(of: Folder(root: .library, path: RelativePath("orientation")))
        let jpeg = try #require(
            listed.first { String(decoding: $0.name, as: UTF8.self).hasSuffix("_6.jpg") })
        let path = RelativePath("orientation").appending(jpeg.name)
        let real = Place(root: .library, path: path)
        guard case .media(let content) = disk.read(real, try disk.stamp(real)) else {
            Issue.record("It was not taken for a photo.")
            return
        }
        #expect(content.facts["width"]?.integer ?? 0 > 0)
    }
}
