import Agent
import CMartlet
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

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A library on its way to another folder: whole at one of the two places whatever happens.
@Suite struct LibraryMoveTests {
    @Test func `on one file system it is renamed, and every stamp stays`() async throws {
        let device = try MovedDevice()
        let rows = try device.files()
        let report = try await device.move().run(to: device.target)
        #expect(!report.isCopied && report.fileCount == 4)
        try device.expectMoved()
        #expect(try device.files() == rows)
        #expect(access(device.library, F_OK) != 0)
    }

    @Test func `an empty folder is taken, and missing folders above it are made`() async throws {
        let device = try MovedDevice()
        device.folder.makeFolder("empty")
        _ = try await device.move().run(to: device.folder.file("empty"))
        #expect(try device.home.configuration().library == device.real("empty"))
        _ = try await device.move().run(to: device.folder.file("a/b/c"))
        #expect(try device.home.configuration().library == device.real("a/b/c"))
        #expect(try device.contents(device.real("a/b/c")) == MovedDevice.expected)
    }

    @Test func `copied files keep what is known of them under their new stamps`() async throws {
        let device = try MovedDevice()
        let before = try device.files()
        let report = try await device.move(renames: false).run(to: device.target)
        #expect(report.isCopied && report.fileCount == 4 && report.kept.isEmpty)
        try device.expectMoved()
        let after = try device.files()
        #expect(after.map(\.place) == before.map(\.place))
        #expect(after.map(\.agreed) == before.map(\.agreed))
        for file in after {
            #expect(try device.stamp(file.place, in: device.target) == file.stamp)
        }
        let trashed = try #require(try device.rows.trashedFile(MovedDevice.trashName))
        let aside = Place(root: .library, path: RelativePath(".martlet/trash/old.jpg"))
        #expect(try device.stamp(aside, in: device.target) == trashed.stamp)
        #expect(access(device.library, F_OK) != 0)
    }

    @Test func `extended attributes of files and folders go along`() async throws {
        let device = try MovedDevice()
        try device.setAttribute("user.tags", "red", of: "2020/01/a.jpg")
        try device.setAttribute("user.empty", "", of: "2020/01/a.jpg")
        try device.setAttribute("user.note", "spring", of: "2020")
        try device.readAgain()
        let report = try await device.move(renames: false).run(to: device.target)
        #expect(report.withoutAttributes.isEmpty)
        #expect(device.attribute("user.tags", of: "2020/01/a.jpg") == "red")
        #expect(device.attribute("user.empty", of: "2020/01/a.jpg") == "")
        #expect(device.attribute("user.note", of: "2020") == "spring")
        #expect(device.attribute("user.tags", of: "2020/02/b.jpg") == nil)
        for file in try device.files() {
            #expect(try device.stamp(file.place, in: device.target) == file.stamp)
        }
    }

    @Test func `a disk that takes no attributes gets the library all the same, and it is said`()
        async throws
    {
        let device = try MovedDevice()
        try device.setAttribute("user.tags", "red", of: "2020/01/a.jpg")
        try device.setAttribute("user.tags", "large", of: "2020/02/b.jpg")
        var move = device.move(renames: false)
        move.setAttribute = { file, name, value in
            value == Array("large".utf8)
                ? ENOTSUP : ExtendedAttributes.system(file, name, value)
        }
        let report = try await move.run(to: device.target)
        #expect(report.withoutAttributes.map(\.text) == ["2020/02/b.jpg"])
        #expect(report.kept.isEmpty)
        #expect(device.attribute("user.tags", of: "2020/01/a.jpg") == "red")
        try device.expectMoved()
    }

    @Test func `attributes that a run before did not get across come with the next one`()
        async throws
    {
        let device = try MovedDevice()
        try device.setAttribute("user.tags", "red", of: "2020/01/a.jpg")
        var move = device.move(renames: false)
        move.setAttribute = { _, _, _ in EIO }
        let home = device.home
        let library = device.library
        let target = device.target
        move.beforeStep = { () throws(AgentError) in
            guard access(target + "/2020/01/a.jpg", F_OK) == 0,
                try home.configuration().library == library
            else { return }
            throw AgentError(.refused, "The process ended here.")
        }
        await #expect(throws: AgentError.self) { try await move.run(to: target) }
        let report = try await device.move(renames: false).run(to: target)
        #expect(report.withoutAttributes.isEmpty)
        #expect(device.attribute("user.tags", of: "2020/01/a.jpg") == "red")
        try device.expectMoved()
    }

