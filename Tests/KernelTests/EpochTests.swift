import Kernel
import Records
import Storage
import TestSupport
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A server that was put back to an earlier state finds out by what its devices know.
@Suite struct EpochTests {
    @Test func `a token ahead of the head proves a rollback`() async throws {
        try await inWorld { world in
            try world.commit(RecordChange(key: album(1)))
            let before = try world.changes().token
            let ahead = ChangeToken(epoch: before.epoch, sequence: 2, stamp: 5)
            #expect(code { _ = try world.changes(after: ahead) } == .serverRolledBack)
            #expect(
                try world.kernel.beginEpoch(
                    provenBy: ahead, zone: world.anna.photos, at: world.now,
                    in: world.transaction))
            let state = try world.kernel.serverState(in: world.transaction)
            #expect(state.epoch.rawValue == 2 && state.newEpochAt == world.now)
            for old in [before, ahead] {
                #expect(code { _ = try world.changes(after: old) } == .changeTokenExpired)
            }
            // The second device that brings a proof finds it done.
            #expect(
                try !world.kernel.beginEpoch(
                    provenBy: ahead, zone: world.anna.photos, at: world.now,
                    in: world.transaction))
            let list = try world.changes()
            #expect(list.token.epoch.rawValue == 2 && list.token.sequence == 1)
            #expect(list.records.map(\.envelope.sequence) == [1])
            #expect(try world.changes(after: list.token).records.isEmpty)
            let bert = try world.kernel.zones(of: world.bert.account, in: world.transaction)
            #expect(bert.allSatisfy { $0.epoch.rawValue == 2 })
        }
    }

    @Test func `a token with another stamp proves that history went on differently`() async throws {
        try await inWorld { world in
            for number in 1...3 as ClosedRange<UInt64> {
                try world.commit(RecordChange(key: album(number)))
            }
            let token = try world.changes(limit: 2).token
            #expect(code { _ = try world.changes(after: token) } == nil)
            for sequence in [2, 3] as [Int64] {
                let other = ChangeToken(
                    epoch: token.epoch, sequence: sequence, stamp: token.stamp ^ 1)
                #expect(code { _ = try world.changes(after: other) } == .serverRolledBack)
            }
        }
    }

    @Test(arguments: Place.allCases)
    func `a reader between two pages has seen the head, and proves that it is gone`(
        place: Place
    ) async throws {
        try await inWorld(place) { world in
            for number in 1...3 as ClosedRange<UInt64> {
                try world.commit(RecordChange(key: album(number)))
            }
            _ = try world.transaction.change("SAVEPOINT earlier", [])
            try world.commit(
                RecordChange(
                    key: album(1), base: try world.base(album(1)), set: ["a": .integer(1)]))
            let first = try world.changes(limit: 2)
            #expect(first.more && first.records.map(\.key) == [album(2), album(3)])
            let rest = try world.changes(after: first.token)
            #expect(!rest.more && rest.records.map(\.key) == [album(1)])
            // Later commits take nothing from the proof.
            try world.commit(RecordChange(key: album(4)))
            #expect(try world.changes(after: first.token).records.count == 2)
            // The first album is again what the reader has not seen, and before its token.
            _ = try world.transaction.change("ROLLBACK TO SAVEPOINT earlier", [])
            #expect(code { _ = try world.changes(after: first.token) } == .serverRolledBack)
        }
    }

    @Test func `a base ahead of the head proves it too, and nothing is changed`() async throws {
        try await inWorld { world in
            try world.commit(RecordChange(key: album(1)))
            let epoch = world.zone.epoch
            let bases = [
                Base(epoch: epoch, sequence: 2),
                Base(epoch: Epoch(rawValue: epoch.rawValue + 1), sequence: 1),
            ]
            for base in bases {
                let thrown = code {
                    try world.commit(
                        RecordChange(key: album(1), base: base), RecordChange(key: album(2)))
                }
                #expect(thrown == .serverRolledBack)
                #expect(try world.record(album(2)) == nil)
            }
        }
    }

    @Test func `a token from far above is a forgery, not a proof`() async throws {
        try await inWorld { world in
            let far = Epoch(rawValue: world.zone.epoch.rawValue + Limits.epochLeapMax + 1)
            let token = ChangeToken(epoch: far, sequence: 1, stamp: 1)
            #expect(code { _ = try world.changes(after: token) } == .changeTokenExpired)
            let near = ChangeToken(
                epoch: Epoch(rawValue: far.rawValue - 1), sequence: 1, stamp: 1)
            #expect(code { _ = try world.changes(after: near) } == .serverRolledBack)
        }
    }

    @Test func `after a new epoch the device that had read further wins`() async throws {
        try await inWorld { world in
            try world.commit(RecordChange(key: album(1), set: ["title": .string("restored")]))
            let before = world.zone.epoch
            try world.kernel.beginEpoch(above: before, at: world.now, in: world.transaction)
            let listed = try world.base(album(1))
            func send(_ title: String, had sequence: Int64) throws -> GroupResult {
                try world.commit(
                    RecordChange(
                        key: album(1), base: listed,
                        derivedFrom: Base(epoch: before, sequence: sequence),
                        set: ["title": .string(title)]))
            }
            #expect(try send("seen 5", had: 5).status == .saved)
            let lower = try send("seen 3", had: 3)
            #expect(lower.status == .recordChanged)
            #expect(lower.records[0].envelope.derivedFrom == Base(epoch: before, sequence: 5))
            #expect(try send("seen 5 too", had: 5).status == .recordChanged)
            #expect(try send("seen 9", had: 9).status == .saved)
            #expect(try world.record(album(1))?.fields?["title"] == .string("seen 9"))
        }
    }

    @Test func `what the list lacks is sent again as new`() async throws {
        try await inWorld { world in
            let before = world.zone.epoch
            try world.kernel.beginEpoch(above: before, at: world.now, in: world.transaction)
            let result = try world.commit(
                RecordChange(key: album(4), derivedFrom: Base(epoch: before, sequence: 8)))
            #expect(result.status == .saved)
        }
    }

    @Test func `a database that was put back is found by the first device that asks`() async throws
    {
        let folder = try TemporaryFolder()
        let kernel = Kernel(randomNumber: Numbers(7).next)
        let account = AccountID(high: 1, low: 1)
        let phone = Actor(account: account, device: DeviceID(high: 2, low: 2))
        let now = Timestamp(milliseconds: 1_763_700_000_000)
        func open() throws -> SQLiteDatabase {
            try SQLiteDatabase(path: folder.file("db"), migrations: Kernel.migrations)
        }
        func commit(_ number: UInt64, _ database: SQLiteDatabase, _ zone: ZoneID) async throws {
            _ = try await kernel.commit(
                [ChangeGroup(id: group(number), changes: [RecordChange(key: album(number))])],
                to: zone, by: phone, at: now, database: database)
        }
        var database = try open()
        let zone = try await database.write { transaction in
            try kernel.prepare(at: now, in: transaction)
            try kernel.createAccount(
                account, name: "anna", quotaByteCount: nil, at: now, in: transaction)
            return try kernel.zones(of: account, in: transaction)[1].id
        }
        try await commit(1, database, zone)
        try database.close()
        try FileManager.default.copyItem(
            atPath: folder.file("db"), toPath: folder.file("backup"))

        database = try open()
        try await commit(2, database, zone)
        let token = try await kernel.changes(
            in: zone, for: account, after: nil, limit: 10, at: now, database: database
        ).token
        try database.close()

        // The copy is put back, and goes on differently up to the same number.
        try FileManager.default.removeItem(atPath: folder.file("db"))
        try FileManager.default.moveItem(atPath: folder.file("backup"), toPath: folder.file("db"))
        database = try open()
        try await commit(3, database, zone)
        for attempt in 1...2 {
            let error = await #expect(throws: KernelError.self) {
                _ = try await kernel.encodedChanges(
                    in: zone, for: account, after: token, limit: 10, at: now,
                    database: database)
            }
            #expect(error?.code == .changeTokenExpired)
            let state = try await database.read { try kernel.serverState(in: $0) }
            #expect(state.epoch.rawValue == 2, "attempt \(attempt) begins no third epoch")
        }
        let list = try await kernel.changes(
            in: zone, for: account, after: nil, limit: 10, at: now, database: database)
        #expect(list.records.map(\.key) == [album(1), album(3)])
        try database.close()
    }

    @Test func `a base that proves a rollback begins the new epoch`() async throws {
        let kernel = Kernel(randomNumber: Numbers(7).next)
        let account = AccountID(high: 1, low: 1)
        let now = Timestamp(milliseconds: 1_763_700_000_000)
        let database = try TestDatabase.inMemory(migrations: Kernel.migrations)
        let zone = try await database.write { transaction in
            try kernel.prepare(at: now, in: transaction)
            try kernel.createAccount(
                account, name: "anna", quotaByteCount: nil, at: now, in: transaction)
            return try kernel.zones(of: account, in: transaction)[0]
        }
        let change = RecordChange(key: album(1), base: Base(epoch: zone.epoch, sequence: 40))
        let error = await #expect(throws: KernelError.self) {
            _ = try await kernel.commit(
                [ChangeGroup(id: group(1), changes: [change])], to: zone.id,
                by: Actor(account: account, device: DeviceID(high: 2, low: 2)), at: now,
                database: database)
        }
        #expect(error?.code == .changeTokenExpired)
        let state = try await database.read { try kernel.serverState(in: $0) }
        #expect(state.epoch.rawValue == 2)
    }
}
