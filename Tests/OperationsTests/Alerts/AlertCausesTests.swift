import Accounts
import Foundation
import Kernel
import Logging
import Operations
import Records
import Status
import Storage
import TestSupport
import Testing

/// What is worth an alert, from rows as a server keeps them.
@Suite struct AlertCausesTests {
    private static let migrations =
        Kernel.migrations + AccountsSchema.migrations + OperationsSchema.migrations
        + AccountsSchema.laterMigrations + OperationsSchema.laterMigrations

    private let folder: TemporaryFolder
    private let database: any Database
    private let clock = TestClock(milliseconds: 1_790_000_000_000)
    private let numbers = TestNumbers()

    init() throws {
        folder = try TemporaryFolder()
        database = try TestDatabase.open(folder.file("db"), migrations: Self.migrations)
    }

    private func causes(certificateEndsAt: Timestamp? = nil) throws -> AlertCauses {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let (database, clock, numbers, path) = (database, clock, numbers, folder.path)
        let store = try DirectoryObjectStore(
            path: folder.file("blobs"), randomNumber: numbers.next)
        let monitor = ServiceMonitor(
            database: database, store: store,
            surroundings: ServiceMonitor.Surroundings(
                now: clock.read, monotonicMilliseconds: { clock.read().milliseconds },
                clock: ContinuousClock(), randomBytes: numbers.bytes), logger: logger)
        return AlertCauses(
            monitor: monitor, certificateEndsAt: certificateEndsAt, now: clock.read,
            examined: {
                ExaminedServer(
                    place: ExaminedServer.Place(
                        folder: path, manifest: path + "/manifest.jsonl", workFolder: path,
                        holder: nil), database: .success(database), store: .success(store),
                    kernel: Kernel(randomNumber: numbers.next), migrations: Self.migrations,
                    surroundings: ExaminedServer.Surroundings(
                        now: clock.read, monotonicMilliseconds: { clock.read().milliseconds },
                        clock: ContinuousClock()),
                    isDeep: false)
            })
    }

    private func codes(_ look: AlertLook) -> Set<String> { Set(look.sightings.map(\.code)) }

    /// A device of `anna` that was heard of so many days ago.
    private func addDevice(
        _ name: String, daysAgo: Int64, isBrowser: Bool = false, isSignedIn: Bool = true,
        state: String? = nil
    ) async throws {
        let (now, number) = (clock.read(), numbers.next())
        let kernel = Kernel(randomNumber: numbers.next)
        let id = SQLValue.blob(numbers.bytes(16))
        try await database.write { transaction in
            let anna = AccountID(high: 7, low: 7)
            let account = SQLValue(anna)
            if try transaction.firstRow("SELECT 1 FROM account") == nil {
                try kernel.prepare(at: now, in: transaction)
                try kernel.createAccount(
                    anna, name: "anna", quotaByteCount: nil, at: now, in: transaction)
            }
            try transaction.execute(
                """
                INSERT INTO credential (account, name, nameKey, password, changedAt)
                VALUES (?, 'anna', 'anna', 'x', 0) ON CONFLICT (account) DO NOTHING
                """, [account])
            let heardAt = SQLValue(now.adding(seconds: -daysAgo * 86_400))
            try transaction.execute(
                """
                INSERT INTO device (account, id, name, isBrowser, token, signedInAt, heardAt)
                VALUES (?, ?, ?, ?, ?, 0, ?)
                """,
                [
                    account, id, .text(name), SQLValue(isBrowser),
                    isSignedIn ? .blob(Hexadecimal.bytes(of: number)) : .null, heardAt,
                ])
            if let state {
                try transaction.execute(
                    """
                    INSERT INTO deviceState (account, device, state, reportedAt, requestCount)
                    VALUES (?, ?, ?, ?, 0)
                    """, [account, id, .text(state), heardAt])
            }
        }
    }