    @Test func `what changed since it was last read is read again`() async throws {
        let device = try MovedDevice()
        try device.folder.write("library/2020/01/a.jpg", Array("another text".utf8))
        let before = try device.files()
        _ = try await device.move(renames: false).run(to: device.target)
        let place = try #require(before.first { $0.place.path.text == "2020/01/a.jpg" }).place
        let row = try #require(try device.files().first { $0.place == place })
        #expect(try device.stamp(place, in: device.target) != row.stamp)
    }

    @Test(arguments: [true, false])
    func `ended before any step, one place is whole, and the next run goes on`(
        renames: Bool
    ) async throws {
        var step = 0
        var isOver = false
        while !isOver {
            let device = try MovedDevice()
            var move = device.move(renames: renames)
            var left = step
            move.beforeStep = { () throws(AgentError) in
                left -= 1
                if left < 0 { throw AgentError(.refused, "The process ended here.") }
            }
            do {
                _ = try await move.run(to: device.target)
                isOver = true
            } catch {}
            // Where the database says, there is a library with its mark and all of its files.
            let root = try #require(try device.rows.storedRoots().first)
            let place = String(decoding: root.disk.path, as: UTF8.self)
            if access(place, F_OK) == 0 {
                #expect(try LibraryFolder.readMark(at: root.disk.path) != nil, "step \(step)")
                let all = try device.contents(place)
                #expect(
                    MovedDevice.expected.allSatisfy { all[$0] == $1 }, "step \(step): \(all)")
            }
            let report =
                isOver ? nil : try await device.move(renames: renames).run(to: device.target)
            #expect(report?.kept.isEmpty ?? true, "step \(step)")
            try device.expectMoved("step \(step)")
            for file in try device.files() {
                #expect(
                    try device.stamp(file.place, in: device.target) == file.stamp, "step \(step)")
            }
            step += 1
        }
        #expect(step > (renames ? 2 : 10))
    }

    @Test func `a file that changes while it is copied is copied again, and none is lost`()
        async throws
    {
        let device = try MovedDevice()
        var move = device.move(renames: false)
        let folder = device.folder
        var steps = 0
        move.beforeStep = { () throws(AgentError) in
            steps += 1
            guard steps == 5 else { return }
            try? folder.write("library/2020/01/a.jpg", Array("edited meanwhile".utf8))
            try? folder.write("library/2020/01/new.jpg", Array("new meanwhile".utf8))
            _ = unlink(folder.file("library/2020/02/b.jpg"))
        }
        let report = try await move.run(to: device.target)
        #expect(report.kept.isEmpty)
        let all = try device.contents(device.target)
        #expect(all["2020/01/a.jpg"] == "edited meanwhile")
        #expect(all["2020/01/new.jpg"] == "new meanwhile")
        #expect(all["2020/02/b.jpg"] == nil)
        #expect(access(device.library, F_OK) != 0)
    }

    @Test func `a file written at the old place after the switch stays there and is named`()
        async throws
    {
        let device = try MovedDevice()
        var move = device.move(renames: false)
        let folder = device.folder
        let home = device.home
        let target = device.target
        var hasWritten = false
        move.beforeStep = { () throws(AgentError) in
            guard !hasWritten, try home.configuration().library == target else { return }
            hasWritten = true
            try? folder.write("library/2020/01/late.jpg", Array("late".utf8))
        }
        let report = try await move.run(to: device.target)
        #expect(hasWritten)
        // Seen by the last look, or left in a folder that is not empty: never removed.
        #expect(folder.bytes("library/2020/01/late.jpg") == Array("late".utf8))
        #expect(report.kept.isEmpty || report.kept.map(\.text) == ["2020/01/late.jpg"])
    }

    @Test func `a folder that belongs to something else is refused with what to do`() async throws {
        let device = try MovedDevice()
        let folder = device.folder
        folder.makeFolder("full")
        try folder.write("full/mine.txt", [1])
        folder.makeFolder("source")
        folder.makeFolder("other")
        try LibraryFolder.make(at: folder.file("other"))
        try folder.write("other/.martlet/mark", [1])
        try folder.write("file", [1])
        try device.rows.transaction { () throws(RowsError) in
            _ = try device.rows.addRoot(DiskRoot(path: folder.file("source")))
        }
        let refused: [(String, AgentError.Code, String)] = [
            ("library", .invalidConfiguration, "already"),
            ("library/inside", .invalidConfiguration, "in the library itself"),
            ("full", .invalidConfiguration, "not empty"),
            ("source", .libraryTaken, "source"),
            ("source/below", .libraryTaken, "source"),
            ("other/below", .libraryTaken, "another device"),
            ("file", .invalidConfiguration, "not a folder"),
            ("file/below", .invalidConfiguration, "not a folder"),
        ]
        for (name, code, words) in refused {
            let error = await #expect(throws: AgentError.self) {
                try await device.move().run(to: folder.file(name))
            }
            #expect(error?.code == code, "\(name)")
            #expect(error?.message.contains(words) == true, "\(name): \(error?.message ?? "")")
        }
        #expect(try device.contents(device.library) == MovedDevice.expected)
        #expect(try device.home.configuration().library == device.library)
    }

    @Test func `without room for it nothing is touched`() async throws {
        let device = try MovedDevice()
        try device.folder.write("conditions.json", Array(#"{"disk":{"freeBytes":1000}}"#.utf8))
        let move = device.move(
            renames: false,
            environment: ["MARTLET_CONDITIONS": device.folder.file("conditions.json")])
        let error = await #expect(throws: AgentError.self) {
            try await move.run(to: device.target)
        }
        #expect(error?.code == .diskFull)
        #expect(access(device.target, F_OK) != 0)
        #expect(try device.contents(device.library) == MovedDevice.expected)
        // Elsewhere it may fit.
        _ = try await device.move(renames: false).run(to: device.folder.file("elsewhere"))
        #expect(try device.contents(device.real("elsewhere")) == MovedDevice.expected)
    }

    @Test func `a library that is not there, or not this device's, is not moved`() async throws {
        let device = try MovedDevice()
        _ = unlink(device.library + "/.martlet/mark")
        let away = await #expect(throws: AgentError.self) {
            try await device.move().run(to: device.target)
        }
        #expect(away?.message.contains("reconnect") == true)
        try LibraryFolder.write(
            LibraryMark(
                library: LibraryID(high: 9, low: 9), device: DeviceID(high: 1, low: 2),
                generation: 1), at: device.library)
        let foreign = await #expect(throws: AgentError.self) {
            try await device.move().run(to: device.target)
        }
        #expect(foreign?.code == .libraryTaken)
    }
}

