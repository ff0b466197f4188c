import Crypto

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// The SHA-256 of some bytes (FIPS 180-4): the name of a blob.
///
/// On the wire and on screen it is 64 lower-case hexadecimal digits; in SQL 32 bytes.
package struct Digest: Hashable, Sendable {
    package static let byteCount = 32

    private let first: UInt64
    private let second: UInt64
    private let third: UInt64
    private let fourth: UInt64

    /// Takes exactly 32 bytes; `nil` for any other count.
    package init?(bytes: some Collection<UInt8>) {
        self.init(bytes: Array(bytes))
    }

    /// The same of an array, as rows have it.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        (first, second) = (bytes.word(at: 0), bytes.word(at: 8))
        (third, fourth) = (bytes.word(at: 16), bytes.word(at: 24))
    }

    /// Reads 64 hexadecimal digits; throws `invalidDigest` for anything else.
    package init(parsing text: String) throws(RecordsError) {
        guard let bytes = Hexadecimal.decode(text, byteCount: Self.byteCount),
            let value = Self(bytes: bytes)
        else {
            throw RecordsError(
                .invalidDigest, "A digest is 64 hexadecimal digits, not “\(text.prefix(80))”.")
        }
        self = value
    }

    /// The digest of `data`.
    package init(of data: some DataProtocol) {
        self.init(SHA256.hash(data: data))
    }

    private init(_ digest: SHA256.Digest) {
        guard let value = Self(bytes: Array(digest)) else {
            preconditionFailure("SHA-256 has 32 bytes.")
        }
        self = value
    }

    package var bytes: [UInt8] {
        let words = (first.bigEndian, second.bigEndian, third.bigEndian, fourth.bigEndian)
        return withUnsafeBytes(of: words) { Array($0) }
    }

    package var text: String { Hexadecimal.encode(bytes) }

    /// Hashes bytes that arrive in pieces.
    package struct Hasher: Sendable {
        private var state = SHA256()

        package init() {}

        package mutating func update(_ bytes: UnsafeRawBufferPointer) {
            state.update(bufferPointer: bytes)
        }

        package mutating func update(_ data: some DataProtocol) {
            state.update(data: data)
        }

        /// The digest of all bytes so far; hashing can go on after it.
        package func digest() -> Digest { Digest(state.finalize()) }
    }
}

extension Digest: Comparable {
    package static func < (left: Self, right: Self) -> Bool {
        (left.first, left.second, left.third, left.fourth)
            < (right.first, right.second, right.third, right.fourth)
    }
}

extension Digest: CustomStringConvertible {
    package var description: String { text }
}

extension Digest: Codable {
    package init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
