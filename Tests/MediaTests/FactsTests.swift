import Media
import Records
import Testing

struct FactsTests {
    private var full: Facts {
        var facts = Facts(kind: .motion, mediaType: .heic)
        (facts.width, facts.height, facts.orientation) = (3000, 4000, 6)
        facts.duration = 1.5
        facts.takenAt = TakenAt(
            text: "2019-01-02T03:04:05", offsetMinutes: 60, source: .exifOriginal)
        (facts.latitude, facts.longitude, facts.altitude) = (-33.5, 151.25, -2.5)
        (facts.cameraMake, facts.cameraModel, facts.lens) = ("Apple", "iPhone 11", "back camera")
        facts.contentIdentifier = "1745E022"
        facts.rating = 5
        (facts.title, facts.caption) = ("A title", "A “caption”\nof two lines")
        facts.keywords = ["sea", "holiday"]
        facts.thumbhash = [1, 2, 255]
        facts.damaged = true
        return facts
    }

    @Test func `a record keeps all facts and gives them back`() {
        #expect(Facts(fields: full.fields) == full)
        let plain = Facts(kind: .image, mediaType: .png)
        #expect(Facts(fields: plain.fields) == plain)
        #expect(plain.fields.keys.sorted() == ["kind", "mediaType"])
    }

    @Test func `a record says whose facts they are and who read them`() {
        let digest = Digest(of: [1, 2, 3])
        let fields = full.record(of: digest, by: Facts.fullReader)
        #expect(fields["of"]?.string == digest.text)
        #expect(fields["by"]?.integer == 2)
        #expect(Facts.fullReader > Facts.quickReader)
    }

    @Test func `fields of other types are left out`() {
        let facts = Facts(fields: [
            "kind": .integer(1), "width": .string("100"), "height": .number(1.5),
            "keywords": .array([.integer(1), .string("sea")]), "takenAt": .string("2019"),
            "thumbhash": .string("xyz"), "mediaType": .string("video/mp4"),
        ])
        #expect(facts.kind == .video)
        #expect(facts.width == nil && facts.height == nil)
        #expect(facts.keywords == ["sea"])
        #expect(facts.takenAt == nil && facts.thumbhash == nil)
    }

    @Test func `positions outside the world and at its zero are none`() {
        for (latitude, longitude) in [(0, 0), (90.1, 0), (0, -180.1), (.nan, 1), (1, .infinity)] {
            var observed = Observations(mediaType: .jpeg)
            observed.notePosition(latitude: latitude, longitude: longitude, altitude: nil)
            #expect(observed.latitude == nil && observed.longitude == nil)
        }
        var observed = Observations(mediaType: .jpeg)
        observed.notePosition(latitude: -90, longitude: 180, altitude: .nan)
        #expect(observed.latitude == -90)
        #expect(observed.altitude == nil)
    }

    @Test func `what cameras write into every picture is no caption`() {
        var observed = Observations(mediaType: .jpeg)
        observed.noteCaption("OLYMPUS DIGITAL CAMERA         ")
        #expect(observed.caption == nil)
        observed.noteCaption("Our dog")
        observed.noteCaption("Later text")
        #expect(observed.caption == "Our dog")
    }

    @Test func `keywords beyond the limit are left out`() {
        var observed = Observations(mediaType: .jpeg)
        observed.noteKeywords((0...Limits.keywordsMax).map { "word \($0)" } + ["word 1", "  "])
        #expect(observed.keywords.count == Limits.keywordsMax)
    }

    @Test func `orientation turns width and height once`() {
        for orientation in 1...8 {
            var observed = Observations(mediaType: .jpeg)
            (observed.width, observed.height, observed.orientation) = (300, 200, orientation)
            let facts = Facts(observed, name: "a.jpg", fileTime: nil)
            #expect(facts.width == (orientation < 5 ? 300 : 200))
        }
        var odd = Observations(mediaType: .jpeg)
        (odd.width, odd.height, odd.orientation) = (300, 200, 77)
        let facts = Facts(odd, name: "a.jpg", fileTime: nil)
        #expect(facts.width == 300)
        #expect(facts.orientation == nil)
    }

    @Test func `a picture without a size is damaged`() {
        #expect(Facts(Observations(mediaType: .jpeg), name: "a.jpg", fileTime: nil).damaged)
        var wide = Observations(mediaType: .jpeg)
        (wide.width, wide.height) = (1_000_001, 10)
        #expect(Facts(wide, name: "a.jpg", fileTime: nil).damaged)
    }
}
