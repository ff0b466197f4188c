/// A zone's age: raised when its history was rolled back or restored.
///
/// Sequences of different epochs do not compare.
package struct Epoch: RawRepresentable, Hashable, Sendable, Codable, Comparable {
    package let rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The state of a record that a change was made from.
package struct Base: Hashable, Sendable, Codable {
    package let epoch: Epoch
    package let sequence: Int64

    package init(epoch: Epoch, sequence: Int64) {
        self.epoch = epoch
        self.sequence = sequence
    }
}

/// How far a reader has read a zone's feed.
///
/// Opaque to clients, who only give it back.
///
/// The stamp is the random number of the commit that was the zone's head when the token was given,
/// so that a server that was rolled back and went on differently is found out. Of a page with
/// `more` that is a later commit than the one it names.
package struct ChangeToken: Hashable, Sendable {
    package let epoch: Epoch
    package let sequence: Int64
    package let stamp: UInt64
    /// Within a first listing: the head when it began.
    ///
    /// Tombstones up to it are left out, because the reader cannot have what was deleted before.
    package let listingHead: Int64?

    package init(epoch: Epoch, sequence: Int64, stamp: UInt64, listingHead: Int64? = nil) {
        self.epoch = epoch
        self.sequence = sequence
        self.stamp = stamp
        self.listingHead = listingHead
    }

    /// Reads `EPOCH-SEQUENCE-STAMP` (decimal, decimal, 16 hexadecimal digits), within a first
    /// listing with `-HEAD` (decimal) behind it.
    package init(parsing text: String) throws(RecordsError) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard (3...4).contains(parts.count), let epoch = Int64(parts[0]), epoch >= 0,
            let sequence = Int64(parts[1]), sequence >= 0,
            let stamp = Hexadecimal.decode(String(parts[2]), byteCount: 8),
            parts.count == 3 || (Int64(parts[3]) ?? -1) >= 0
        else {
            throw RecordsError(
                .invalidChangeToken, "Use a change token as a server gave it, or none to list anew."
            )
        }
        self.init(
            epoch: Epoch(rawValue: epoch), sequence: sequence,
            stamp: stamp.reduce(0) { $0 << 8 | UInt64($1) },
            listingHead: parts.count == 4 ? Int64(parts[3]) : nil)
    }

    package var text: String {
        let text =
            "\(epoch.rawValue)-\(sequence)-\(Hexadecimal.encode(Hexadecimal.bytes(of: stamp)))"
        return listingHead.map { "\(text)-\($0)" } ?? text
    }
}

extension ChangeToken: Codable {
    package init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
