import Accounts
import Kernel
import Records
import Status
import Storage

/// Looks at every row that has a sum: for the doctor, at the end of a scrub, and for alerts.
struct DamagedRows: Sendable {
    private(set) var count = 0
    private(set) var tables: Set<String> = []
    /// The first of them; memory stays bounded where a whole table is damaged.
    private(set) var first: [DamagedRow] = []

    private mutating func add(_ rows: [DamagedRow]) {
        count += rows.count
        tables.formUnion(rows.map(\.table.rawValue))
        first += rows.prefix(FindingTable.itemsMax - first.count)
    }

    /// Those whose sums are not theirs.
    ///
    /// Changes nothing; no read is long, and between two of them others get their turn: `rest` is
    /// called.
    static func look(
        in database: any Database, _ kernel: Kernel,
        rest: @Sendable () async throws -> Void = {}
    ) async throws -> DamagedRows {
        var damaged = DamagedRows()
        for zone in try await zones(in: database, kernel) {
            try await damaged.addPages(rest) { after in
                try await database.read { transaction in
                    try kernel.examineRecords(
                        in: zone.id, after: after, limit: Limits.examinedRowsPerReadMax,
                        in: transaction)
                }
            }
            try await damaged.addPages(rest) { after in
                try await database.read { transaction in
                    try kernel.examineRetained(
                        in: zone.id, after: after, limit: Limits.examinedRowsPerReadMax,
                        in: transaction)
                }
            }
        }
        damaged.add(
            try await database.read { transaction -> [DamagedRow] in
                var damaged = try kernel.examineAccounts(in: transaction)
                for table in SummedTable.all { damaged += try table.damaged(in: transaction) }
                return damaged
            })
        return damaged
    }

    /// What the doctor and alerts say of them; `nil` when there are none.
    var finding: Finding? {
        guard count > 0 else { return nil }
        return Finding(
            .storedRowsDamaged,
            [
                "items": EvidenceText.items(count),
                "tables": tables.sorted().joined(separator: ", "),
            ], items: first.map(\.name))
    }

    static func zones(in database: any Database, _ kernel: Kernel) async throws -> [Zone] {
        try await database.read { transaction in
            try transaction.all("SELECT id FROM zone ORDER BY id").compactMap {
                try kernel.zone($0.identifier(0), in: transaction)
            }
        }
    }

    private mutating func addPages(
        _ rest: @Sendable () async throws -> Void,
        _ page: (Int64) async throws -> RowExamination
    ) async throws {
        var next: Int64? = 0
        while let after = next {
            let found = try await page(after)
            add(found.damaged)
            // A number that is damaged itself must not lead back.
            next = found.next.flatMap { $0 > after ? $0 : nil }
            if next != nil { try await rest() }
        }
    }
}

extension DamagedRow {
    /// For people.
    package var name: String {
        if let word = table.word {
            return owners.isEmpty ? word : "\(word) of \(owners.joined(separator: ", "))"
        }
        let subject = key.map { "\($0.type.rawValue) \($0.id)" } ?? account.map { "\($0)" } ?? ""
        return "\(table.rawValue) \(subject)"
    }
}

extension DamagedRow.Table {
    /// For people; `nil` of those that are named by what they are.
    package var word: String? {
        switch self {
        case .record, .retained, .account: nil
        case .server: "the server's row"
        case .pool: "quota"
        case .zone: "zone"
        case .credential: "password"
        case .appPassword: "app password"
        case .device: "device"
        case .deniedService: "a service that is switched off"
        case .storagePlan: "plan"
        case .poolPlan: "the plan"
        }
    }
}

extension Limits {
    /// A read that is longer keeps the database's log from being cut.
    static let examinedRowsPerReadMax = 5_000
}
