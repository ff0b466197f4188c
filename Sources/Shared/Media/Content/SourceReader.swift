import Records

/// Reads numbers and pieces from a hostile source: every place is checked, and all that is read
/// comes out of a share of bytes and steps, so that no file can keep a reader busy.
final class SourceReader {
    let byteCount: Int64
    private let source: any ByteSource
    private var windowStart: Int64 = 0
    private var window: [UInt8] = []
    private var bytesLeft: Int
    private var stepsLeft: Int

    init(
        _ source: any ByteSource, bytes: Int = Limits.quickReadByteCountMax,
        steps: Int = Limits.quickReadStepsMax
    ) {
        self.source = source
        byteCount = source.byteCount
        bytesLeft = bytes
        stepsLeft = steps
    }

    /// Exactly `count` bytes, or `nil` where the source has fewer.
    func bytes(at offset: Int64, count: Int) throws(MediaError) -> [UInt8]? {
        guard offset >= 0, count >= 0, count <= Limits.quickReadByteCountMax,
            offset <= byteCount - Int64(count)
        else { return nil }
        stepsLeft -= 1
        guard stepsLeft > 0 else { throw Self.tooMuchWork }
        if let slice = slice(at: offset, count: count) { return slice }
        let fetched = max(count, Self.windowByteCount)
        bytesLeft -= fetched
        guard bytesLeft > 0 else { throw Self.tooMuchWork }
        window = try source.read(at: offset, count: fetched)
        windowStart = offset
        return slice(at: offset, count: count)
    }

    func byte(at offset: Int64) throws(MediaError) -> UInt8? {
        try bytes(at: offset, count: 1)?.first
    }

    func integer<Number: FixedWidthInteger>(
        _ type: Number.Type, at offset: Int64, littleEndian: Bool = false
    ) throws(MediaError) -> Number? {
        try bytes(at: offset, count: MemoryLayout<Number>.size)?
            .integer(type, at: 0, littleEndian: littleEndian)
    }

    private func slice(at offset: Int64, count: Int) -> [UInt8]? {
        guard offset >= windowStart else { return nil }
        let start = offset - windowStart
        guard start <= Int64(window.count - count) else { return nil }
        return Array(window[Int(start)..<Int(start) + count])
    }

    private static let windowByteCount = 4 << 10
    private static var tooMuchWork: MediaError {
        MediaError(.tooMuchWork, "The file's structure is too tangled to follow; it is kept as is.")
    }
}

extension [UInt8] {
    /// The number at `offset`, or `nil` where the bytes end before it does.
    func integer<Number: FixedWidthInteger>(
        _ type: Number.Type = Number.self, at offset: Int, littleEndian: Bool = false
    ) -> Number? {
        let size = MemoryLayout<Number>.size
        guard offset >= 0, count >= size, offset <= count - size else { return nil }
        let raw = withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
        return littleEndian ? Number(littleEndian: raw) : Number(bigEndian: raw)
    }

    func starts(with text: StaticString, at offset: Int = 0) -> Bool {
        guard offset >= 0, offset <= count - text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { wanted in
            wanted.indices.allSatisfy { self[offset + $0] == wanted[$0] }
        }
    }

    /// The bytes from `offset` on, `count` of them or fewer where they end.
    func piece(at offset: Int, count wanted: Int) -> [UInt8] {
        guard offset >= 0, offset < count, wanted > 0 else { return [] }
        return Array(self[offset..<offset + Swift.min(wanted, count - offset)])
    }

    /// The text before the first zero byte, cleaned of spaces around it and of broken characters.
    var text: String { String(decoding: prefix { $0 != 0 }, as: UTF8.self).cleaned }
}

extension String {
    /// Without spaces around it, without control characters within, of a bounded length.
    var cleaned: String {
        var scalars = String.UnicodeScalarView()
        var byteCount = 0
        for scalar in unicodeScalars {
            if scalar.value < 0x20 && scalar != "\n" && scalar != "\t" || scalar.value == 0x7F {
                continue
            }
            byteCount += UTF8.width(scalar)
            if byteCount > Limits.factsTextByteCountMax { break }
            scalars.append(scalar)
        }
        var slice = scalars[...]
        while let first = slice.first, first.properties.isWhitespace { slice.removeFirst() }
        while let last = slice.last, last.properties.isWhitespace { slice.removeLast() }
        return String(slice)
    }

    var nonEmpty: String? { isEmpty ? nil : self }
}
