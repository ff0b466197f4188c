package import Records

/// Many small blobs in one body (Documentation/formats.md).
///
///     pack   = magic *blob end
///     magic  = "MPK1"
///     blob   = digest (32 bytes) length (4 bytes, big-endian, 1 … 1 MiB) bytes
///     end    = 32 zero bytes, count of blobs (4 bytes, big-endian)
///
/// The end tells a whole pack from a truncated one.
package enum PackFormat {
    package static let magic: [UInt8] = Array("MPK1".utf8)
    package static let frameByteCount = Digest.byteCount + 4

    /// What stands before a blob's bytes.
    package static func frame(digest: Digest, byteCount: Int) -> [UInt8] {
        digest.bytes + bigEndian(UInt32(byteCount))
    }

    package static func end(blobCount: Int) -> [UInt8] {
        [UInt8](repeating: 0, count: Digest.byteCount) + bigEndian(UInt32(blobCount))
    }

    /// The bytes of a pack of blobs of these sizes.
    package static func byteCount(ofBlobs byteCounts: some Sequence<Int64>) -> Int64 {
        byteCounts.reduce(Int64(magic.count + frameByteCount)) {
            $0 + Int64(frameByteCount) + $1
        }
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}

package struct PackError: Error, Hashable, Sendable {
    package enum Code: String, Sendable {
        case notAPack
        case truncatedPack
        case blobTooLarge
        case tooManyBlobs
        case packTooLarge
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}

/// Takes a pack in pieces of any size and hands out whole blobs; holds one blob at the most.
package struct PackReader: Sendable {
    package struct Blob: Sendable {
        package let digest: Digest
        package let bytes: [UInt8]
    }

    private var buffer: [UInt8] = []
    private var position = 0
    private var sawMagic = false
    private var received = 0
    private var blobCount = 0
    package private(set) var isComplete = false

    package init() {}

    /// Blobs that became whole with `bytes`.
    ///
    /// Throws `PackError`; the blobs before stay good.
    package mutating func read(_ bytes: some Collection<UInt8>) throws(PackError) -> [Blob] {
        received += bytes.count
        guard received <= Limits.packByteCountMax else {
            throw PackError(
                .packTooLarge, "Send at most \(Limits.packByteCountMax) bytes in one pack.")
        }
        guard !isComplete || bytes.isEmpty else {
            throw PackError(.notAPack, "Nothing may follow the end of a pack.")
        }
        buffer.append(contentsOf: bytes)
        var blobs: [Blob] = []
        while let blob = try next() { blobs.append(blob) }
        buffer.removeFirst(position)
        position = 0
        return blobs
    }

    /// Call after the last piece; throws `truncatedPack` when the end is missing.
    package func finish() throws(PackError) {
        guard isComplete else {
            throw PackError(
                .truncatedPack, "The pack ended in the middle: send again what has no result.")
        }
    }

    private mutating func next() throws(PackError) -> Blob? {
        if !sawMagic {
            guard buffer.count - position >= PackFormat.magic.count else { return nil }
            guard
                buffer[position..<position + PackFormat.magic.count].elementsEqual(PackFormat.magic)
            else { throw PackError(.notAPack, "A pack begins with MPK1.") }
            position += PackFormat.magic.count
            sawMagic = true
        }
        guard !isComplete, buffer.count - position >= PackFormat.frameByteCount else { return nil }
        let frame = buffer[position..<position + PackFormat.frameByteCount]
        let length = frame.suffix(4).reduce(0) { $0 << 8 | Int($1) }
        if frame.prefix(Digest.byteCount).allSatisfy({ $0 == 0 }) {
            try readEnd(blobCount: length)
            return nil
        }
        return try readBlob(frame: frame, length: length)
    }

    private mutating func readEnd(blobCount count: Int) throws(PackError) {
        guard count == blobCount else {
            throw PackError(.truncatedPack, "The pack says \(count) blobs and has \(blobCount).")
        }
        position += PackFormat.frameByteCount
        guard position == buffer.count else {
            throw PackError(.notAPack, "Nothing may follow the end of a pack.")
        }
        isComplete = true
    }

    private mutating func readBlob(
        frame: ArraySlice<UInt8>, length: Int
    ) throws(PackError) -> Blob? {
        guard (1...Limits.packedBlobByteCountMax).contains(length) else {
            throw PackError(
                .blobTooLarge,
                "A packed blob has 1 to \(Limits.packedBlobByteCountMax) bytes; send it by PUT.")
        }
        guard blobCount < Limits.packBlobCountMax else {
            throw PackError(
                .tooManyBlobs, "Send at most \(Limits.packBlobCountMax) blobs in one pack.")
        }
        let start = position + PackFormat.frameByteCount
        guard buffer.count - start >= length else { return nil }
        guard let digest = Digest(bytes: frame.prefix(Digest.byteCount)) else { return nil }
        position = start + length
        blobCount += 1
        return Blob(digest: digest, bytes: Array(buffer[start..<position]))
    }
}
