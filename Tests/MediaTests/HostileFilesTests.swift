import Media
import Records
import TestSupport
import Testing

/// Files made to hurt.
///
/// The readers may find nothing; they must end, without a trap.
struct HostileFilesTests {
    /// SplitMix64 (Steele, Lea, Flood 2014).
    private struct Generator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
        mutating func below(_ count: Int) -> Int { Int(next() % UInt64(max(1, count))) }
    }

    private static let seeds = [
        "camera/Nikon D1X.jpg", "camera/Sony DSC-HX5V (2).jpg", "dates-and-tags/mongolels.jpg",
        "dates-and-tags/thompson-springs.jpg", "heic/IMG_2927.HEIC", "heic/Issue 649.avif",
        "heic/samsung-one-ui-6.heic", "video/Issue 515 (java).mp4", "video/with-gps.mov",
        "video/sample.3gp", "video/100_0306.AVI", "web/denali.webp", "web/density_plot.png",
        "web/Issue 201.gif",
    ]

    @Test(.enabled(if: RealPhotos.available), arguments: seeds)
    func `flipped, cut and overwritten files never trap`(path: String) throws {
        let whole = try FileSource(path: RealPhotos.path(path)).read(at: 0, count: 48 << 10)
        var generator = Generator(state: UInt64(whole.count))
        let name = String(path.split(separator: "/")[1])
        for _ in 0..<400 {
            var bytes = whole
            for _ in 0..<1 + generator.below(12) {
                let place = generator.below(min(bytes.count, 1 << (4 + generator.below(13))))
                switch generator.below(4) {
                case 0: bytes[place] ^= 1 << UInt8(generator.below(8))
                case 1: bytes[place] = [0x00, 0xFF, 0x7F, 0x80][generator.below(4)]
                case 2:
                    for index in place..<min(place + 4, bytes.count) { bytes[index] = 0xFF }
                default: bytes.removeSubrange(place..<min(place + generator.below(64), bytes.count))
                }
                if bytes.isEmpty { bytes = [0] }
            }
            if generator.below(4) == 0 { bytes = Array(bytes.prefix(generator.below(bytes.count))) }
            _ = try QuickFacts.read(MemorySource(bytes), name: name, fileTime: nil)
        }
    }

    @Test(.enabled(if: RealPhotos.available))
    func `every damaged file is media with whatever facts it has`() throws {
        let names = RealPhotos.names(in: ["damaged"])
        #expect(names.count > 50)
        for name in names {
            let source = try FileSource(path: RealPhotos.path(name))
            let facts = try QuickFacts.read(source, name: name, fileTime: nil)
            #expect(facts != nil, "\(name) has a photo's name, so it is kept as one")
        }
    }

    @Test func `an empty file and one byte are photos by name only`() throws {
        for bytes in [[], [0xFF]] as [[UInt8]] {
            let facts = try QuickFacts.read(MemorySource(bytes), name: "a.jpg", fileTime: nil)
            #expect(facts?.damaged == true)
            #expect(try QuickFacts.read(MemorySource(bytes), name: "a.txt", fileTime: nil) == nil)
        }
    }

    @Test func `directories that point at each other are read once`() throws {
        // IFD0 at 8 with one entry, 0x8769, that points back at 8.
        var tiff: [UInt8] = [0x4D, 0x4D, 0, 0x2A, 0, 0, 0, 8, 0, 1]
        tiff += [0x87, 0x69, 0, 4, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0]
        let facts = try QuickFacts.read(MemorySource(tiff), name: "a.tif", fileTime: nil)
        #expect(facts?.damaged == true)
    }

    @Test func `a film of a million boxes costs its share and no more`() throws {
        var film: [UInt8] = [0, 0, 0, 16] + Array("ftypqt  \0\0\0\0".utf8)
        for _ in 0..<300_000 { film += [0, 0, 0, 8] + Array("free".utf8) }
        let facts = try QuickFacts.read(MemorySource(film), name: "a.mov", fileTime: nil)
        #expect(facts?.damaged == true)
    }

    @Test func `a source that fails is an error, not a damaged photo`() {
        struct Broken: ByteSource {
            let byteCount: Int64 = 100
            func read(at offset: Int64, count: Int) throws(MediaError) -> [UInt8] {
                throw MediaError(.unreadable, "The disk is gone.")
            }
        }
        let error = #expect(throws: MediaError.self) {
            try QuickFacts.read(Broken(), name: "a.jpg", fileTime: nil)
        }
        #expect(error?.code == .unreadable)
    }

    @Test func `pipes, folders and missing files are refused at once`() throws {
        let folder = try TemporaryFolder()
        #expect(throws: MediaError.self) { try FileSource(path: folder.path) }
        #expect(throws: MediaError.self) { try FileSource(path: folder.file("missing")) }
        #expect(throws: MediaError.self) { try FileSource(path: "/dev/zero") }
    }

    @Test func `reads outside a source give nothing`() throws {
        let source = MemorySource([1, 2, 3])
        #expect(try source.read(at: 1, count: 100) == [2, 3])
        #expect(try source.read(at: 3, count: 1) == [])
        #expect(try source.read(at: -1, count: 1) == [])
        #expect(try source.read(at: .max, count: .max) == [])
        #expect(try source.read(at: 0, count: -1) == [])
    }
}
