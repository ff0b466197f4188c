import Accounts
import Kernel
import Storage

/// Judges the rows of a damaged database by their sums.
struct RowProofs {
    enum Verdict: Hashable {
        case proven([SQLValue])
        /// One bit was another; now it is right.
        case corrected([SQLValue])
        /// Its own sum is among what cannot be read.
        case unproven([SQLValue])
        case damaged
    }

    private static let summing = Set(["record", "retained", "account"])

    /// By the table's name and the key's bytes.
    private var sums: [String: [[UInt8]: Int64]] = [:]
    private let areWhole: Bool
    private let tables = Dictionary(
        uniqueKeysWithValues: SummedTable.all.map { ($0.table.rawValue, $0) })

    init(_ salvage: SQLiteSalvage) {
        let cursor = salvage.rows(
            of: SchemaTable(
                name: "rowSum", columns: ["tableName", "key", "crc"], key: ["tableName", "key"]))
        while let row = cursor.next() {
            guard case .text(let table)? = row[0].value, case .blob(let key) = row[1],
                case .integer(let sum) = row[2]
            else { continue }
            sums[table, default: [:]][key] = sum
        }
        areWhole = cursor.isWhole && !sums.isEmpty
    }

    func judge(_ row: [StoredValue], of table: SchemaTable) -> Verdict {
        if Self.summing.contains(table.name) { return judgeSumming(row) }
        if let summed = tables[table.name] { return judge(row, of: table, summed) }
        return Self.values(row).map(Verdict.proven) ?? .damaged
    }

    private static func values(_ row: [StoredValue]) -> [SQLValue]? {
        let values = row.compactMap(\.value)
        return values.count == row.count ? values : nil
    }

    /// The row's last column is the sum of the others.
    private func judgeSumming(_ row: [StoredValue]) -> Verdict {
        guard case .integer(let sum)? = row.last,
            let right = RowCorrection(Array(row.dropLast()), sum: sum),
            let values = Self.values(right.values + [.integer(right.sum)])
        else { return .damaged }
        return right.values == Array(row.dropLast()) && right.sum == sum
            ? .proven(values) : .corrected(values)
    }

    private func judge(
        _ row: [StoredValue], of table: SchemaTable, _ summed: SummedTable
    ) -> Verdict {
        let places = summed.summed.compactMap { name in
            table.columns.firstIndex(of: name.filter { $0 != "\"" })
        }
        let part = places.map { row[$0] }
        guard let right = proof(of: part, summed) else {
            guard !areWhole, !hasSum(part, summed), let values = Self.values(row) else {
                return .damaged
            }
            return .unproven(values)
        }
        var whole = row
        for (place, value) in zip(places, right) { whole[place] = value }
        guard let values = Self.values(whole) else { return .damaged }
        return right == part ? .proven(values) : .corrected(values)
    }

    private func hasSum(_ part: [StoredValue], _ summed: SummedTable) -> Bool {
        guard let values = Self.values(part) else { return false }
        return sums[summed.table.rawValue]?[summed.keyBytes(values)] != nil
    }

    /// By its own sum, or by one that would be its own if the key of either had not been damaged.
    private func proof(of part: [StoredValue], _ summed: SummedTable) -> [StoredValue]? {
        let known = sums[summed.table.rawValue] ?? [:]
        if let values = Self.values(part), let sum = known[summed.keyBytes(values)] {
            return RowCorrection(part, sum: sum)?.values
        }
        for (key, sum) in known {
            guard let right = RowCorrection(part, sum: sum) else { continue }
            let isSame = right.values == part && right.sum == sum
            if isSame || Self.values(right.values).map(summed.keyBytes) == key {
                return right.values
            }
        }
        return nil
    }
}