/// A device that is signed in, with a few files and a file in the local trash; no agent runs.
private struct MovedDevice {
    let folder: TemporaryFolder
    let home: DeviceHome
    let library: String
    let target: String
    let rows: DatabaseRows

    static let trashName = AsideName(.trash, "old.jpg")
    static let expected = [
        "2020/01/a.jpg": "one", "2020/02/b.jpg": "two and more", "notes.txt": "three",
    ]

    init() throws {
        folder = try TemporaryFolder()
        home = DeviceHome(path: folder.file("home"))
        // As the system calls it: a temporary folder may lie behind a link.
        let base = URL(fileURLWithPath: folder.path).resolvingSymlinksInPath().path
        library = base + "/library"
        target = base + "/target"
        try home.make()
        try LibraryFolder.make(at: library)
        try home.save(
            DeviceConfiguration(
                server: "http://127.0.0.1:9", account: "me", device: RowsWorld.settings.device,
                deviceName: "A", library: library), token: BearerToken("x"))
        try LibraryFolder.write(
            LibraryMark(
                library: RowsWorld.settings.library, device: RowsWorld.settings.device,
                generation: 1), at: library)
        folder.makeFolder("library/2020")
        folder.makeFolder("library/2020/01")
        folder.makeFolder("library/2020/02")
        for (name, text) in Self.expected {
            try folder.write("library/" + name, Array(text.utf8))
        }
        try folder.write("library/.martlet/trash/old.jpg", Array("old".utf8))
        symlink("01", folder.file("library/2020/link"))
        rows = try DatabaseRows(path: home.databasePath)
        try fill()
    }

