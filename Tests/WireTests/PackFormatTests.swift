import Records
import Testing
import Wire

@Suite struct PackFormatTests {
    private func pack(_ blobs: [[UInt8]]) -> [UInt8] {
        blobs.reduce(PackFormat.magic) {
            $0 + PackFormat.frame(digest: Digest(of: $1), byteCount: $1.count) + $1
        } + PackFormat.end(blobCount: blobs.count)
    }

    @Test(arguments: [1, 2, 3, 35, 36, 37, 1000, 100_000])
    func `a pack that arrives in pieces of any size gives its blobs`(step: Int) throws {
        let blobs = [[7], (0..<5000).map { UInt8(truncatingIfNeeded: $0) }, [1, 2, 3]]
        let bytes = pack(blobs)
        #expect(Int64(bytes.count) == PackFormat.byteCount(ofBlobs: blobs.map { Int64($0.count) }))
        var reader = PackReader()
        var read: [PackReader.Blob] = []
        for start in stride(from: 0, to: bytes.count, by: step) {
            read += try reader.read(bytes[start..<min(start + step, bytes.count)])
        }
        try reader.finish()
        #expect(read.map(\.bytes) == blobs)
        #expect(read.map(\.digest) == blobs.map { Digest(of: $0) })
    }

    @Test func `a pack cut anywhere is truncated, never complete`() throws {
        let bytes = pack([[1, 2], [3]])
        for count in 0..<bytes.count {
            var reader = PackReader()
            _ = try reader.read(bytes.prefix(count))
            let error = #expect(throws: PackError.self) { try reader.finish() }
            #expect(error?.code == .truncatedPack)
        }
    }

    @Test func `an end that counts other blobs is refused`() {
        var reader = PackReader()
        let bytes = pack([[1]]).dropLast() + [2]
        let error = #expect(throws: PackError.self) { try reader.read(bytes) }
        #expect(error?.code == .truncatedPack)
    }

    @Test func `other bytes are no pack`() {
        var reader = PackReader()
        let error = #expect(throws: PackError.self) { try reader.read(Array("GIF89a".utf8)) }
        #expect(error?.code == .notAPack)
    }

    @Test func `nothing may follow the end`() {
        var reader = PackReader()
        let error = #expect(throws: PackError.self) { try reader.read(pack([[1]]) + [0]) }
        #expect(error?.code == .notAPack)
    }

    @Test func `a blob one byte past the limit is refused before its bytes come`() {
        var reader = PackReader()
        let frame = PackFormat.frame(
            digest: Digest(of: [1]), byteCount: Limits.packedBlobByteCountMax + 1)
        let error = #expect(throws: PackError.self) { try reader.read(PackFormat.magic + frame) }
        #expect(error?.code == .blobTooLarge)
    }

    @Test func `one blob past the limit is refused`() {
        var reader = PackReader()
        let blobs = (0...Limits.packBlobCountMax).map { [UInt8($0 % 251), UInt8($0 / 251)] }
        let error = #expect(throws: PackError.self) { try reader.read(pack(blobs)) }
        #expect(error?.code == .tooManyBlobs)
    }

    @Test func `a pack one byte past the limit is refused`() throws {
        var reader = PackReader()
        let error = #expect(throws: PackError.self) {
            try reader.read([UInt8](repeating: 0, count: Limits.packByteCountMax + 1))
        }
        #expect(error?.code == .packTooLarge)
    }

    /// The worked example of Documentation/formats.md, byte for byte.
    @Test func `the format is the documented one`() {
        let expected =
            "4d504b31" + Digest(of: Array("hi".utf8)).text + "00000002" + "6869"
            + String(repeating: "0", count: 64) + "00000001"
        #expect(Hexadecimal.encode(pack([Array("hi".utf8)])) == expected)
    }
}
