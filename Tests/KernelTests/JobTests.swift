import Kernel
import Records
import Storage
import Testing

@Suite struct JobTests {
    /// Albums without a title are the work.
    struct Titles: JobSource {
        let kernel: Kernel
        let kind = "title"

        func accounts(in transaction: any Transaction) throws -> [AccountID] {
            try kernel.accounts(in: transaction).map(\.id)
        }

        func subjects(
            of account: AccountID, limit: Int, at time: Timestamp,
            in transaction: any Transaction
        ) throws -> [JobSubject] {
            try transaction.rows(
                """
                SELECT record.zone, record.id FROM zone JOIN record ON record.zone = zone.id
                WHERE zone.owner = ? AND fields = '{}'
                    AND \(Kernel.isJobFree(zone: "record.zone", subject: "record.id"))
                ORDER BY record.id LIMIT ?
                """,
                [SQLValue(account)] + Kernel.isJobFreeArguments(kind, account, at: time)
                    + [SQLValue(limit)]
            ).map { JobSubject(zone: $0.identifier(0), subject: $0.blob(1)) }
        }
    }

    private func lease(_ world: World, _ limit: Int) throws -> [Job] {
        try world.kernel.leaseJobs(
            Titles(kernel: world.kernel), limit: limit, at: world.now, in: world.transaction)
    }

    private func make(_ count: UInt64, for person: World.Person, _ world: World) throws {
        for number in 0..<count {
            try world.commit(RecordChange(key: album(number)), by: person.phone, to: person.photos)
        }
    }

    @Test(arguments: Place.allCases)
    func `accounts take turns`(place: Place) async throws {
        try await inWorld(place) { world in
            try make(20, for: world.anna, world)
            try make(3, for: world.bert, world)
            let first = try lease(world, 4)
            #expect(first.filter { $0.account == world.bert.account }.count == 2)
            var order: [AccountID] = []
            for _ in 0..<4 { order += try lease(world, 1).map(\.account) }
            let (anna, bert) = (world.anna.account, world.bert.account)
            #expect(order == [anna, bert, anna, anna])
        }
    }

    @Test func `work that is leased is nobody else's until the lease ends`() async throws {
        try await inWorld { world in
            try make(1, for: world.anna, world)
            let job = try #require(try lease(world, 5).first)
            #expect(try lease(world, 5).isEmpty)
            world.now = world.now.adding(seconds: Limits.jobLeaseSeconds)
            let again = try #require(try lease(world, 5).first)
            #expect(again.attempts == 2)
            // The first worker comes back too late.
            #expect(try !world.kernel.complete(job, in: world.transaction))
            #expect(
                try !world.kernel.fail(job, error: "late", at: world.now, in: world.transaction))
            #expect(try world.kernel.complete(again, in: world.transaction))
        }
    }

    @Test(arguments: Place.allCases)
    func `what a stopped worker gives back is anybody's at once, and was not tried`(
        place: Place
    ) async throws {
        try await inWorld(place) { world in
            try make(3, for: world.anna, world)
            let jobs = try lease(world, 2)
            let failed = try #require(jobs.first)
            try world.kernel.fail(failed, error: "once", at: world.now, in: world.transaction)
            try world.kernel.giveBack(Array(jobs.dropFirst()), in: world.transaction)
            world.now = world.now.adding(seconds: Limits.jobRetrySecondsMax)
            let again = try lease(world, 5)
            #expect(Set(again.map(\.subject)).count == 3)
            #expect(again.map(\.attempts).sorted() == [1, 1, 2])

            try world.kernel.giveBack(again, in: world.transaction)
            let failures = try world.kernel.failedJobs(
                of: world.anna.account, limit: 9, in: world.transaction)
            #expect(failures.map(\.error) == ["once"])
            let last = try lease(world, 5)
            #expect(last.map(\.attempts).sorted() == [1, 1, 2])
            // They are somebody else's now.
            try world.kernel.giveBack(again, in: world.transaction)
            #expect(try lease(world, 5).isEmpty)
        }
    }

    @Test func `failures are tried again later and later, and then given up`() async throws {
        try await inWorld { world in
            try make(2, for: world.anna, world)
            var waits: [Int64] = []
            for attempt in 1...Limits.jobAttemptsMax {
                let job = try #require(try lease(world, 1).first)
                #expect(job.attempts == attempt)
                try world.kernel.fail(
                    job, error: "decoder: out of memory", at: world.now, in: world.transaction)
                let failure = try #require(
                    try world.kernel.failedJobs(
                        of: world.anna.account, limit: 9, in: world.transaction
                    ).first)
                #expect(failure.error == "decoder: out of memory")
                waits.append((failure.nextTryAt.milliseconds - world.now.milliseconds) / 1_000)
                // The other is not held up by it.
                let other = try #require(try lease(world, 5).first)
                #expect(other.subject != job.subject)
                try world.transaction.execute(
                    "DELETE FROM job WHERE subject = ?", [.blob(other.subject)])
                world.now = failure.nextTryAt
            }
            #expect(waits == [10, 20, 40, 80, 160])
            #expect(try lease(world, 5).count == 1)
            try world.kernel.retryJobs(
                kind: "title", of: world.anna.account, in: world.transaction)
            #expect(try lease(world, 5).count == 1)
        }
    }

    @Test func `a file that ends every worker is given up, and says why`() async throws {
        try await inWorld { world in
            try make(1, for: world.anna, world)
            for _ in 1...Limits.jobAttemptsMax {
                #expect(try lease(world, 1).count == 1)
                world.now = world.now.adding(seconds: Limits.jobLeaseSeconds)
            }
            #expect(try lease(world, 1).isEmpty)
            let failures = try world.kernel.failedJobs(
                of: world.anna.account, limit: 9, in: world.transaction)
            #expect(failures.map(\.error) == ["The worker ended before the work did."])
        }
    }

    @Test func `what is of no use again is given up at once, and its error is short`() async throws
    {
        try await inWorld { world in
            try make(1, for: world.anna, world)
            let job = try #require(try lease(world, 1).first)
            let long = String(repeating: "é", count: Limits.jobErrorByteCountMax)
            try world.kernel.fail(
                job, error: long, isFinal: true, at: world.now, in: world.transaction)
            world.now = world.now.adding(seconds: 1_000_000)
            #expect(try lease(world, 1).isEmpty)
            let failure = try world.kernel.failedJobs(
                of: world.anna.account, limit: 9, in: world.transaction
            ).first
            #expect(failure?.error.utf8.count == Limits.jobErrorByteCountMax)
        }
    }
}
