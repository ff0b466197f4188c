import CMartlet

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4): finds flipped bits in rows and frames.
package struct CRC32C: Sendable {
    package private(set) var value: UInt32 = 0

    package init() {}

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        value = martlet_crc32c(value, bytes.baseAddress, bytes.count)
    }

    package static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var crc = CRC32C()
        bytes.withUnsafeBytes { crc.update($0) }
        return crc.value
    }
}