    @Test func `a device that is silent for longer than was said is told of, by name`()
        async throws
    {
        try await addDevice("laptop", daysAgo: 13)
        try await addDevice("phone", daysAgo: 14)
        try await addDevice("old browser", daysAgo: 40, isBrowser: true)
        try await addDevice("sold", daysAgo: 40, isSignedIn: false)
        let causes = try causes()
        let silent = try await causes.look(silentDays: 14).sightings.filter {
            $0.code == "deviceSilent"
        }
        #expect(
            silent.map(\.message) == [
                "The device phone of anna was last heard from on 2026-09-07 14:13 UTC."
            ])
        #expect(try await !codes(causes.look(silentDays: nil)).contains("deviceSilent"))
        #expect(
            try await causes.look(silentDays: 13).sightings.count { $0.code == "deviceSilent" } == 2
        )
    }

    @Test func `a device that waits for a person is told of without its pictures' names`()
        async throws
    {
        let status = LibraryStatus(
            state: .attention,
            reasons: [
                Reason(
                    code: .heldForConfirmation, message: "secret.jpg and 40 more would be deleted",
                    since: clock.read(), clearsWhen: "you answer", fix: nil)
            ])
        let state = String(
            decoding: try JSONEncoder().encode(["status": status]), as: UTF8.self)
        try await addDevice("laptop", daysAgo: 0, state: state)
        try await addDevice("phone", daysAgo: 0, state: "no JSON at all")
        let waiting = try await causes().look(silentDays: 14).sightings.filter {
            $0.code == "deviceNeedsAttention"
        }
        #expect(
            waiting.map(\.message) == [
                "The device laptop of anna waits for a person: heldForConfirmation."
            ]
        )
    }

    @Test func `a certificate is told of two weeks before its end`() async throws {
        let end = clock.read().adding(seconds: 14 * 86_400 + 1)
        let causes = try causes(certificateEndsAt: end)
        #expect(try await !codes(causes.look(silentDays: nil)).contains("certificateEnding"))
        clock.advance(seconds: 1)
        #expect(try await codes(causes.look(silentDays: nil)).contains("certificateEnding"))
    }

    @Test func `a channel that fails for a day is told of with its name`()
        async throws
    {
        let now = clock.read()
        try await database.write { transaction in
            _ = try transaction.execute(
                """
                INSERT INTO alertChannel (name, kind, settings, addedAt, attempts, nextTryAt,
                    failingSince, error)
                VALUES ('mail', 'mail', '{}', 0, 9, 0, ?, 'No.')
                """, [SQLValue(now.adding(seconds: -86_400))])
        }
        let causes = try causes()
        let look = try await causes.look(silentDays: nil)
        let failing = look.sightings.first { $0.code == "alertChannelFailing" }
        #expect(failing?.subject == "mail")
        #expect(failing?.source == "doctor alerts")
        #expect(look.sources.isSuperset(of: ["devices", "certificate", "doctor alerts"]))
    }

    private func write(_ sql: String) async throws {
        try await database.write { _ = try $0.execute(sql) }
    }

    @Test func `a row that is not what was written is told of within a day, until it is mended`()
        async throws
    {
        try await addDevice("laptop", daysAgo: 0)
        try await database.write { try RowSums.sealNew(SummedTable.all, in: $0) }
        let causes = try causes()
        let sound = try await causes.look(silentDays: nil)
        #expect(!codes(sound).contains("storedRowsDamaged"))
        #expect(sound.sources.contains("doctor storedRows"))
        try await write("UPDATE credential SET password = 'y'")
        // All rows are read once a day, not with every look.
        clock.advance(seconds: 86_399)
        #expect(try await !codes(causes.look(silentDays: nil)).contains("storedRowsDamaged"))
        clock.advance(seconds: 1)
        let damaged = try await causes.look(silentDays: nil).sightings.first {
            $0.code == "storedRowsDamaged"
        }
        #expect(damaged?.message.contains("credential") == true, "\(damaged?.message ?? "")")
        #expect(damaged?.advice?.contains("martlet doctor --server --fix") == true)
        try await write("UPDATE credential SET password = 'x'")
        clock.advance(seconds: 3_599)
        #expect(try await codes(causes.look(silentDays: nil)).contains("storedRowsDamaged"))
        clock.advance(seconds: 1)
        let mended = try await causes.look(silentDays: nil)
        #expect(!codes(mended).contains("storedRowsDamaged"))
        #expect(mended.sources.contains("doctor storedRows"))
    }

    @Test func `a server that starts looks at its rows at once`() async throws {
        try await addDevice("laptop", daysAgo: 0)
        try await database.write { try RowSums.sealNew(SummedTable.all, in: $0) }
        try await write("UPDATE device SET name = 'other'")
        #expect(try await codes(causes().look(silentDays: nil)).contains("storedRowsDamaged"))
    }
}
