import Records
import Testing

@Suite struct DigestTests {
    /// FIPS 180-4's example messages.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ])
    func `a digest is the SHA-256 of the bytes`(message: String, expected: String) {
        #expect(Digest(of: Array(message.utf8)).text == expected)
    }

    @Test func `hashing in pieces gives the same digest`() {
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var hasher = Digest.Hasher()
        for start in stride(from: 0, to: bytes.count, by: 777) {
            bytes[start..<min(start + 777, bytes.count)].withUnsafeBytes { hasher.update($0) }
        }
        #expect(hasher.digest() == Digest(of: bytes))
    }

    @Test func `a digest reads back from its text`() throws {
        let digest = Digest(of: [1, 2, 3])
        #expect(try Digest(parsing: digest.text) == digest)
        #expect(Digest(bytes: digest.bytes) == digest)
        #expect(Digest(bytes: digest.bytes.dropLast()) == nil)
        let error = #expect(throws: RecordsError.self) { try Digest(parsing: "abc") }
        #expect(error?.code == .invalidDigest)
    }

    /// RFC 3720, appendix B.4.
    @Test func `CRC-32C gives the published values`() {
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(CRC32C.checksum([UInt8](repeating: 0xff, count: 32)) == 0x62a8_ab43)
        #expect(CRC32C.checksum((0..<32).map(UInt8.init)) == 0x46dd_794e)
        #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xe306_9283)
    }

    @Test func `CRC-32C goes on from where it was`() {
        let bytes = (0..<1001).map { UInt8(truncatingIfNeeded: $0) }
        var crc = CRC32C()
        bytes[..<333].withUnsafeBytes { crc.update($0) }
        bytes[333...].withUnsafeBytes { crc.update($0) }
        #expect(crc.value == CRC32C.checksum(bytes))
    }
}
