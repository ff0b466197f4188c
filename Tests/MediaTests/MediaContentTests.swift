import Media
import TestSupport
import Testing

struct MediaContentTests {
    @Test(
        .enabled(if: RealPhotos.available),
        arguments: [
            ("camera/Canon EOS 450D.jpg", MediaContent.image(.jpeg)),
            ("heic/IMG_1034.heic", .image(.heic)), ("heic/8bit-sRGB.avif", .image(.avif)),
            ("web/denali.webp", .image(.webp)), ("web/Issue 201.gif", .image(.gif)),
            ("web/density_plot.png", .image(.png)), ("video/100_0306.AVI", .video(.avi)),
            ("video/Issue 515 (java).mp4", .video(.mp4)), ("video/sample.3gp", .video(.threeGP)),
            ("video/Sony ILCE-7M3 (A7M3).mts", .video(.mpegTransport)),
            ("video/sample_iPod.m4v", .video(.m4v)), ("video/with-gps.mov", .video(.quickTime)),
            ("dates-and-tags/2000.xmp", .sidecar),
            // Pictures of a raw camera that a program replaced by JPEGs.
            ("raw/Issue 247-1.nef", .image(.jpeg)),
        ])
    func `real files are what they are, whatever their name`(path: String, expected: MediaContent)
        throws
    {
        let head = try FileSource(path: RealPhotos.path(path))
            .read(at: 0, count: MediaContent.headByteCount)
        #expect(MediaContent.classify(name: path, head: head) == expected)
        if expected != .sidecar, path.hasSuffix(".nef") == false {
            #expect(MediaContent.classify(name: "noname", head: head) == expected)
        }
    }

    @Test(arguments: [
        ("a.jpg", MediaContent.image(.jpeg)), ("A.JPEG", .image(.jpeg)),
        ("b.mov", .video(.quickTime)),
        ("c.xmp", .sidecar), ("d.txt", .other), ("noext", .other), (".jpg", .other),
        ("e.jpg.part", .other), ("f.NEF", .image(MediaType(rawValue: "image/x-nikon-nef"))),
        ("g.cr3", .image(.cr3)), ("h.", .other), ("i.averylongextension", .other),
    ])
    func `a file whose bytes say nothing is what its name says`(
        name: String, expected: MediaContent
    ) {
        #expect(MediaContent.classify(name: name, head: []) == expected)
        #expect(MediaContent.classify(name: name, head: [0, 1, 2, 3]) == expected)
    }

    @Test func `a broken photo is a photo`() {
        let zeros = [UInt8](repeating: 0, count: 4_096)
        #expect(MediaContent.classify(name: "IMG_0001.JPG", head: zeros) == .image(.jpeg))
        #expect(MediaContent.classify(name: "IMG_0001.JPG", head: zeros).isMedia)
    }

    @Test func `a raw file keeps its own type, though it begins like TIFF`() {
        let tiff: [UInt8] = [0x49, 0x49, 0x2A, 0, 8, 0, 0, 0, 0, 0]
        #expect(
            MediaContent.classify(name: "a.nef", head: tiff).mediaType?.rawValue
                == "image/x-nikon-nef")
        #expect(MediaContent.classify(name: "a.jpg", head: tiff) == .image(.tiff))
        let canon = tiff[0..<8] + Array("CR".utf8) + [2, 0]
        #expect(MediaContent.classify(name: "a", head: Array(canon)) == .image(.cr2))
        #expect(MediaContent.classify(name: "a.cr2", head: Array(canon)) == .image(.cr2))
    }

    @Test func `a name that isn't UTF-8 still has its extension`() {
        let name: [UInt8] = [0xFF, 0xFE, 0x41] + Array(".Jpg".utf8)
        #expect(MediaContent.classify(nameBytes: name, head: []) == .image(.jpeg))
    }

    @Test func `names alone tell what a scan looks into`() {
        for name in ["a.jpg", "a.HEIC", "a.xmp", "a.mts", "a.dng", "a.insv"] {
            #expect(MediaContent.isCandidate(name))
        }
        for name in ["a.txt", "a", ".hidden", "a.jpg~", "Thumbs.db", "a.zip", "a.svg", "a.pdf"] {
            #expect(!MediaContent.isCandidate(name))
        }
    }

    @Test func `XMP is known by its content`() {
        let packet = Array(
            "<?xpacket begin=\"\" id=\"W5\"?>\n<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">".utf8)
        #expect(MediaContent.classify(name: "IMG_1.jpg.sidecar", head: packet) == .sidecar)
        #expect(MediaContent.classify(name: "page.html", head: Array("<html>".utf8)) == .other)
    }
}
