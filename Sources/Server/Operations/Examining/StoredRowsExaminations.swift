import Kernel
import Records
import Status
import Storage

// What the server's database holds.
extension ServerExaminations {
    static var database: [ServerExamination] {
        [
            ServerExamination("serverDatabase", "The server's database", look: lookAtDatabase),
            ServerExamination("storedRows", "Records, as they were written", look: lookAtRows),
            ServerExamination("references", "Rows against each other", look: lookAtReferences),
            ServerExamination("usage", "The space that accounts use", look: lookAtUsage),
            ServerExamination("shown", "What is shown, against records", look: lookAtProjections),
        ]
    }

    private static func lookAtDatabase(_ server: ExaminedServer) async throws -> Look {
        guard let file = try server.database.get() as? SQLiteReader else {
            _ = try await server.read { _ = try $0.firstRow("SELECT id FROM server") }
            return Look("PostgreSQL, which checks its own pages")
        }
        let damage = try await file.damage(limit: FindingTable.itemsMax)
        guard let first = damage.first else { return Look("every page, index and key is sound") }
        return Look(
            "it is damaged",
            [Finding(.serverDatabaseDamaged, ["cause": first.asCause], items: damage)])
    }

    // MARK: - Checksums

    private static func lookAtRows(_ server: ExaminedServer) async throws -> Look {
        let damaged = try await DamagedRows.look(in: server.database.get(), server.kernel)
        let count = try await server.read { transaction in
            try transaction.first(
                """
                SELECT (SELECT COUNT(*) FROM record) + (SELECT COUNT(*) FROM retained)
                    + (SELECT COUNT(*) FROM account) + (SELECT COUNT(*) FROM rowSum)
                """)?.int(0) ?? 0
        }
        guard let finding = damaged.finding else {
            return Look("\(EvidenceText.items(count)), by their sums")
        }
        return Look("\(damaged.count) of \(EvidenceText.items(count)) are damaged", [finding])
    }

    static func zones(of server: ExaminedServer) async throws -> [Zone] {
        try await DamagedRows.zones(in: server.database.get(), server.kernel)
    }

    // MARK: - Rows against rows

    private static func lookAtReferences(_ server: ExaminedServer) async throws -> Look {
        let kernel = server.kernel
        var wrong = try await server.read { try kernel.disagreeingHoldings(in: $0) }
        let zones = try await zones(of: server)
        for zone in zones {
            wrong += try await server.read { transaction in
                // As it is now: a commit may have come since.
                guard let zone = try kernel.zone(zone.id, in: transaction) else { return [] }
                return try kernel.disagreements(in: zone, in: transaction)
            }
        }
        guard !wrong.isEmpty else { return Look("\(zones.count) zones, their rows agree") }
        let count = wrong.reduce(0) { $0 + $1.count }
        let tables = Set(wrong.map(\.table)).sorted().joined(separator: ", ")
        return Look(
            "\(EvidenceText.items(count)) do not agree",
            [
                Finding(
                    .storedRowsDisagree, ["items": EvidenceText.items(count), "tables": tables],
                    items: wrong.map { "\($0.table): \($0.count) \($0.what)" })
            ])
    }

    private static func lookAtUsage(_ server: ExaminedServer) async throws -> Look {
        let (kernel, wrong) = (
            server.kernel,
            try await server.read { [kernel = server.kernel] in
                try kernel.miscounts(in: $0)
            }
        )
        let count = try await server.read { try kernel.accounts(in: $0).count }
        guard !wrong.isEmpty else { return Look("\(Self.accounts(count)), counted again") }
        let names = wrong.flatMap(\.accounts)
        return Look(
            "\(wrong.count) sums are wrong",
            [
                Finding(
                    .usageMiscounted,
                    [
                        "accounts": names.prefix(3).joined(separator: ", "),
                        "size": EvidenceText.bytes(wrong.reduce(0) { $0 + $1.byteCount }),
                    ], items: names)
            ])
    }

    private static func accounts(_ count: Int) -> String {
        count == 1 ? "1 account" : "\(count) accounts"
    }

    // MARK: - Projections

    /// In a copy, which is thrown away: what is shown is made anew there and compared.
    private static func lookAtProjections(_ server: ExaminedServer) async throws -> Look {
        guard server.isDeep else { return .notPossible("--deep compares them") }
        guard let file = try server.database.get() as? SQLiteReader else {
            return .notPossible("with PostgreSQL nothing is written to compare them")
        }
        let path = server.place.workFolder + "/examined-\(server.now.milliseconds).sqlite"
        defer { for end in ["", "-wal", "-shm"] { try? PlainFiles.remove(path + end) } }
        let byteCount = try PlainFiles.byteCount(server.place.folder + "/database.sqlite") ?? 0
        let free = try PlainFiles.freeByteCount(server.place.workFolder)
        guard free > byteCount * 2 + Limits.diskReserveByteCount else {
            return .notPossible("there is no room for a copy of the database")
        }
        try file.copy(to: path)
        let copy = try SQLiteDatabase(path: path, migrations: server.migrations)
        var wrong: Set<String> = []
        for zone in try await zones(of: server) {
            wrong.formUnion(
                try await copy.write { [kernel = server.kernel] transaction in
                    try kernel.wrongProjections(of: zone, in: transaction)
                })
        }
        try copy.close()
        guard !wrong.isEmpty else { return Look("made anew in a copy: the same") }
        let tables = wrong.sorted()
        return Look(
            "\(tables.count) tables differ",
            [
                Finding(
                    .shownWrongly, ["tables": tables.joined(separator: ", ")], items: tables)
            ])
    }
}
