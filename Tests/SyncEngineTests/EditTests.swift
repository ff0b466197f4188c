import Library
import Records
import Status
import SyncEngine
import Testing

/// Edits in place, and what only looks like one.
@Suite struct EditTests {
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

    private var originals: [String] {
        server.assets.compactMap { $0.blob(.original) }
            .map { String(decoding: server.blobs[$0.digest] ?? [], as: UTF8.self) }.sorted()
    }

    private func read(_ device: FakeDevice, _ facts: Fields) {
        device.readResult = { [unowned device] place in
            guard let file = device.files[place] else { return nil }
            var facts = facts
            facts["kind"] = .string("image")
            return .media(
                FileContent(
                    stamp: file.stamp, digest: Digest(of: file.bytes), mediaType: "image/jpeg",
                    facts: facts))
        }
    }

    @Test func `an edited picture is a revision of its asset`() throws {
        device.write("edited", to: picture, ageSeconds: 60)
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 1)
        #expect(originals == ["edited"])
        let facts = server.records.values.first { $0.key.type == .facts }
        #expect(facts?.fields?["of"]?.string == Digest(of: Array("edited".utf8)).text)
        #expect(device.agreed("2024/05/IMG_1.JPG")?.digest == Digest(of: Array("edited".utf8)))
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts == ["2024/05/IMG_1.JPG": "edited"])
    }

    @Test func `an edit that is taken back is a revision too`() throws {
        device.write("edited", to: picture, ageSeconds: 60)
        try device.sync()
        device.write("picture", to: picture, ageSeconds: 30)
        #expect(try device.sync() == .inSync)
        #expect(originals == ["picture"])
        #expect(server.assets.count == 1)
    }

    @Test func `another picture under the same name is another asset`() throws {
        let first: JSONValue = .string("2024-05-01T10:00:00")
        let second: JSONValue = .string("2026-01-01T10:00:00")
        let camera = FakeDevice(server, number: 3)
        read(camera, ["cameraModel": .string("X100"), "takenAt": first])
        camera.write("first", to: FakeDevice.library("DSC_1.JPG"))
        try camera.sync()
        read(camera, ["cameraModel": .string("X100"), "takenAt": second])
        camera.write("second", to: FakeDevice.library("DSC_1.JPG"), ageSeconds: 60)
        #expect(try camera.sync() == .inSync)
        #expect(originals == ["first", "picture", "second"])
        // The old one is here again, under a free name.
        #expect(camera.libraryTexts.values.sorted() == ["first", "picture", "second"])
    }

    @Test func `of two edits the later device's becomes a conflicted copy`() throws {
        device.write("mine", to: picture, ageSeconds: 60)
        let place = try #require(other.files.keys.first { $0.root.isLibrary })
        other.write("theirs", to: place, ageSeconds: 50)
        try device.sync()
        try other.sync()
        #expect(originals == ["mine", "theirs"])
        let names = server.assets.map { AssetFields($0.fields ?? [:]).name }.sorted()
        #expect(names.count == 2)
        #expect(names.contains("IMG_1.JPG"))
        #expect(names.contains { $0.hasPrefix("IMG_1 (conflicted copy device 2 20") })
    }

    @Test func `what shrank to nothing is suspicious and the good copy stays`() throws {
        device.write("", to: picture, ageSeconds: 60)
        #expect(try device.sync() == .incomplete)
        #expect(originals == ["picture"])
        let reason = try #require(try device.status().reasons.first)
        #expect(reason.code == .suspiciousChange)
        #expect(reason.message.hasPrefix("2024/05/IMG_1.JPG shrank to nothing"))
        // The good copy is here as well.
        #expect(device.libraryTexts.values.sorted() == ["", "picture"])
    }

    @Test func `bytes that changed under the same time are suspicious until accepted`() throws {
        let time = try #require(device.files[picture]?.modifiedAt)
        device.write("rotten!", to: picture)
        device.files[picture]?.modifiedAt = time
        try device.sync()
        #expect(originals == ["picture"])
        let file = try #require(HeldChanges.suspicious(device.rows).first)
        #expect(file.place == picture)
        try HeldChanges.accept(file, device.rows)
        try device.sync()
        #expect(originals == ["rotten!"])
        #expect(try device.status().reasons.isEmpty)
    }

    @Test func `what was refused and could not be moved away can be accepted still`() throws {
        let time = try #require(device.files[picture]?.modifiedAt)
        device.write("rotten!", to: picture)
        device.files[picture]?.modifiedAt = time
        try device.sync()
        try HeldChanges.refuse(
            try #require(HeldChanges.suspicious(device.rows).first), device.rows)
        try device.sync()
        let file = try #require(HeldChanges.suspicious(device.rows).first)
        try HeldChanges.accept(file, device.rows)
        #expect(try device.sync() == .inSync)
        #expect(originals == ["picture", "rotten!"])
    }

    @Test func `a program that edits and keeps the time is believed`() throws {
        let time = try #require(device.files[picture]?.modifiedAt)
        read(device, ["width": .integer(100), "height": .integer(50)])
        device.write("edited", to: picture)
        device.files[picture]?.modifiedAt = time
        #expect(try device.sync() == .inSync)
        #expect(originals == ["edited"])
    }

    @Test func `a copy that was edited is a picture of its own`() throws {
        let copy = FakeDevice.library("2024/05/IMG_1 copy.JPG")
        device.write("picture", to: copy)
        #expect(try device.sync() == .inSync)
        #expect(originals == ["picture"])
        device.write("copy, edited", to: copy, ageSeconds: 60)
        #expect(try device.sync() == .inSync)
        #expect(originals == ["copy, edited", "picture"])
        #expect(
            device.libraryTexts == [
                "2024/05/IMG_1.JPG": "picture", "2024/05/IMG_1 copy.JPG": "copy, edited",
            ])
        // Now there is one file of either: an edit is a revision again.
        device.write("copy, edited twice", to: copy, ageSeconds: 30)
        #expect(try device.sync() == .inSync)
        #expect(originals == ["copy, edited twice", "picture"])
        try other.sync()
        #expect(other.libraryTexts.values.sorted() == ["copy, edited twice", "picture"])
    }

    @Test func `a film in a picture's place is a film of its own`() throws {
        device.readResult = { [unowned device] place in
            guard let file = device.files[place], file.bytes == Array("film".utf8) else {
                return nil
            }
            return .media(
                FileContent(
                    stamp: file.stamp, digest: Digest(of: file.bytes),
                    mediaType: "video/quicktime", facts: ["kind": .string("video")]))
        }
        device.write("film", to: picture, ageSeconds: 60)
        #expect(try device.sync() == .inSync)
        #expect(originals == ["film", "picture"])
        #expect(device.libraryTexts.values.sorted() == ["film", "picture"])
    }

    @Test func `what is being changed is not fetched beside itself`() throws {
        device.readResult = { _ in .stillChanging }
        device.write("picture", to: picture, ageSeconds: 0)
        try device.sync()
        #expect(device.libraryTexts == ["2024/05/IMG_1.JPG": "picture"])
        device.readResult = { _ in nil }
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts == ["2024/05/IMG_1.JPG": "picture"])
        // What it was is fetched when nobody can tell any more what it is.
        device.readResult = { _ in .failed(.inputOutput(errno: 5)) }
        device.write("unread", to: picture, ageSeconds: 30)
        try device.sync()
        #expect(device.libraryTexts.values.sorted() == ["picture", "unread"])
    }

    @Test func `bytes of another asset at its place are that asset`() throws {
        let second = FakeDevice.library("2024/05/IMG_2.JPG")
        device.write("second", to: second)
        try device.sync()
        device.write("second", to: picture, ageSeconds: 60)
        #expect(try device.sync() == .inSync)
        #expect(originals == ["picture", "second"])
        #expect(device.libraryTexts.values.sorted() == ["picture", "second", "second"])
    }

    @Test func `bytes that another asset had before are no edit of what lay there`() throws {
        let second = FakeDevice.library("2024/05/IMG_2.JPG")
        device.write("second", to: second)
        try device.sync()
        device.write("second, edited", to: second, ageSeconds: 60)
        try device.sync()
        device.write("second", to: picture, ageSeconds: 60)
        #expect(try device.sync() == .inSync)
        #expect(originals == ["picture", "second, edited"])
        #expect(device.libraryTexts.values.sorted() == ["picture", "second", "second, edited"])
    }

    @Test func `bytes that an asset had between what was agreed on and now are no edit`() throws {
        other.write("second", to: FakeDevice.library("2024/05/IMG_1.JPG"), ageSeconds: 60)
        let place = try #require(
            other.files.keys.first { other.files[$0]?.bytes == Array("picture".utf8) })
        other.files[FakeDevice.library("2024/05/IMG_1.JPG")] = nil
        other.write("second", to: place, ageSeconds: 60)
        try other.sync()
        // It hears of the second revision, and cannot fetch it.
        device.refuse = { if case .download = $0 { .unreachable("refused") } else { nil } }
        try device.sync()
        other.write("third", to: place, ageSeconds: 30)
        try other.sync()
        device.refuse = { _ in nil }
        // As a power cut may leave it.
        device.write("second", to: picture, ageSeconds: 60)
        #expect(try device.sync() == .inSync)
        #expect(originals == ["third"])
        #expect(device.libraryTexts.values.sorted() == ["second", "third"])
        #expect(try device.sync() == .inSync)
        #expect(device.requests == ["changes", "reportState"])
    }

    @Test func `a file renamed in the library renames its asset`() throws {
        let renamed = FakeDevice.library("2024/05/Beach.JPG")
        device.files[renamed] = device.files.removeValue(forKey: picture)
        #expect(try device.sync() == .inSync)
        #expect(server.assets.map { AssetFields($0.fields ?? [:]).name } == ["Beach.JPG"])
        #expect(server.assets.count == 1)
        #expect(device.agreed("2024/05/Beach.JPG")?.name == "Beach.JPG")
        let head = server.head
        try device.sync()
        #expect(server.head == head)
    }

    @Test func `a file moved between folders changes nothing elsewhere`() throws {
        let head = server.head
        let moved = FakeDevice.library("best of/IMG_1.JPG")
        device.files[moved] = device.files.removeValue(forKey: picture)
        device.folders.insert(moved.folder)
        #expect(try device.sync() == .inSync)
        #expect(server.head == head)
    }

    @Test func `two sidecars of one picture both survive`() throws {
        device.write("<one/>", to: FakeDevice.library("2024/05/IMG_1.JPG.xmp"))
        device.write("<two/>", to: FakeDevice.library("2024/05/IMG_1.xmp"))
        try device.sync()
        let bytes = server.assets.flatMap { $0.blobs.values }.map {
            String(decoding: server.blobs[$0.digest] ?? [], as: UTF8.self)
        }
        #expect(bytes.sorted() == ["<one/>", "<two/>", "picture"])
        // An edit of the picture's own replaces it.
        device.write("<one>2</one>", to: FakeDevice.library("2024/05/IMG_1.JPG.xmp"), ageSeconds: 9)
        try device.sync()
        #expect(server.assets.count == 2)
    }
}
