import Library
import Records
import Status
import SyncEngine
import Testing

/// Names that assets got elsewhere, on the files of this library.
@Suite struct RenamingTests {
    private let server = FakeServer()
    private let device: FakeDevice
    private let other: FakeDevice

    init() throws {
        device = FakeDevice(server, number: 1)
        other = FakeDevice(server, number: 2)
        device.write("picture", to: FakeDevice.library("2024/05/IMG_1.JPG"))
        device.write("<one/>", to: FakeDevice.library("2024/05/IMG_1.JPG.xmp"))
        try device.sync()
        try other.sync()
    }

    private func rename(_ device: FakeDevice, _ path: String, to name: String) {
        let place = FakeDevice.library(path)
        let target = Place(
            root: .library, path: (place.path.parent ?? .root).appending(Array(name.utf8)))
        device.files[target] = device.files.removeValue(forKey: place)
    }

    /// As the web would.
    private func rename(to name: String) throws {
        let key = try #require(server.assets.first?.key)
        server.change(key) { $0.fields?["name"] = .string(name) }
    }

    private var names: [String] {
        server.assets.map { AssetFields($0.fields ?? [:]).name }
    }

    private var folder: String {
        get throws {
            let place = try #require(other.files.keys.first { $0.root.isLibrary })
            return try #require(place.path.parent).text
        }
    }

    @Test func `a running device takes a name that only looks the same, too`() throws {
        try rename(to: "\u{FC}.JPG")
        other.restart(once: false)
        try other.run(milliseconds: 20_000)
        func hasFile(_ name: String) -> Bool {
            other.files.keys.contains { $0.path.name == Array(name.utf8) }
        }
        #expect(hasFile("\u{FC}.JPG"))
        try rename(to: "u\u{308}.JPG")
        other.tell(.zoneChanged(head: server.head))
        try other.run(milliseconds: 20_000)
        #expect(hasFile("u\u{308}.JPG") && !hasFile("\u{FC}.JPG"))
    }

