import Media
import Records
import Rendering
import TestSupport
import Testing

@Suite(.enabled(if: RealPhotos.available), .timeLimit(.minutes(5)))
struct FullFactsTests {
    @Test func `the full reader reads what is known of each photo`() async throws {
        try await Children.with { renderer in
            for photo in KnownPhoto.all {
                let facts = try await renderer.facts(
                    of: RealPhotos.path(photo.path), originalName: photo.name, fileTime: nil)
                #expect(facts.width == photo.width && facts.height == photo.height, "\(photo)")
                #expect(facts.takenAt?.text == photo.taken, "\(photo)")
                #expect(facts.takenAt?.offsetMinutes == photo.offset, "\(photo)")
                #expect(facts.takenAt?.source.rawValue == photo.source, "\(photo)")
                #expect(facts.cameraMake == photo.make, "\(photo)")
                #expect(facts.cameraModel == photo.model, "\(photo)")
                #expect(isClose(facts.latitude, photo.latitude), "\(photo)")
                #expect(isClose(facts.longitude, photo.longitude), "\(photo)")
                #expect(isClose(facts.duration, photo.duration), "\(photo)")
            }
        }
    }

    private func isClose(_ left: Double?, _ right: Double?) -> Bool {
        guard let left, let right else { return left == nil && right == nil }
        return abs(left - right) <= 0.00002
    }

    @Test func `formats that only ExifTool knows are read`() async throws {
        try await Children.with(count: 1) { renderer in
            let name = "video/Sony ILCE-7M3 (A7M3).mts"
            let facts = try await renderer.facts(
                of: RealPhotos.path(name), originalName: "00001.MTS", fileTime: nil)
            #expect(facts.kind == .video)
            #expect(facts.width == 1920 && facts.height == 1080)
            #expect(facts.takenAt?.rfc3339 == "2019-04-24T22:24:00+02:00")
            #expect(facts.cameraMake == "Sony")
            #expect(facts.cameraModel == "ILCE-7M3")
            #expect(abs((facts.duration ?? 0) - 0.45) < 0.01)
        }
    }

    @Test func `where the quick reader finds a value, ExifTool finds the same`() async throws {
        try await Children.with { renderer in
            for name in RealPhotos.names(in: RealPhotos.soundFolders) {
                let source = try FileSource(path: RealPhotos.path(name))
                guard let quick = try QuickFacts.read(source, name: name, fileTime: nil) else {
                    continue
                }
                let full = try await renderer.exifToolFacts(
                    of: RealPhotos.path(name), originalName: name)
                for (field, value) in quick.fields {
                    let isEqual = agrees(value, full.fields[field], field: field)
                    #expect(
                        isEqual,
                        "\(name) \(field): \(value), \(String(describing: full.fields[field]))")
                }
            }
        }
    }

    private func agrees(_ quick: JSONValue, _ full: JSONValue?, field: String) -> Bool {
        switch field {
        // The name decides here, since ExifTool is asked about the bytes alone.
        case "mediaType": return true
        // That nothing is turned needn't be said.
        case "orientation" where full == nil: return quick.integer == 1
        // ExifTool prints two decimals of some.
        case "altitude": return abs((quick.number ?? 0) - (full?.number ?? 1e9)) < 0.01
        default:
            if let left = quick.number, let right = full?.number {
                return abs(left - right) <= 0.00001 * max(1, abs(left))
            }
            return quick == full
        }
    }

    @Test func `a sidecar's date and words count`() async throws {
        try await Children.with(count: 1) { renderer in
            let facts = try await renderer.facts(
                of: RealPhotos.path("video/100_0306.AVI"),
                sidecar: RealPhotos.path("dates-and-tags/2010.xmp"), originalName: "100_0306.AVI",
                fileTime: Timestamp(milliseconds: 0))
            #expect(facts.takenAt?.rfc3339 == "2010-09-27T14:35:33+02:00")
            #expect(facts.takenAt?.source == .xmp)
        }
    }

    @Test(arguments: [
        "-a.jpg", "a\nb.jpg", "a\\b \"c\".jpg", "@args.jpg", "{ready1}.png", "a|.jpg",
    ])
    func `names of any form reach ExifTool safely`(name: String) async throws {
        let folder = try TemporaryFolder()
        let bytes = try FileSource(path: RealPhotos.path("heic/Issue 487.heic"))
            .read(at: 0, count: 4 << 20)
        try bytes.write(to: folder.file(name))
        try await Children.with(count: 1) { renderer in
            let facts = try await renderer.facts(
                of: folder.file(name), originalName: name, fileTime: nil)
            #expect(facts.cameraModel == "SM-G975F")
        }
    }

    @Test func `what is no photo has no facts`() async throws {
        try await Children.with(count: 1) { renderer in
            let error = await #expect(throws: RenderingError.self) {
                try await renderer.facts(
                    of: RealPhotos.path("dates-and-tags/2000.xmp"), originalName: "2000.xmp",
                    fileTime: nil)
            }
            #expect(error?.code == .unsupported)
        }
    }
}