    private func fill() throws {
        let agreed = Agreement(
            asset: RecordID(high: 1, low: 1), role: .original, digest: Digest(of: [1]),
            byteCount: 3, name: "a.jpg")
        let trash = try stamp(
            Place(root: .library, path: RelativePath(".martlet/trash/old.jpg")), in: library)
        var files: [LocalFile] = []
        for name in Self.expected.keys.sorted() {
            let place = Place(root: .library, path: RelativePath(name))
            files.append(
                LocalFile(
                    place: place, stamp: try stamp(place, in: library),
                    state: .notIncluded(code: "notAPhoto"), since: Timestamp(milliseconds: 1),
                    agreed: name == "notes.txt" ? nil : agreed))
        }
        try rows.transaction { () throws(RowsError) in
            try rows.save(RowsWorld.settings)
            try rows.save(
                StoredRoot(id: .library, disk: DiskRoot(path: library), isOnce: false))
            for file in files { try rows.save(file) }
            try rows.save(
                TrashedFile(
                    name: Self.trashName, place: files[0].place, stamp: trash, agreed: agreed,
                    cause: .deleted, at: Timestamp(milliseconds: 1)))
        }
    }

    func move(
        renames: Bool = true, environment: [String: String] = [:]
    ) -> LibraryMove {
        var move = LibraryMove(home: home, environment: environment)
        move.renames = renames
        return move
    }

    func real(_ name: String) -> String {
        URL(fileURLWithPath: folder.path).resolvingSymlinksInPath().path + "/" + name
    }

    func files() throws -> [LocalFile] { try rows.libraryFiles() }

    /// Rows have the files as they are now.
    func readAgain() throws {
        let found = try files().map { file in
            var file = file
            file.stamp = try stamp(file.place, in: library)
            return file
        }
        try rows.transaction { () throws(RowsError) in
            for file in found { try rows.save(file) }
        }
    }

    /// Of something in the library at its old place.
    func setAttribute(_ name: String, _ value: String, of path: String) throws {
        let file = open(library + "/" + path, O_RDONLY)
        defer { _ = close(file) }
        let error = ExtendedAttributes.system(file, Array(name.utf8), Array(value.utf8))
        try #require(error == 0, "\(path): \(error)")
    }

    /// Of something in the library at its new place; `nil`: it has none of that name.
    func attribute(_ name: String, of path: String) -> String? {
        let file = open(target + "/" + path, O_RDONLY)
        defer { _ = close(file) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = martlet_get_attribute(file, name, &bytes, 256)
        return count >= 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }

    func stamp(_ place: Place, in library: String) throws -> FileStamp {
        let disk = DeviceDisk(roots: [.library: DiskRoot(path: library)])
        guard case .file(let stamp)? = try disk.entry(at: place)?.kind else {
            throw DiskError.notFound
        }
        return stamp
    }

    /// Visible files by path.
    func contents(_ path: String) throws -> [String: String] {
        var found: [String: String] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: path)
        where !name.hasPrefix(".") {
            guard let data = FileManager.default.contents(atPath: path + "/" + name) else {
                continue
            }
            found[name] = String(decoding: data, as: UTF8.self)
        }
        return found
    }

    func expectMoved(_ comment: Comment = "") throws {
        #expect(try contents(target) == Self.expected, comment)
        #expect(try home.configuration().library == target, comment)
        #expect(
            try rows.storedRoots().first?.disk.path == Array(target.utf8), comment)
        let mark = try LibraryFolder.readMark(at: Array(target.utf8))
        #expect(mark?.library == RowsWorld.settings.library, comment)
        let link = try FileManager.default.destinationOfSymbolicLink(atPath: target + "/2020/link")
        #expect(link == "01", comment)
        #expect(access(target + "/.martlet/trash/old.jpg", F_OK) == 0, comment)
        #expect(access(library, F_OK) != 0, comment)
        #expect(access(home.path + "/library-move.json", F_OK) != 0, comment)
    }
}
