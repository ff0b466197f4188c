import Media
import Records
import Rendering
import TestSupport
import Testing

@Suite(.enabled(if: RealPhotos.available), .timeLimit(.minutes(5)))
struct PicturesTests {
    @Test func `every sound photo and film gets a thumbnail and a preview of its shape`()
        async throws
    {
        try await Children.with { renderer in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for name in RealPhotos.names(in: RealPhotos.soundFolders) {
                    guard try Children.mediaType(name) != nil else { continue }
                    group.addTask { try await self.check(name, renderer) }
                }
                try await group.waitForAll()
            }
        }
    }

    private func check(_ name: String, _ renderer: Renderer) async throws {
        let rendered = try await Children.render(name, with: renderer)
        let full = (Double(rendered.width), Double(rendered.height))
        for (picture, box) in [
            (rendered.thumbnail, Limits.thumbnailPixels), (rendered.preview, Limits.previewPixels),
        ] {
            let size = try Children.size(picture)
            let longest = max(rendered.width, rendered.height)
            #expect(max(size.width, size.height) == min(longest, box), "\(name)")
            // The shape, but for the rounding of a side to whole pixels.
            let expected = full.1 / full.0 * Double(size.width)
            let tolerance = 1.0 + full.1 / full.0
            #expect(abs(expected - Double(size.height)) <= tolerance, "\(name)")
        }
        #expect(rendered.thumbhash.count >= 10, "\(name)")
        let source = try FileSource(path: RealPhotos.path(name))
        let facts = try QuickFacts.read(source, name: name, fileTime: nil)
        if let width = facts?.width, let height = facts?.height {
            #expect(rendered.width == width && rendered.height == height, "\(name)")
        }
    }

    @Test(arguments: ["landscape", "portrait"])
    func `orientation is applied once`(kind: String) async throws {
        try await Children.with { renderer in
            let first = try await Children.render("orientation/\(kind)_1.jpg", with: renderer)
            for orientation in 2...8 {
                let other = try await Children.render(
                    "orientation/\(kind)_\(orientation).jpg", with: renderer)
                #expect(other.width == first.width && other.height == first.height)
                #expect(try Children.size(other.preview) == Children.size(first.preview))
                #expect(
                    difference(first.thumbhash, other.thumbhash) < 1.5, "\(kind)_\(orientation)")
            }
            // The comparison tells a picture from its mirror image.
            let unlike = try await Children.render("gps/DSCN0010.jpg", with: renderer)
            #expect(difference(first.thumbhash, unlike.thumbhash) > 2)
        }
    }

    /// The mean difference of the four-bit terms of two hashes.
    private func difference(_ left: [UInt8], _ right: [UInt8]) -> Double {
        let terms = { (hash: [UInt8]) in hash.dropFirst(5).flatMap { [Int($0 & 15), Int($0 >> 4)] }
        }
        let pairs = zip(terms(left), terms(right))
        let total = pairs.reduce(0) { $0 + abs($1.0 - $1.1) }
        return Double(total) / Double(max(1, min(left.count, right.count) * 2 - 10))
    }

    @Test func `what isn't asked for isn't made`() async throws {
        try await Children.with(count: 1) { renderer in
            let name = "camera/Canon EOS 450D.jpg"
            let small = try await Children.render(name, with: renderer, sizes: .thumbnail)
            #expect(small.preview == nil)
            #expect(try Children.size(small.thumbnail) == (320, 213))
            #expect((small.width, small.height) == (4272, 2848))
            let large = try await Children.render(name, with: renderer, sizes: .preview)
            #expect(large.thumbnail == nil)
            #expect(try Children.size(large.preview) == (2048, 1365))
        }
    }

    @Test func `nothing that the original says leaves with its pictures`() async throws {
        try await Children.with(count: 1) { renderer in
            for name in ["gps/DSCN0010.jpg", "heic/IMG_5195.HEIC", "web/denali.webp"] {
                let rendered = try await Children.render(name, with: renderer)
                for picture in [rendered.thumbnail, rendered.preview] {
                    let text = String(decoding: try #require(picture), as: Unicode.ASCII.self)
                    for note in ["EXIF", "XMP ", "ICCP"] { #expect(!text.contains(note)) }
                }
            }
        }
    }

    @Test func `a raw file's pictures are those of its camera, turned as it lay`() async throws {
        let folder = try TemporaryFolder()
        let jpeg = try FileSource(path: RealPhotos.path("albums/nature/silver_fir.jpg"))
        let path = folder.file("a.nef")
        try RawFile.nikon(embedding: try jpeg.read(at: 0, count: 1 << 20), orientation: 6)
            .write(to: path)
        try await Children.with(count: 1) { renderer in
            let type = MediaType(rawValue: "image/x-nikon-nef")
            let rendered = try await renderer.render(RenderRequest(path: path, mediaType: type))
            #expect(try Children.size(rendered.preview) == (323, 511))
        }
    }

    @Test func `formats without a decoder are refused, not guessed`() async throws {
        try await Children.with(count: 1) { renderer in
            for type in ["application/pdf", "image/svg+xml", "video/x-unknown"] {
                let error = await #expect(throws: RenderingError.self) {
                    try await renderer.render(
                        RenderRequest(
                            path: RealPhotos.path("gps/DSCN0010.jpg"),
                            mediaType: MediaType(rawValue: type)))
                }
                #expect(error?.code == .unsupported)
            }
        }
    }

    @Test func `files of untrusted formats with a photo's name are refused`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.jpg")
        let drawing = "<svg xmlns='http://www.w3.org/2000/svg' width='10' height='10'/>"
        try Array(drawing.utf8).write(to: path)
        try await Children.with(count: 1) { renderer in
            let error = await #expect(throws: RenderingError.self) {
                try await renderer.render(RenderRequest(path: path, mediaType: .jpeg))
            }
            #expect(error?.code == .damaged)
        }
    }
}