    @Test func `a sidecar follows its picture to a name that is no text`() throws {
        let bytes: [UInt8] = [0xFF, 0xFE] + Array(".jpg".utf8)
        let folder = FakeDevice.library("2024/05/IMG_1.JPG").folder
        let target = Place(root: .library, path: folder.path.appending(bytes))
        let place = FakeDevice.library("2024/05/IMG_1.JPG")
        device.files[target] = device.files.removeValue(forKey: place)
        #expect(try device.sync() == .inSync)
        #expect(try other.sync() == .inSync)
        for device in [device, other] {
            let names = device.files.keys.map(\.path.name)
            #expect(names.count == 2)
            #expect(names.contains(bytes) && names.contains(bytes + Array(".xmp".utf8)))
        }
        // And is known for its picture's by who lists the library anew.
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 1 && server.assets[0].blob(.sidecar) != nil)
    }

    @Test func `a file whose new name was found after a crash is read before it is believed`()
        throws
    {
        let month = try folder
        // The first run renames it, and ends without knowing that this will last.
        other.failDisk = { if case .syncFolder = $0 { .inputOutput(errno: 5) } else { nil } }
        try rename(to: "Beach.JPG")
        #expect(try other.sync() == .incomplete)
        let target = FakeDevice.library("\(month)/Beach.JPG")
        #expect(other.files[target] != nil)
        let readBefore = other.log.count { $0 == "readFile \(target.path)" }
        other.failDisk = { _ in nil }
        #expect(try other.sync() == .inSync)
        #expect(other.log.count { $0 == "readFile \(target.path)" } == readBefore + 1)
        #expect(other.libraryTexts["\(month)/Beach.JPG"] == "picture")
        #expect(server.assets.count == 1)
    }

    @Test func `what could not be read between a renaming and its sync is no trouble for ever`()
        throws
    {
        let month = try folder
        other.restart(once: false)
        try other.run(milliseconds: 5_000)
        let target = FakeDevice.library("\(month)/Beach.JPG")
        // The new name is not durable yet, somebody tells of it, and the disk fails.
        other.failDisk = {
            if case .syncFolder = $0 { .inputOutput(errno: 5) } else { nil }
        }
        other.readResult = { $0 == target ? .failed(.inputOutput(errno: 5)) : nil }
        try rename(to: "Beach.JPG")
        other.tell(.zoneChanged(head: server.head))
        try other.run(milliseconds: 1_000)
        other.tell(.placeChanged(target))
        try other.run(milliseconds: 5_000)
        #expect(try other.status().reasons.contains { $0.code == .unreadableFile })
        other.failDisk = { _ in nil }
        other.readResult = { _ in nil }
        try other.run(milliseconds: 120_000)
        #expect(other.libraryTexts["\(month)/Beach.JPG"] == "picture")
        #expect(try other.status().state == .upToDate)
    }

    @Test func `a name given elsewhere is the file's, and its parts follow`() throws {
        rename(device, "2024/05/IMG_1.JPG", to: "Beach.JPG")
        try device.sync()
        // The sidecar that stayed behind is the picture's.
        #expect(
            device.libraryTexts
                == ["2024/05/Beach.JPG": "picture", "2024/05/Beach.JPG.xmp": "<one/>"])
        try other.sync()
        let month = try folder
        #expect(
            other.libraryTexts
                == ["\(month)/Beach.JPG": "picture", "\(month)/Beach.JPG.xmp": "<one/>"])
        // Nothing is read, sent or fetched because of it, and nothing is left to do.
        #expect(!other.requests.contains { ["download", "put", "pack", "have"].contains($0) })
        #expect(other.rows.intents().isEmpty)
        let head = server.head
        for _ in 0..<2 {
            #expect(try other.sync() == .inSync)
            #expect(try device.sync() == .inSync)
        }
        #expect(server.head == head && names == ["Beach.JPG"])
        #expect(other.aside.isEmpty && device.aside.isEmpty)
    }

    @Test func `the folder that its user chose stays`() throws {
        let moved = FakeDevice.library("best of/IMG_1.JPG")
        device.files[moved] = device.files.removeValue(
            forKey: FakeDevice.library("2024/05/IMG_1.JPG"))
        device.folders.insert(moved.folder)
        try device.sync()
        try rename(to: "Beach.JPG")
        try device.sync()
        #expect(device.libraryTexts["best of/Beach.JPG"] == "picture")
    }

    @Test func `a name that is taken gets a number, and nothing is overwritten`() throws {
        device.write("mine", to: FakeDevice.library("2024/05/beach.jpg"))
        device.links[FakeDevice.library("2024/05/Beach (2).JPG")] = .symbolicLink
        try device.sync()
        let key = try #require(
            server.assets.first { AssetFields($0.fields ?? [:]).name == "IMG_1.JPG" }?.key)
        server.change(key) { $0.fields?["name"] = .string("Beach.JPG") }
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts["2024/05/beach.jpg"] == "mine")
        #expect(device.libraryTexts["2024/05/Beach (3).JPG"] == "picture")
        // The number is this device's own affair.
        #expect(names.sorted() == ["Beach.JPG", "beach.jpg"])
    }

    @Test func `a name that rows don't know of is found taken`() throws {
        device.failDisk = { [device] operation in
            guard case .rename(_, _, let target) = operation,
                target.path.name == Array("Beach.JPG".utf8), device.files[target] == nil
            else { return nil }
            device.write("new", to: target)
            return nil
        }
        try rename(to: "Beach.JPG")
        try device.sync()
        #expect(device.libraryTexts["2024/05/Beach.JPG"] == "new")
        #expect(device.libraryTexts["2024/05/Beach (2).JPG"] == "picture")
        #expect(device.rows.intents().isEmpty)
    }

    @Test func `a name that differs in case alone is taken over`() throws {
        try rename(to: "img_1.jpg")
        try device.sync()
        #expect(device.libraryTexts["2024/05/img_1.jpg"] == "picture")
        #expect(device.libraryTexts["2024/05/img_1.jpg.xmp"] == "<one/>")
        #expect(device.libraryTexts.count == 2)
    }

    @Test func `renamed here and elsewhere at once, both end with one name`() throws {
        let month = try folder
        rename(device, "2024/05/IMG_1.JPG", to: "Mine.JPG")
        rename(other, "\(month)/IMG_1.JPG", to: "Theirs.JPG")
        for _ in 0..<3 {
            try device.sync()
            try other.sync()
        }
        let name = try #require(names.first)
        #expect(device.libraryTexts["2024/05/\(name)"] == "picture")
        #expect(other.libraryTexts["\(month)/\(name)"] == "picture")
        #expect(device.libraryTexts["2024/05/\(name).xmp"] == "<one/>")
        let head = server.head
        try device.sync()
        try other.sync()
        #expect(server.head == head)
    }

    @Test func `a name whose asset the server lost is told when the asset is back`() throws {
        device.restart(once: false)
        try device.run(milliseconds: 10_000)
        // The name does not get across; then the server loses all it had.
        device.refuse = { request in
            if case .commit = request { .interrupted } else { nil }
        }
        rename(device, "2024/05/IMG_1.JPG", to: "NEW.JPG")
        device.tell(.folderChanged(Folder(root: .library, path: RelativePath("2024/05"))))
        try device.run(milliseconds: 10_000)
        #expect(names == ["IMG_1.JPG"])
        server.restore { _ in false }
        server.blobs = [:]
        // Tries of the name come while the bytes are not across again.
        device.refuse = { request in
            switch request {
            case .put, .pack, .createUpload: .interrupted
            default: nil
            }
        }
        device.tell(.zoneChanged(head: server.head))
        try device.run(milliseconds: 60_000)
        #expect(server.assets.isEmpty)
        device.refuse = { _ in nil }
        // Before the next comparison.
        try device.run(milliseconds: 300_000)
        #expect(names.contains("NEW.JPG") && !names.contains("IMG_1.JPG"))
    }

    @Test func `of several copies none is renamed`() throws {
        device.write("picture", to: FakeDevice.library("mine/copy.jpg"))
        try device.sync()
        try rename(to: "Beach.JPG")
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts["2024/05/IMG_1.JPG"] == "picture")
        #expect(device.libraryTexts["mine/copy.jpg"] == "picture")
        #expect(names == ["Beach.JPG"])
    }

    @Test func `a source's files keep their names`() throws {
        let camera = FakeDevice(server, number: 3, optimizes: true)
        camera.write("film", to: FakeDevice.source("DSC_1.JPG"))
        try camera.sync()
        let key = try #require(
            server.assets.first { AssetFields($0.fields ?? [:]).name == "DSC_1.JPG" }?.key)
        server.change(key) { $0.fields?["name"] = .string("Beach.JPG") }
        try camera.sync()
        #expect(camera.texts(in: RootID(rawValue: 1)) == ["DSC_1.JPG": "film"])
    }

    @Test func `a file that changes at the last moment keeps its name until it is across`() throws {
        device.failDisk = { [device] operation in
            guard case .rename(let place, _, _) = operation,
                device.libraryTexts[place.path.text] == "picture"
            else { return nil }
            device.write("edited", to: place, ageSeconds: 60)
            return nil
        }
        try rename(to: "Beach.JPG")
        try device.sync()
        try device.sync()
        #expect(device.libraryTexts["2024/05/Beach.JPG"] == "edited")
        #expect(server.assets.count == 1)
    }

    @Test func `ending after any event leaves one file with one of the two names`() throws {
        try rename(to: "Beach.JPG")
        var ends = 0
        while true {
            let server = FakeServer()
            let device = FakeDevice(server, number: 1)
            device.write("picture", to: FakeDevice.library("2024/05/IMG_1.JPG"))
            device.write("<one/>", to: FakeDevice.library("2024/05/IMG_1.JPG.xmp"))
            try device.sync()
            let key = try #require(server.assets.first?.key)
            server.change(key) { $0.fields?["name"] = .string("Beach.JPG") }
            device.restart()
            try device.run(events: ends)
            let isOver = device.outcome != nil
            #expect(
                device.libraryTexts.values.sorted() == ["<one/>", "picture"], "after \(ends)")
            try device.sync()
            #expect(
                device.libraryTexts
                    == ["2024/05/Beach.JPG": "picture", "2024/05/Beach.JPG.xmp": "<one/>"],
                "ended after event \(ends)")
            #expect(AssetFields(server.assets[0].fields ?? [:]).name == "Beach.JPG")
            #expect(device.rows.intents().isEmpty && device.aside.isEmpty)
            if isOver { break }
            ends += 1
        }
        #expect(ends > 20)
    }

    @Test func `a disk that cannot rename is asked again later`() throws {
        device.failDisk = { operation in
            if case .rename = operation { return .inputOutput(errno: 5) }
            return nil
        }
        try rename(to: "Beach.JPG")
        try device.sync()
        #expect(device.libraryTexts["2024/05/IMG_1.JPG"] == "picture")
        device.failDisk = { _ in nil }
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts["2024/05/Beach.JPG"] == "picture")
    }
}
