import Kernel
import Records
import Storage
import TestSupport
import Testing

/// Servers that share a PostgreSQL database, and one zone.
@Suite struct SeveralServersTests {
    private let folder: TemporaryFolder
    private let servers: [PostgresDatabase]
    private let kernel = Kernel(randomNumber: Numbers(7).next)
    private let account = AccountID(high: 1, low: 1)
    private let now = Timestamp(milliseconds: 1_763_700_000_000)

    init() throws {
        let folder = try TemporaryFolder()
        self.folder = folder
        servers = try (0..<2).map { _ in
            try TestDatabase.openPostgres(folder.file("db"), migrations: Kernel.migrations)
        }
    }

    private func makeZone() async throws -> ZoneID {
        try await servers[0].write { [kernel, account, now] transaction in
            try kernel.prepare(at: now, in: transaction)
            try kernel.createAccount(
                account, name: "anna", quotaByteCount: nil, at: now, in: transaction)
            return try kernel.zones(of: account, in: transaction)[1].id
        }
    }

    private func commit(
        _ number: UInt64, to zone: ZoneID, at server: Int
    ) async throws -> CommitReceipt {
        try await kernel.commit(
            [ChangeGroup(id: group(number), changes: [RecordChange(key: album(number))])],
            to: zone, by: Actor(account: account, device: DeviceID(high: 2, low: 2)), at: now,
            database: servers[server])
    }

    @Test func `commits to one zone are all saved, without gaps, in one order`() async throws {
        let zone = try await makeZone()
        let count: UInt64 = 60
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                group.addTask {
                    let receipt = try await commit(number, to: zone, at: Int(number % 2))
                    #expect(receipt.results.map(\.status) == [.saved])
                }
            }
            try await group.waitForAll()
        }
        for server in servers {
            let page = try await kernel.changes(
                in: zone, for: account, after: nil, limit: 100, at: now, database: server)
            #expect(page.records.map(\.envelope.sequence) == Array(1...Int64(count)))
            #expect(Set(page.records.map(\.key)) == Set((0..<count).map(album)))
            #expect(page.token.sequence == Int64(count))
        }
    }

    @Test func `the same group sent to both at once is saved once`() async throws {
        let zone = try await makeZone()
        for number in 0..<10 as Range<UInt64> {
            async let first = commit(number, to: zone, at: 0)
            async let second = commit(number, to: zone, at: 1)
            let results = try await [first, second].flatMap(\.results)
            #expect(results.map(\.status) == [.saved, .saved])
            #expect(results[0].sequence == results[1].sequence)
        }
        let page = try await kernel.changes(
            in: zone, for: account, after: nil, limit: 100, at: now, database: servers[0])
        #expect(page.token.sequence == 10)
    }
}
