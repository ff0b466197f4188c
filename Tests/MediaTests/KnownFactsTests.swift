import Media
import Records
import TestSupport
import Testing

/// The quick reader against values that were read by ExifTool and written down.
@Suite(.enabled(if: RealPhotos.available))
struct KnownFactsTests {
    @Test(arguments: KnownPhoto.all)
    func `the quick reader reads what is known of a photo`(photo: KnownPhoto) throws {
        let source = try FileSource(path: RealPhotos.path(photo.path))
        let facts = try #require(try QuickFacts.read(source, name: photo.name, fileTime: nil))
        #expect(facts.width == photo.width)
        #expect(facts.height == photo.height)
        #expect(facts.takenAt?.text == photo.taken)
        #expect(facts.takenAt?.offsetMinutes == photo.offset)
        #expect(facts.takenAt?.source.rawValue == photo.source)
        #expect(facts.cameraMake == photo.make)
        #expect(facts.cameraModel == photo.model)
        #expect(isClose(facts.latitude, photo.latitude, within: 0.00001))
        #expect(isClose(facts.longitude, photo.longitude, within: 0.00001))
        #expect(isClose(facts.duration, photo.duration, within: 0.001))
        #expect(!facts.damaged)
        #expect(
            facts.fields["kind"]?.string == (photo.duration == nil ? facts.kind.rawValue : "video"))
    }

    @Test func `a film inside a still makes it a motion photo`() throws {
        let facts = try read("heic/samsung-one-ui-6.heic")
        #expect(facts.kind == .motion)
    }

    @Test func `the parts of a Live Photo share an identifier`() throws {
        let facts = try read("heic/IMG_2927.HEIC")
        #expect(facts.contentIdentifier == "1745E022-9712-43C7-B024-F308EC6413CB")
    }

    @Test func `titles, captions, ratings and keywords are read`() throws {
        let facts = try read("dates-and-tags/mongolels.jpg")
        #expect(facts.title == "Mongol Els")
        #expect(facts.caption == "Mongol Els")
        #expect(facts.rating == 3)
        #expect(
            try read("dates-and-tags/portrait.jpg").keywords == ["Marie Curie", "Pierre Curie"])
        #expect(try read("dates-and-tags/picasa.jpg").keywords == ["Frost", "Yard"])
    }

    @Test func `a date that only the file's time knows comes last`() throws {
        let source = try FileSource(path: RealPhotos.path("web/density_plot.png"))
        let time = Timestamp(milliseconds: 1_546_398_245_000)
        let facts = try QuickFacts.read(source, name: "density_plot.png", fileTime: time)
        #expect(facts?.takenAt?.rfc3339 == "2019-01-02T03:04:05Z")
        #expect(facts?.takenAt?.source == .fileTime)
        let named = try QuickFacts.read(source, name: "20180203_040506.png", fileTime: time)
        #expect(named?.takenAt?.text == "2018-02-03T04:05:06")
        #expect(named?.takenAt?.source == .fileName)
    }

    @Test func `a sidecar in UTF-16 gives a date`() throws {
        for (year, expected) in [
            ("2000", "2000-09-27T14:35:33+02:00"), ("2010", "2010-09-27T14:35:33+02:00"),
            ("2020", "2020-09-27T14:35:33+02:00"),
        ] {
            let sidecar = try FileSource(path: RealPhotos.path("dates-and-tags/\(year).xmp"))
            let packet = try sidecar.read(at: 0, count: 1 << 20)
            let source = try FileSource(path: RealPhotos.path("web/density_plot.png"))
            let facts = try QuickFacts.read(
                source, name: "plot.png", fileTime: nil, sidecar: packet)
            #expect(facts?.takenAt?.rfc3339 == expected)
            #expect(facts?.takenAt?.source == .xmp)
        }
    }

    private func read(_ path: String) throws -> Facts {
        let source = try FileSource(path: RealPhotos.path(path))
        return try #require(try QuickFacts.read(source, name: path, fileTime: nil))
    }

    private func isClose(_ left: Double?, _ right: Double?, within: Double) -> Bool {
        guard let left, let right else { return left == nil && right == nil }
        return abs(left - right) <= within
    }
}
