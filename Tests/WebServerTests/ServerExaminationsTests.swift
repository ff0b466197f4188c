import Accounts
import Foundation
import HTTPTypes
import Kernel
import NIOCore
import Operations
import Records
import Status
import Storage
import TestSupport
import Testing
import WebServer
import Wire

/// The server's examinations and its scrub, on a server with a clock that only moves when told.
@Suite struct ServerExaminationsTests {
    private func report(_ server: TestServer, deep: Bool = false) async -> DoctorReport {
        await ServerExaminations.run(
            ExaminedServer(
                place: ExaminedServer.Place(
                    folder: server.folder.path, manifest: server.folder.file("manifest.jsonl"),
                    workFolder: server.folder.path, holder: nil),
                database: .success(server.database), store: .success(server.server.parts.store),
                kernel: server.server.parts.kernel, migrations: MartletServer.migrations,
                surroundings: ExaminedServer.Surroundings(
                    now: server.clock.read, monotonicMilliseconds: { 0 },
                    clock: ContinuousClock()), isDeep: deep))
    }

    private func complaints(_ server: TestServer, deep: Bool = false) async -> [String] {
        await report(server, deep: deep).complaints.map(\.code.rawValue)
            .filter { $0 != "serverDiskNearlyFull" }
    }

    private func scrub(_ server: TestServer) async throws -> [Scrub.Turn] {
        var turns: [Scrub.Turn] = []
        while true {
            let turn = try await server.server.scrub.turn()
            turns.append(turn)
            guard case .read = turn else { return turns }
        }
    }

    private func seal(_ server: TestServer) async throws {
        try await server.database.write { try RowSums.sealNew(SummedTable.all, in: $0) }
    }

