import Kernel
import Records
import Storage
import Testing

/// The sums of rows that follow from nothing else.
@Suite struct RowSumTests {
    private let tables = [SummedTable.server, .pool, .zone]

    private func damaged(_ world: World) throws -> [String] {
        try tables.flatMap { try $0.damaged(in: world.transaction) }
            .map { "\($0.table.rawValue) of \($0.owners.joined(separator: "+"))" }
    }

    @Test(arguments: [
        ("UPDATE pool SET quotaByteCount = 7 WHERE id = ?", "pool of anna"),
        ("UPDATE zone SET idKey = owner WHERE id = ?", "zone of anna"),
        ("UPDATE zone SET kind = 'drive' WHERE id = ?", "zone of anna"),
        ("UPDATE zone SET createdAt = createdAt + 1 WHERE id = ?", "zone of anna"),
    ])
    func `a row that is not what was written is found`(sql: String, name: String) async throws {
        try await inWorld { world in
            try RowSums.sealNew(tables, in: world.transaction)
            #expect(try damaged(world).isEmpty)
            let id =
                name.hasPrefix("pool")
                ? SQLValue(try world.kernel.pool(of: world.anna.account, in: world.transaction))
                : SQLValue(world.anna.photos)
            try world.transaction.execute(sql, [id])
            #expect(try damaged(world) == [name])
        }
    }

    @Test(arguments: ["epoch = epoch + 1", "day = 40", "id = ?"])
    func `the server's own row is summed`(change: String) async throws {
        try await inWorld { world in
            try RowSums.sealNew(tables, in: world.transaction)
            let arguments: [SQLValue] = change.contains("?") ? [.blob([1])] : []
            try world.transaction.execute("UPDATE server SET \(change)", arguments)
            #expect(try damaged(world) == ["server of itself"])
        }
    }

    @Test func `whatever the kernel writes keeps its sum`() async throws {
        try await inWorld { world in
            let (kernel, transaction) = (world.kernel, world.transaction)
            try RowSums.sealNew(tables, in: transaction)
            try world.upload("a")
            try world.commit(RecordChange(key: asset(1), setBlobs: ["original": blob("a")]))
            try kernel.setQuota(5_000, account: world.anna.account, in: transaction)
            try kernel.joinPool(
                of: world.anna.account, account: world.bert.account, in: transaction)
            try kernel.leavePool(
                account: world.bert.account, quotaByteCount: 3, in: transaction)
            try kernel.recount(poolOf: world.anna.account, in: transaction)
            try kernel.createZone(
                ZoneID(high: 5, low: 5), kind: "drive", owner: world.anna.account, at: world.now,
                in: transaction)
            try kernel.beginEpoch(above: Epoch(rawValue: 4), at: world.now, in: transaction)
            #expect(try damaged(world).isEmpty)
            try kernel.removeAccount(world.bert.account, at: world.now, in: transaction)
            #expect(try damaged(world).isEmpty)
            // None is left behind.
            let counts = try transaction.rows(
                """
                SELECT (SELECT COUNT(*) FROM rowSum WHERE tableName <> ''),
                    1 + (SELECT COUNT(*) FROM pool) + (SELECT COUNT(*) FROM zone)
                """)
            #expect(counts[0][0] == counts[0][1])
        }
    }

    @Test func `rows from before there were sums get theirs once, and keep them`() async throws {
        try await inWorld { world in
            let (kernel, transaction) = (world.kernel, world.transaction)
            try transaction.execute("DELETE FROM rowSum")
            #expect(try damaged(world).isEmpty, "nothing is known of them")
            try RowSums.sealNew(tables, in: transaction)
            #expect(try damaged(world).isEmpty)
            try transaction.execute("UPDATE pool SET quotaByteCount = 1")
            // Another start doesn't take the damage for the truth.
            try RowSums.sealNew(tables, in: transaction)
            #expect(try damaged(world).count == 2)
            try kernel.setQuota(9, account: world.anna.account, in: transaction)
            #expect(try damaged(world) == ["pool of bert"])
        }
    }

    @Test func `a row whose key is another is found`() async throws {
        try await inWorld { world in
            try RowSums.sealNew(tables, in: world.transaction)
            try world.transaction.execute(
                "INSERT INTO pool (id, usedByteCount) VALUES (?, 0)", [.blob([1, 2, 3])])
            #expect(try damaged(world) == ["pool of "])
        }
    }
}
