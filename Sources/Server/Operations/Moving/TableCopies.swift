import Records
import Storage

/// What a table holds: equal for two tables with the same rows, in whatever database.
struct TableSummary: Hashable, Sendable {
    private(set) var rowCount = 0
    private var hasher = Digest.Hasher()

    /// Of all rows so far, in their order.
    var digest: Digest { hasher.digest() }

    /// For each column a tag (0 NULL, 1 integer, 2 real, 3 text, 4 blob), then 8 bytes, or a length
    /// of 8 bytes and the bytes; numbers big-endian.
    mutating func add(_ row: SQLRow) {
        var bytes: [UInt8] = []
        func append(_ tag: UInt8, _ number: UInt64) {
            bytes.append(tag)
            withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
        }
        for value in row.values {
            switch value {
            case .null: bytes.append(0)
            case .integer(let number): append(1, UInt64(bitPattern: number))
            case .real(let number): append(2, number.bitPattern)
            case .text(let text):
                append(3, UInt64(text.utf8.count))
                bytes.append(contentsOf: text.utf8)
            case .blob(let blob):
                append(4, UInt64(blob.count))
                bytes.append(contentsOf: blob)
            }
        }
        hasher.update(bytes)
        rowCount += 1
    }

    static func == (left: Self, right: Self) -> Bool {
        left.rowCount == right.rowCount && left.digest == right.digest
    }

    func hash(into hasher: inout Hasher) { hasher.combine(digest) }
}

/// Copies tables from one database into another, a page of rows in a transaction.
///
/// Rows go in the order of their keys, so that what is there already is a beginning: interrupted,
/// it goes on behind the last row.
struct TableCopies: Sendable {
    let source: any Database
    let target: any Database
    /// Those that others refer to stand before them.
    let tables: [SchemaTable]

    func run(_ progress: (Int) -> Void) async throws {
        var count = 0
        for table in tables {
            // What comes behind it while the rows are copied would keep this from ever ending.
            let end = try await source.read { try table.lastKey(in: $0) }
            var key = try await target.read { try table.lastKey(in: $0) }
            while key != end {
                let after = key
                let rows = try await source.read { try table.page(after: after, in: $0) }
                guard let last = rows.last else { break }
                try await target.write { try table.insert(rows, in: $0) }
                key = table.key(of: last)
                count += rows.count
                progress(count)
            }
        }
    }

    /// Leaves none of their rows in the target.
    func empty() async throws {
        for table in tables.reversed() {
            guard try await target.read({ try table.lastKey(in: $0) }) != nil else { continue }
            try await target.write { try table.removeAll(in: $0) }
        }
    }

    /// The tables that are not the same in both, and how many rows there are in the target.
    func compare(
        _ progress: (Int) -> Void
    ) async throws -> (different: [String], rowCount: Int) {
        var different: [String] = []
        var count = 0
        for table in tables {
            let before = count
            let there = try await Self.summary(of: table, in: target) { progress(before + $0) }
            let here = try await Self.summary(of: table, in: source) { _ in }
            if here != there { different.append(table.name) }
            count += there.rowCount
        }
        return (different, count)
    }

    private static func summary(
        of table: SchemaTable, in database: any Database, _ progress: (Int) -> Void
    ) async throws -> TableSummary {
        var summary = TableSummary()
        var key: [SQLValue]?
        while true {
            let after = key
            let rows = try await database.read { try table.page(after: after, in: $0) }
            guard let last = rows.last else { return summary }
            for row in rows { summary.add(row) }
            key = table.key(of: last)
            progress(summary.rowCount)
        }
    }
}
