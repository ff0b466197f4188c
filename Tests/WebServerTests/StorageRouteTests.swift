import Accounts
import HTTPTypes
import Kernel
import Operations
import Records
import Status
import Storage
import TestSupport
import Testing
import WebServer
import Wire

@Suite struct StorageRouteTests {
    private func plans(_ server: TestServer) -> Plans {
        Plans(
            database: server.database, kernel: server.server.parts.kernel, now: server.clock.read)
    }

    @Test func `an account sees its pool, asks for a plan and hears the answer`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna", device: 1)
        let bert = try await server.person("bert", device: 2)
        let plans = plans(server)
        try await plans.set(try PlanName(parsing: "family"), byteCount: 10_000)
        try await plans.set(try PlanName(parsing: "large"), byteCount: 90_000)
        try await plans.assign(try PlanName(parsing: "family"), to: anna.account)
        try await plans.join(bert.account, poolOf: anna.account)
        try await server.run { client in
            let digest = try await client.store(bytes(5_000), by: anna)
            _ = try await client.commit([.asset(digest, byteCount: 5_000)], by: anna)
            try await client.store(bytes(3_000, seed: 2), by: bert)
            func storage(_ person: Person) async throws -> StorageReply {
                try await client.send(.get, "/api/v1/storage", by: person).decoded()
            }
            let seen = try await storage(bert)
            #expect(seen.usedByteCount == 5_000 && seen.quotaByteCount == 10_000)
            #expect(seen.stagedByteCount == 3_000 && seen.warning == nil)
            #expect(seen.members.map(\.name) == ["anna", "bert"])
            #expect(seen.members.map(\.usedByteCount) == [5_000, 0])
            #expect(seen.plan == "family" && seen.plans.map(\.name) == ["family", "large"])
            #expect(seen.request == nil && seen.forecast == nil && seen.measuredDays == 0)

            let path = "/api/v1/storage/request"
            let none = try await client.send(.put, path, by: bert, json: PlanQuestion(plan: "x"))
            #expect(none.status == .notFound && none.code == "planNotFound")
            let held = try await client.send(
                .put, path, by: bert, json: PlanQuestion(plan: "Family"))
            #expect(held.status == .conflict && held.code == "planHeldAlready")
            let bad = try await client.send(.put, path, by: bert, json: PlanQuestion(plan: ""))
            #expect(bad.status == .badRequest && bad.code == "invalidPlan")
            let asked: StorageReply.Request = try await client.send(
                .put, path, by: bert, json: PlanQuestion(plan: "large")
            ).decoded()
            #expect(asked.state == .waiting && asked.askedAt == server.clock.read())
            #expect(try await storage(anna).request == nil, "bert's question is bert's")
            try await plans.answer(bert.account, isGranted: true, message: "With love")
            let granted = try await storage(bert)
            #expect(granted.request?.state == .granted)
            #expect(granted.request?.message == "With love")
            #expect(granted.quotaByteCount == 90_000 && granted.plan == "large")
            #expect(try await storage(anna).quotaByteCount == 90_000, "one pool")

            _ = try await client.send(
                .put, path, by: anna, json: PlanQuestion(plan: "family"))
            #expect(try await client.send(.delete, path, by: anna).status == .noContent)
            #expect(try await client.send(.delete, path, by: anna).status == .noContent)
            #expect(try await plans.requests().isEmpty)
            #expect(try await client.send(.get, "/api/v1/storage").status == .unauthorized)
        }
    }

    @Test func `an account hears with whom it shares, and when it will be full`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna", quotaByteCount: 100_000, device: 1)
        let bert = try await server.person("bert", device: 2)
        try await plans(server).join(bert.account, poolOf: anna.account)
        try await server.run { client in
            func usage() async throws -> AccountUsage? {
                let reply: StateReply = try await client.send(
                    .put, "/api/v1/devices/\(bert.device)/state", by: bert,
                    json: StateRequest(version: "1", status: LibraryStatus(state: .upToDate))
                ).decoded()
                return reply.account
            }
            #expect(try await usage()?.sharedWith == ["anna"])
            for day in 1...8 as ClosedRange<UInt8> {
                let digest = try await client.store(bytes(1_000, seed: day), by: anna)
                _ = try await client.commit([.asset(digest, byteCount: 1_000)], by: anna)
                if day == 1 {
                    try await server.server.housekeeping.round()
                } else {
                    // The server's own would doubt a clock that only moves when told.
                    let (kernel, now) = (server.server.parts.kernel, server.clock.read())
                    try await server.database.write { transaction in
                        try UsageHistory.measure(
                            freeByteCount: nil, kernel, at: now, in: transaction)
                    }
                }
                if day < 7 { #expect(try await usage()?.fullAt == nil) }
                if day < 8 { server.clock.advance(seconds: 86_400) }
            }
            let expected = server.clock.read().adding(seconds: 92 * 86_400)
            #expect(try await usage()?.fullAt == expected)
            let storage: StorageReply = try await client.send(
                .get, "/api/v1/storage", by: anna
            ).decoded()
            #expect(storage.forecast?.fullAt == expected && storage.forecast?.days == 8)
        }
    }

    @Test(
        arguments: [
            (5_000, nil), (7_501, .nearlyFull), (7_500, nil), (10_000, .full), (9_999, .nearlyFull),
        ] as [(Int, StorageReply.Warning?)])
    func `little room is said`(used: Int, expected: StorageReply.Warning?) async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna", quotaByteCount: 10_000)
        try await server.run { client in
            let digest = try await client.store(bytes(used), by: anna)
            _ = try await client.commit([.asset(digest, byteCount: used)], by: anna)
            let storage: StorageReply = try await client.send(
                .get, "/api/v1/storage", by: anna
            ).decoded()
            #expect(storage.warning == expected)
        }
    }

    @Test func `uploads at the same time never bring more than the pool may hold`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna", quotaByteCount: 10_999, device: 1)
        let bert = try await server.person("bert", device: 2)
        try await plans(server).join(bert.account, poolOf: anna.account)
        try await server.run { client in
            let statuses = try await withThrowingTaskGroup(of: HTTPResponse.Status.self) { tasks in
                for number in 0..<24 as Range<UInt8> {
                    tasks.addTask {
                        let body = bytes(1_000, seed: number)
                        let digest = Digest(of: body)
                        return try await client.send(
                            .put, "/api/v1/blobs/\(digest)", by: number % 2 == 0 ? anna : bert,
                            body: body
                        ).status
                    }
                }
                return try await tasks.reduce(into: []) { $0.append($1) }
            }
            // The eleventh would be one byte too much.
            #expect(statuses.count { $0 == .ok } == 10)
            #expect(statuses.count { $0 == .contentTooLarge } == 14)
        }
        let held = try await server.database.read { transaction in
            try transaction.rows("SELECT COALESCE(SUM(byteCount), 0) FROM holding")[0].integer(0)
        }
        #expect(held == 10_000)
        // What was refused is not left in the store.
        #expect(try await server.server.parts.store.list(after: nil, limit: 100).count == 10)
    }
}
