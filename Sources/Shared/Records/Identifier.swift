/// A 128-bit identifier, made by whoever creates the thing that it names (P8).
///
/// On the wire and on screen it is 32 lower-case hexadecimal digits; in SQL 16 bytes.
/// `Subject` only keeps identifiers of different things apart at compile time.
package struct Identifier<Subject>: Hashable, Sendable {
    package static var byteCount: Int { 16 }

    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Takes the first 16 bytes, most significant first; `nil` when there are fewer.
    package init?(bytes: some Collection<UInt8>) {
        self.init(bytes: Array(bytes.prefix(Self.byteCount)))
    }

    /// The same of an array, as rows have it.
    package init?(bytes: [UInt8]) {
        guard bytes.count >= Self.byteCount else { return nil }
        self.init(high: bytes.word(at: 0), low: bytes.word(at: 8))
    }

    /// Reads 32 hexadecimal digits; throws `invalidIdentifier` for anything else.
    package init(parsing text: String) throws(RecordsError) {
        guard let bytes = Hexadecimal.decode(text, byteCount: Self.byteCount),
            let value = Self(bytes: bytes)
        else {
            throw RecordsError(
                .invalidIdentifier,
                "An identifier is 32 hexadecimal digits, not “\(text.prefix(64))”.")
        }
        self = value
    }

    /// The 16 bytes, most significant first.
    package var bytes: [UInt8] {
        withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { Array($0) }
    }

    package var text: String { Hexadecimal.encode(bytes) }
}

extension Identifier: Comparable {
    package static func < (left: Self, right: Self) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

extension Identifier: CustomStringConvertible {
    package var description: String { text }
}

extension Identifier: Codable {
    package init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

package enum AccountSubject {}
package enum DeviceSubject {}
package enum ZoneSubject {}
package enum RecordSubject {}
package enum GroupSubject {}
package enum UploadSubject {}
package enum PoolSubject {}
package enum LibrarySubject {}

package typealias AccountID = Identifier<AccountSubject>
package typealias DeviceID = Identifier<DeviceSubject>
package typealias ZoneID = Identifier<ZoneSubject>
package typealias RecordID = Identifier<RecordSubject>
package typealias GroupID = Identifier<GroupSubject>
package typealias UploadID = Identifier<UploadSubject>
package typealias PoolID = Identifier<PoolSubject>
/// Names one library folder on one device; written into its mark.
package typealias LibraryID = Identifier<LibrarySubject>
