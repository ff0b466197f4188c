#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension [UInt8] {
    func write(to path: String) throws {
        try Data(self).write(to: URL(fileURLWithPath: path))
    }
}

/// Builds small raw files: TIFF directories with a camera's JPEG inside.
enum RawFile {
    /// A NEF: make, orientation, and a subdirectory that points at the JPEG.
    static func nikon(embedding jpeg: [UInt8], orientation: UInt16) -> [UInt8] {
        let make = Array("NIKON CORPORATION\0".utf8)
        let first = 8
        let makePlace = first + 2 + 3 * 12 + 4
        let subdirectory = makePlace + make.count
        let jpegPlace = subdirectory + 2 + 3 * 12 + 4
        var bytes: [UInt8] = Array("MM".utf8) + [0, 42]
        bytes.number(UInt32(first))
        bytes.number(UInt16(3))
        bytes.entry(0x010F, 2, 18, UInt32(makePlace))
        bytes.entry(0x0112, 3, 1, UInt32(orientation) << 16)
        bytes.entry(0x014A, 4, 1, UInt32(subdirectory))
        bytes.number(UInt32(0))
        bytes += make
        bytes.number(UInt16(3))
        bytes.entry(0x00FE, 4, 1, 1)
        bytes.entry(0x0201, 4, 1, UInt32(jpegPlace))
        bytes.entry(0x0202, 4, 1, UInt32(jpeg.count))
        bytes.number(UInt32(0))
        return bytes + jpeg
    }
}

extension [UInt8] {
    fileprivate mutating func number<Number: FixedWidthInteger>(_ value: Number) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func entry(
        _ tag: UInt16, _ kind: UInt16, _ count: UInt32, _ value: UInt32
    ) {
        number(tag)
        number(kind)
        number(count)
        number(value)
    }
}
