/// One range of a representation (RFC 9110, section 14).
enum ByteRange: Hashable {
    /// No range, one of another unit, or several: the whole is sent.
    case whole
    case part(Range<Int64>)
    /// 416.
    case unsatisfiable

    /// Reads a `Range` header for a representation of `byteCount` bytes.
    init(_ header: String?, byteCount: Int64) {
        guard let header, let equals = header.firstIndex(of: "="),
            header[..<equals].lowercased() == "bytes"
        else {
            self = .whole
            return
        }
        let specification = header[header.index(after: equals)...]
        let ends = specification.split(separator: "-", omittingEmptySubsequences: false)
            .map { $0.filter { $0 != " " && $0 != "\t" } }
        guard ends.count == 2, !ends.contains(where: { $0.contains(",") }),
            ends.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } })
        else {
            self = .whole
            return
        }
        // A number too large for Int64 lies behind every end.
        let first = ends[0].isEmpty ? nil : Int64(ends[0]) ?? .max
        let last = ends[1].isEmpty ? nil : Int64(ends[1]) ?? .max
        self = Self.resolve(first, last, byteCount: byteCount)
    }

    private static func resolve(_ first: Int64?, _ last: Int64?, byteCount: Int64) -> ByteRange {
        switch (first, last) {
        case (nil, nil):
            return .whole
        case (nil, .some(let suffix)):
            guard suffix > 0, byteCount > 0 else { return .unsatisfiable }
            return .part(max(0, byteCount - suffix)..<byteCount)
        case (.some(let first), let last):
            if let last, last < first { return .whole }
            guard first < byteCount else { return .unsatisfiable }
            return .part(first..<min(byteCount, (last ?? byteCount - 1) + (last == .max ? 0 : 1)))
        }
    }
}