    /// A server with one account and `count` pictures.
    private func world(
        _ count: Int = 1,
        _ body: @escaping @Sendable (TestServer, Person, [Digest]) async throws -> Void
    ) async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        var digests: [Digest] = []
        for seed in 0..<count {
            let content = bytes(1_000 + seed, seed: UInt8(seed))
            try await server.run { client in
                let digest = try await client.store(content, by: anna)
                _ = try await client.commit([.asset(digest, byteCount: content.count)], by: anna)
            }
            digests.append(Digest(of: content))
        }
        try await seal(server)
        _ = try await server.server.housekeeping.round()
        try await body(server, anna, digests)
    }

    @Test func `every examination has a name of its own and a title`() {
        let names = ServerExaminations.all.map(\.name)
        #expect(Set(names).count == names.count && names.count >= 16)
        #expect(ServerExaminations.all.allSatisfy { !$0.title.hasSuffix(".") })
    }

    @Test func `a server that is well is told so, but for its backup`() async throws {
        try await world(3) { server, _, _ in
            let found = await complaints(server, deep: true)
            // Only SQLite's has backups of Martlet's own, and only its file is looked at here.
            #expect(found.filter { $0 != "backupMissing" }.isEmpty, "\(found)")
        }
    }

    @Test func `rows that are not what was written are found by their sums`() async throws {
        try await world { server, anna, _ in
            try await server.database.write { transaction in
                _ = try transaction.execute(
                    "UPDATE record SET fields = '{\"name\":\"x\"}' WHERE type = 'asset'")
            }
            let found = await report(server).findings.first { $0.code == .storedRowsDamaged }
            #expect(found?.items.first?.hasPrefix("record asset ") == true)
            #expect(found?.message.contains("1 item") == true)
        }
    }

    @Test(arguments: [
        ("UPDATE blobReference SET byteCount = byteCount + 1", "storedRowsDisagree"),
        ("DELETE FROM blobReference", "storedRowsDisagree"),
        ("UPDATE holding SET byteCount = byteCount + 1", "storedRowsDisagree"),
        ("UPDATE holding SET state = 9", "storedRowsDisagree"),
        ("UPDATE object SET byteCount = byteCount + 1", "storedRowsDisagree"),
        ("UPDATE zone SET headStamp = headStamp + 1", "storedRowsDisagree"),
        ("UPDATE zone SET head = head - 1 WHERE head > 0", "storedRowsDisagree"),
        ("UPDATE pool SET usedByteCount = usedByteCount + 5", "usageMiscounted"),
        ("UPDATE poolBlob SET referenceCount = referenceCount + 1", "usageMiscounted"),
        ("UPDATE account SET createdAt = createdAt + 1", "storedRowsDamaged"),
        ("UPDATE pool SET quotaByteCount = 7", "storedRowsDamaged"),
        ("UPDATE zone SET createdAt = createdAt + 1", "storedRowsDamaged"),
        ("UPDATE zone SET epoch = epoch + 1", "storedRowsDisagree"),
        ("UPDATE server SET day = day + 1", "storedRowsDamaged"),
        ("UPDATE credential SET password = 'x'", "storedRowsDamaged"),
        ("UPDATE credential SET isDisabled = 1", "storedRowsDamaged"),
        ("UPDATE device SET token = NULL", "storedRowsDamaged"),
        ("DELETE FROM rowSum WHERE tableName = 'device'", "storedRowsDamaged"),
    ])
    func `rows that don't follow from others are found`(sql: String, code: String) async throws {
        try await world { server, _, _ in
            try await server.database.write { _ = try $0.execute(sql) }
            let found = await complaints(server)
            #expect(found.contains(code), "\(sql): \(found)")
        }
    }

    @Test func `what a person decided is named when it is damaged, and sound once it is set anew`()
        async throws
    {
        try await world { server, anna, _ in
            let name = try AccountName(parsing: "anna")
            let label = try DeviceName(parsing: "printer")
            let plans = Plans(
                database: server.database, kernel: server.server.parts.kernel,
                now: server.clock.read)
            let plan = try PlanName(parsing: "Family")
            _ = try await server.server.accounts.addAppPassword(name, label: label)
            try await server.server.accounts.setService("photos", isAllowed: false, for: name)
            try await plans.set(plan, byteCount: 5_000)
            try await plans.assign(plan, to: anna.account)
            #expect(await !complaints(server).contains("storedRowsDamaged"))
            try await server.database.write { transaction in
                for sql in [
                    "credential SET changedAt = 3", "pool SET quotaByteCount = 3",
                    "appPassword SET createdAt = 3", "device SET name = 'x'",
                    "deniedService SET since = 3", "storagePlan SET byteCount = 3",
                ] { _ = try transaction.execute("UPDATE \(sql)") }
            }
            let found = await report(server).findings.first { $0.code == .storedRowsDamaged }
            #expect(
                found?.items == [
                    "quota of anna", "password of anna", "app password of anna", "device of anna",
                    "a service that is switched off of anna", "plan of Family",
                ])
            try await plans.set(plan, byteCount: 6_000)
            try await server.server.accounts.setPassword(name, to: Secret("another horse"))
            try await server.server.accounts.removeAppPassword(name, label: label)
            try await server.server.accounts.setService("photos", isAllowed: true, for: name)
            #expect(await !complaints(server).contains("storedRowsDamaged"))
            try await plans.setQuota(nil, of: anna.account)
            try await plans.remove(plan)
            _ = try await server.signIn("anna", device: 9, password: "another horse")
            #expect(await !complaints(server).contains("storedRowsDamaged"))
        }
    }

    @Test func `stuck work, an old clock and maintenance are found`() async throws {
        try await world { server, anna, _ in
            let now = server.clock.read()
            try await server.database.write { transaction in
                _ = try transaction.execute(
                    """
                    INSERT INTO job (account, kind, zone, subject, attempts, error, nextTryAt)
                    VALUES (?, 'facts', ?, ?, 2, 'No decoder.', ?),
                        (?, 'facts', ?, ?, 9, 'No picture.', ?)
                    """,
                    [
                        SQLValue(anna.account), SQLValue(anna.photos), .blob([1]),
                        SQLValue(now.adding(seconds: -7_200)), SQLValue(anna.account),
                        SQLValue(anna.photos), .blob([2]), SQLValue(now),
                    ])
                _ = try transaction.execute("UPDATE server SET clockSuspectSince = 5")
                try Maintenance(since: now, until: now.adding(seconds: 60), message: nil)
                    .begin(in: transaction)
            }
            let codes = await report(server).findings.map(\.code.rawValue)
            for code in ["jobsStuck", "jobsGivenUp", "serverClockSuspect", "maintenanceInForce"] {
                #expect(codes.contains(code), "\(code): \(codes)")
            }
            server.clock.advance(seconds: 3 * 86_400)
            #expect(await complaints(server).contains("manifestOld"))
        }
    }

    // MARK: - Scrub

    @Test func `the scrub begins when due, renews receipts, rests for a month`() async throws {
        try await world(3) { server, anna, digests in
            #expect(try await scrub(server) == [.notDue])
            server.clock.advance(seconds: 86_400)
            #expect(try await scrub(server).last == .ended)
            let kernel = server.server.parts.kernel
            let verified = try await server.database.read { transaction in
                try kernel.locations(digests, for: anna.account, in: transaction)
                    .map(\.verifiedAt)
            }
            #expect(verified == [server.clock.read(), server.clock.read(), server.clock.read()])
            #expect(try await scrub(server) == [.notDue])
            await server.server.monitor.look()
            try await server.run { client in
                let status: SystemStatusReply = try await client.send(
                    .get, "/api/v1/system-status"
                ).decoded()
                #expect(status.scrub?.endedAt == server.clock.read())
                #expect(status.scrub?.percent == nil && status.scrub?.isDoubtful == false)
                let page = try await client.send(.get, "/status")
                let html = String(decoding: page.bytes, as: UTF8.self)
                #expect(html.contains("Last read back as a whole on"))
            }
            server.clock.advance(seconds: 29 * 86_400)
            #expect(try await scrub(server) == [.notDue])
            server.clock.advance(seconds: 86_400)
            #expect(try await scrub(server).last == .ended)
            server.clock.advance(seconds: 46 * 86_400)
            #expect(await complaints(server).contains("scrubLate"))
        }
    }

    @Test func `a damaged object is set aside, asked for, and taken in again`() async throws {
        try await world { server, anna, digests in
            try await server.damageOnlyObject()
            #expect(await complaints(server, deep: true).contains { $0.hasPrefix("objects") })
            #expect(try await server.server.scrub.runNow { _ in } == nil)
            try await server.run { client in
                let wanted: WantedReply = try await client.send(
                    .get, "/api/v1/blobs/wanted", by: anna
                ).decoded()
                #expect(wanted.digests == digests)
                let rest: WantedReply = try await client.send(
                    .get, "/api/v1/blobs/wanted?after=\(digests[0])", by: anna
                ).decoded()
                #expect(rest.digests.isEmpty)
                #expect(await complaints(server).contains("objectsWanted"))
                // Nobody else's answer counts, and none for what is not wanted.
                let other = try await server.person("bert", device: 2)
                for person in [other, anna] {
                    let answer = try await client.send(
                        .post, "/api/v1/blobs/wanted", by: person,
                        json: DigestsRequest(digests: digests + [Digest(of: [1])]))
                    #expect(answer.status == .noContent)
                    let found = await complaints(server)
                    let isAnna = person.account == anna.account
                    #expect(found.contains(isAnna ? "objectsGone" : "objectsWanted"))
                }
                try await client.store(bytes(1_000, seed: 0), by: anna)
            }
            #expect(try await server.server.scrub.runNow { _ in } == nil)
            let left = await complaints(server, deep: true)
            #expect(!left.contains { $0.hasPrefix("objects") }, "\(left)")
        }
    }

    @Test func `many bad objects are a bad disk's, and none is set aside`() async throws {
        guard !BlobsForTests.areInBucket else { return }
        try await world(12) { server, _, digests in
            let root = DataFolder(path: server.folder.path).blobs + "/objects"
            for name in try FileManager.default.subpathsOfDirectory(atPath: root)
            where name.contains("-") {
                try Data([1]).write(to: URL(fileURLWithPath: root + "/" + name))
            }
            let doubt = try await server.server.scrub.runNow { _ in }
            #expect(doubt == "12 of 12 objects are damaged or gone: check their disk")
            let lost = try await server.database.read { try LostBlobs.count(in: $0) }
            #expect(lost == 0)
            #expect(try await server.server.scrub.turn() == .busy)
            #expect(await complaints(server).contains("scrubDoubtful"))
        }
    }

    @Test func `a scrub looks at rows, too`() async throws {
        try await world { server, _, _ in
            #expect(try await server.server.scrub.damagedRows().count == 0)
            try await server.database.write {
                _ = try $0.execute("UPDATE credential SET changedAt = 3")
            }
            #expect(try await server.server.scrub.runNow { _ in } == nil)
            #expect(try await server.server.scrub.damagedRows().names == ["password of anna"])
        }
    }

    @Test func `two processes take turns, and one that died loses its lease`() async throws {
        try await world(2) { server, _, _ in
            server.clock.advance(seconds: 1)
            _ = try await server.server.scrub.turn()
            server.clock.advance(seconds: 86_400)
            let now = server.clock.read()
            try await server.database.write { transaction in
                _ = try transaction.execute(
                    "UPDATE scrub SET lease = 7, leasedUntil = ?",
                    [SQLValue(now.adding(seconds: 900))])
            }
            #expect(try await server.server.scrub.turn() == .busy)
            server.clock.advance(seconds: 900)
            #expect(try await scrub(server).last == .ended)
        }
    }

    @Test func `what was set aside and is good again is taken back`() async throws {
        try await world { server, anna, digests in
            let kernel = server.server.parts.kernel
            try await server.database.write { transaction in
                let location = try kernel.object(digests[0], for: anna.account, in: transaction)
                try kernel.markLost(digests[0], key: location.key, in: transaction)
            }
            #expect(await complaints(server).contains("objectsWanted"))
            try await server.server.scrub.lookAgain()
            let left = await complaints(server, deep: true)
            #expect(!left.contains { $0.hasPrefix("objects") || $0.hasPrefix("stored") }, "\(left)")
            try await server.run { client in
                let answer = try await client.send(.get, "/api/v1/blobs/\(digests[0])", by: anna)
                #expect(answer.bytes == bytes(1_000, seed: 0))
            }
        }
    }
}
