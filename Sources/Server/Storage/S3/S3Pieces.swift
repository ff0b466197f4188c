import Records

/// One piece of a resumable upload, an object of its own; its name says what it holds.
package struct S3Piece: Hashable, Sendable {
    package let name: String
    package let start: Int64
    package let end: Int64

    package var byteCount: Int64 { end - start }

    /// `<start>-<end>-<16 random digits>`, the offsets with 16 hexadecimal digits each.
    package static func suffix(start: Int64, end: Int64, digits: String) -> String {
        "\(hexadecimal(start))-\(hexadecimal(end))-\(digits)"
    }

    /// Reads a name below the upload's prefix; `nil` for what is no piece of the size that its
    /// name says.
    package init?(name: String, prefix: String, byteCount: Int64) {
        let parts = name.dropFirst(prefix.count).split(
            separator: "-", omittingEmptySubsequences: false)
        guard name.hasPrefix(prefix), parts.count == 3, parts.allSatisfy({ $0.count == 16 }),
            let start = Int64(parts[0], radix: 16), let end = Int64(parts[1], radix: 16),
            start >= 0, end - start == byteCount
        else { return nil }
        self.name = name
        self.start = start
        self.end = end
    }

    private static func hexadecimal(_ offset: Int64) -> String {
        Hexadecimal.encode(Hexadecimal.bytes(of: UInt64(offset)))
    }
}

/// The pieces of one resumable upload, as a listing shows them.
///
/// The upload is their longest chain from its beginning. Others are what a cut or a crash left, or
/// a part that came twice; the next part begins with their removal.
package struct S3Pieces: Sendable {
    package let all: [S3Piece]
    /// In order, each beginning where the one before it ends.
    package let chain: [S3Piece]

    /// Throws when there are more than one upload may have.
    package init(_ pieces: [S3Piece]) throws(StorageError) {
        guard pieces.count <= Limits.s3PiecesPerUploadMax else {
            throw StorageError(
                .failed, "The upload came in too many small parts: begin it again with larger ones."
            )
        }
        all = pieces
        chain = Self.longestChain(pieces)
    }

    package var byteCount: Int64 { chain.last?.end ?? 0 }

    private static func longestChain(_ pieces: [S3Piece]) -> [S3Piece] {
        // From the end to the beginning: what follows a piece is known before it.
        var best: [Int64: (piece: S3Piece, end: Int64)] = [:]
        for piece in pieces.sorted(by: { ($0.start, $0.name) > ($1.start, $1.name) })
        where piece.byteCount > 0 {
            let end = best[piece.end]?.end ?? piece.end
            if end > best[piece.start]?.end ?? -1 { best[piece.start] = (piece, end) }
        }
        var chain: [S3Piece] = []
        var offset: Int64 = 0
        while let next = best[offset]?.piece {
            chain.append(next)
            offset = next.end
        }
        return chain
    }
}

/// How pieces become the parts of one object.
package enum S3Join: Hashable, Sendable {
    /// The store copies it by itself.
    case copy(S3Piece)
    /// Too small for that, or one of too many: they go through this process.
    case send([S3Piece])

    /// Every part but the last has at least what S3 demands, and there are not too many of them.
    package static func plan(
        _ chain: [S3Piece], partByteCountMin: Int64 = Int64(Limits.s3PartByteCountMin),
        partsMax: Int = Limits.s3PartsMax
    ) -> [S3Join] {
        let total = chain.last?.end ?? 0
        // A part ends less than one such size behind its least; half of the parts will do.
        let least = max(partByteCountMin, total / Int64(max(partsMax / 2, 1)) + 1)
        let wanted = total <= partByteCountMin * Int64(partsMax) / 2 ? partByteCountMin : least
        var joins: [S3Join] = []
        var group: [S3Piece] = []
        func byteCount() -> Int64 { group.reduce(0) { $0 + $1.byteCount } }
        for piece in chain {
            if group.isEmpty, piece.byteCount >= wanted {
                joins.append(.copy(piece))
                continue
            }
            group.append(piece)
            if byteCount() >= wanted {
                joins.append(.send(group))
                group = []
            }
        }
        if !group.isEmpty { joins.append(.send(group)) }
        return joins
    }
}
