import Library
import Records
import Testing

@Suite struct NameTests {
    @Test(arguments: [
        ("IMG_1.JPG", "IMG_1.JPG"), ("a/b\\c:d*?\"<>|.jpg", "a_b_c_d______.jpg"),
        ("line\nbreak.jpg", "line_break.jpg"), (".hidden.jpg", "_hidden.jpg"),
        ("ends with dot.", "ends with dot"), ("trailing  ", "trailing"), ("", "unnamed"),
        ("..", "unnamed"), ("ü.jpg", "ü.jpg"),
    ])
    func `a name is made fit for every disk`(name: String, expected: String) {
        #expect(FileName.sanitized(name) == expected)
    }

    @Test func `a name keeps its extension when it is shortened`() {
        let long = String(repeating: "ä", count: 200) + ".JPG"
        let name = FileName.sanitized(long)
        #expect(name.utf8.count <= Limits.nameByteCountMax)
        #expect(name.hasSuffix("ä.JPG"))
        let numbered = FileName.numbered(long, 10_000)
        #expect(numbered.utf8.count <= Limits.nameByteCountMax)
        #expect(numbered.hasSuffix(" (10000).JPG"))
        let exact = String(repeating: "a", count: Limits.nameByteCountMax)
        #expect(FileName.sanitized(exact) == exact)
        #expect(FileName.sanitized(exact + "a") == exact)
    }

    @Test(arguments: [
        (1, "IMG.JPG"), (2, "IMG (2).JPG"), (13, "IMG (13).JPG"),
    ])
    func `a taken name gets a number before its extension`(number: Int, expected: String) {
        #expect(FileName.numbered("IMG.JPG", number) == expected)
    }

    @Test func `names that some disk takes for one have one key`() {
        let key = { (name: String) in FileName.key(Array(name.utf8)) }
        #expect(key("IMG.JPG") == key("img.jpg"))
        #expect(key("u\u{308}.jpg") == key("\u{FC}.JPG"))
        #expect(key("Straße.jpg") == key("STRASSE.jpg"))
        #expect(key("a.jpg") != key("b.jpg"))
    }

    @Test func `bytes that are no text are told from those that are`() {
        #expect(FileName.cleaned(Array("ok.jpg".utf8)) == ("ok.jpg", true))
        let broken = FileName.cleaned([0x61, 0xFF, 0x62])
        #expect(broken.text == "a\u{FFFD}b" && !broken.isExact)
        #expect(FileName.cleaned([0x61, 0x00]).text == "a\u{FFFD}")
    }
}

@Suite struct PathTests {
    private func fields(_ name: String) -> AssetFields {
        AssetFields(name: name, importedAt: Timestamp(milliseconds: 0))
    }

