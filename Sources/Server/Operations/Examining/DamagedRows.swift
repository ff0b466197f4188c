import Accounts
import Kernel
import Records
import Storage

/// Looks at every row that has a sum, for the doctor and at the end of a scrub.
enum DamagedRows {
    /// Those whose sums are not theirs.
    ///
    /// Changes nothing; no read is long.
    static func all(in database: any Database, _ kernel: Kernel) async throws -> [DamagedRow] {
        var damaged: [DamagedRow] = []
        for zone in try await zones(in: database, kernel) {
            damaged += try await pages { after in
                try await database.read { transaction in
                    try kernel.examineRecords(
                        in: zone.id, after: after, limit: Limits.examinedRowsPerReadMax,
                        in: transaction)
                }
            }
            damaged += try await pages { after in
                try await database.read { transaction in
                    try kernel.examineRetained(
                        in: zone.id, after: after, limit: Limits.examinedRowsPerReadMax,
                        in: transaction)
                }
            }
        }
        damaged += try await database.read { transaction -> [DamagedRow] in
            var damaged = try kernel.examineAccounts(in: transaction)
            for table in SummedTable.all { damaged += try table.damaged(in: transaction) }
            return damaged
        }
        return damaged
    }

    static func zones(in database: any Database, _ kernel: Kernel) async throws -> [Zone] {
        try await database.read { transaction in
            try transaction.all("SELECT id FROM zone ORDER BY id").compactMap {
                try kernel.zone($0.identifier(0), in: transaction)
            }
        }
    }

    private static func pages(
        _ page: (Int64) async throws -> RowExamination
    ) async throws -> [DamagedRow] {
        var damaged: [DamagedRow] = []
        var next: Int64? = 0
        while let after = next {
            let found = try await page(after)
            damaged += found.damaged
            // A number that is damaged itself must not lead back.
            next = found.next.flatMap { $0 > after ? $0 : nil }
        }
        return damaged
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