    @Test func `a file lies in the month that it is shown under`() {
        var asset = fields("A.JPG")
        let path = { LibraryPath.folder(for: ShownDate.of(asset: asset, facts: $0)).text }
        #expect(path(nil) == "1970/01")
        asset.fileModifiedAt = Timestamp(milliseconds: 951_782_400_000)
        #expect(path(nil) == "2000/02")
        let taken: Fields = ["takenAt": .object(["text": .string("2019-12-31T23:59:59")])]
        #expect(path(taken) == "2019/12")
        asset.takenAtCorrected = LocalTime(text: "1999-07-04T00:00:00")
        #expect(path(taken) == "1999/07")
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00"), (951_782_399_999, "2000-02-28T23:59:59"),
            (951_825_600_000, "2000-02-29T12:00:00"), (-1, "1969-12-31T23:59:59"),
            (1_709_164_800_000, "2024-02-29T00:00:00"), (Int64.min, "0001-"),
            (Int64.max, "9999-"),
        ] as [(Int64, String)])
    func `moments become dates`(milliseconds: Int64, expected: String) {
        let text = LocalTime(utc: Timestamp(milliseconds: milliseconds)).text
        #expect(text.hasPrefix(expected))
    }

    @Test(arguments: ["", "2019", "2019-13-01T00:00:00", "0000-01-01", "2019-02-00", "20x9-01-01"])
    func `what is no date is none`(text: String) {
        #expect(LocalTime(text: text) == nil)
    }

    @Test func `parts share the original's name`() {
        let asset = fields("IMG_1.HEIC")
        let name = { (role: BlobRole, type: String, number: Int) in
            String(
                decoding: LibraryPath.name(
                    of: role, mediaType: type, asset: asset, number: number), as: UTF8.self)
        }
        #expect(name(.original, "image/heic", 1) == "IMG_1.HEIC")
        #expect(name(.original, "image/heic", 2) == "IMG_1 (2).HEIC")
        #expect(name(.pairedVideo, "video/quicktime", 1) == "IMG_1.MOV")
        #expect(name(.sidecar, "application/rdf+xml", 1) == "IMG_1.HEIC.xmp")
        #expect(name(.alternate, "image/x-unknown", 1) == "IMG_1.alternate")
    }

    @Test func `bytes of a name that isn't UTF-8 come back, hostile ones don't`() {
        var asset = AssetFields(
            fileName: [0xFF, 0x2E, 0x4A], importedAt: Timestamp(milliseconds: 0),
            fileModifiedAt: nil)
        let name = LibraryPath.name(of: .original, mediaType: "image/jpeg", asset: asset)
        #expect(name == [0xFF, 0x2E, 0x4A])
        func part(_ role: BlobRole, _ type: String, _ number: Int = 1) -> [UInt8] {
            LibraryPath.name(of: role, mediaType: type, asset: asset, number: number)
        }
        // Its parts are known by it.
        #expect(part(.sidecar, "application/rdf+xml") == [0xFF, 0x2E, 0x4A] + Array(".xmp".utf8))
        #expect(part(.pairedVideo, "video/quicktime") == [0xFF] + Array(".MOV".utf8))
        #expect(part(.sidecar, "application/rdf+xml", 2) == Array("\u{FFFD}.J (2).xmp".utf8))
        asset.nameBytes = Array(repeating: 0xFF, count: Limits.nameByteCountMax)
        #expect(part(.original, "image/jpeg").count == Limits.nameByteCountMax)
        #expect(part(.sidecar, "application/rdf+xml") == Array("\u{FFFD}.J.xmp".utf8))
        asset.nameBytes = Array("../../etc/passwd".utf8)
        let safe = LibraryPath.name(of: .original, mediaType: "image/jpeg", asset: asset)
        #expect(!safe.contains(UInt8(ascii: "/")))
    }
}

@Suite struct SidecarNameTests {
    private func owner(_ sidecar: String, _ names: [String]) -> String? {
        SidecarName.owner(of: Array(sidecar.utf8), among: names.map { Array($0.utf8) })
            .map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(
        arguments: [
            ("A.JPG.xmp", ["A.JPG", "A.NEF"], "A.JPG"), ("A.xmp", ["A.JPG"], "A.JPG"),
            ("A.XMP", ["A.JPG", "A.NEF", "A.PNG"], "A.NEF"),
            ("A.xmp", ["A.PNG", "A.JPG"], "A.JPG"),
            ("A.xmp", ["AB.JPG"], nil), ("A.xmp", ["A.b.JPG"], nil), ("A.xmp", ["A.JPG.xmp"], nil),
            ("A.JPG", ["A.NEF"], nil), (".xmp", ["A.JPG"], nil),
        ] as [(String, [String], String?)])
    func `a sidecar belongs to the picture of its name`(
        sidecar: String, names: [String], expected: String?
    ) {
        #expect(owner(sidecar, names) == expected)
    }

    @Test func `a picture and its sidecars share a prefix`() {
        for sidecar in ["A.b.JPG.xmp", "A.b.xmp"] {
            let prefix = SidecarName.sidecarPrefix(of: Array("A.b.JPG".utf8))
            #expect(Array(sidecar.utf8).starts(with: prefix))
        }
    }
}
