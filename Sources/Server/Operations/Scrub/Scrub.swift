package import Kernel
package import Logging
package import Records
package import Storage

/// Reads every stored object back from its medium, at a gentle rate, again and again; and at the end of
/// each pass every row that has a sum.
///
/// - What is good renews the proof that receipts are made of. What is not, or is gone, is set aside:
///   its row goes to `lostObject`, whatever is left stays in its place, and the account's devices are
///   asked for it.
/// - Before anything is set aside it is read a second time; and when more than half is bad, nothing
///   is: a disk that is not mounted looks like that (P10).
/// - One turn at a time, however many servers there are: each has a lease, and where the next one
///   goes on is a row.
package struct Scrub: Sendable {
    package enum Turn: Hashable, Sendable {
        /// So much was read.
        case read(byteCount: Int64)
        /// The pass is over.
        case ended
        case notDue
        /// Another process has its turn.
        case busy
        /// Too much is bad; the sentence says what.
        case doubtful(String)
    }

    private let database: any Database
    private let store: any ObjectStore
    private let kernel: Kernel
    private let now: @Sendable () -> Timestamp
    private let randomNumber: @Sendable () -> UInt64
    private let clock: any Clock<Duration>
    private let logger: Logger?

    package init(
        database: any Database, store: any ObjectStore, kernel: Kernel,
        now: @escaping @Sendable () -> Timestamp, randomNumber: @escaping @Sendable () -> UInt64,
        clock: any Clock<Duration>, logger: Logger? = nil
    ) {
        self.database = database
        self.store = store
        self.kernel = kernel
        self.now = now
        self.randomNumber = randomNumber
        self.clock = clock
        self.logger = logger
    }

    /// Passes when they are due, until its task is cancelled.
    package func run() async throws {
        var round = 0
        while true {
            try await clock.sleep(for: .seconds(Limits.scrubPollSeconds))
            round += 1
            do {
                if round % Limits.scrubPollsPerSecondLook == 0 { try await lookAgain() }
                try await forget()
                while case .read(let byteCount) = try await turn() {
                    try await rest(after: byteCount, perSecond: Limits.scrubByteCountPerSecond)
                }
            } catch let error as CancellationError {
                throw error
            } catch {
                logger?.warning("Stored bytes cannot be read back", metadata: ["error": "\(error)"])
            }
        }
    }

    /// One whole pass at once, whether it is due or not; one that is under way is gone on with.
    ///
    /// Returns why it stopped, if it did.
    package func runNow(_ progress: (ScrubState) -> Void) async throws -> String? {
        try await lookAgain()
        try await forget()
        try await begin()
        while true {
            let turn = try await turn()
            if let state = try await database.read({ try ScrubState.read(in: $0) }) {
                progress(state)
            }
            switch turn {
            case .read(let byteCount):
                try await rest(after: byteCount, perSecond: Limits.deepByteCountPerSecond)
            case .busy: try await clock.sleep(for: .seconds(1))
            case .ended, .notDue: return nil
            case .doubtful(let why): return why
            }
        }
    }

    private func rest(after byteCount: Int64, perSecond: Int64) async throws {
        try await clock.sleep(for: .milliseconds(byteCount * 1_000 / perSecond))
    }

    // MARK: - One turn

    private struct Page: Sendable {
        let lease: UInt64
        let objects: [BackupObject]
    }

    private enum Taken: Sendable {
        case page(Page)
        case notDue
        case busy
    }

    /// Reads some objects of a pass that is under way or due.
    package func turn() async throws -> Turn {
        let page: Page
        switch try await take() {
        case .notDue: return .notDue
        case .busy: return .busy
        case .page(let taken): page = taken
        }
        do {
            var (good, bad): ([BackupObject], [BackupObject]) = ([], [])
            for object in page.objects {
                if try await isGood(object) { good.append(object) } else { bad.append(object) }
            }
            if let doubt = try await doubt(bad.count, of: page.objects.count) {
                try await end(page, doubt: doubt)
                logger?.error("\(doubt)")
                return .doubtful(doubt)
            }
            // A second look, at the moment of acting.
            var lost: [BackupObject] = []
            for object in bad where try await !isGood(object) { lost.append(object) }
            let isOver = try await settle(page, good: good, lost: lost)
            for object in lost {
                logger?.error(
                    "A stored object is damaged or gone", metadata: ["digest": "\(object.digest)"])
            }
            if isOver { try await lookAtRows() }
            return isOver ? .ended : .read(byteCount: page.objects.reduce(0) { $0 + $1.byteCount })
        } catch {
            try? await end(page, doubt: nil)
            throw error
        }
    }

    /// Throws what says nothing of the object: a store that is away.
    private func isGood(_ object: BackupObject) async throws -> Bool {
        do throws(StorageError) {
            let found = try await store.verify(object.key)
            return found.digest == object.digest && found.byteCount == object.byteCount
        } catch {
            // A sector that cannot be read is as bad as one that lies.
            guard [.objectNotFound, .inputOutput, .damaged].contains(error.code) else {
                throw error
            }
            return false
        }
    }

    private func doubt(_ badCount: Int, of count: Int) async throws -> String? {
        guard badCount > 0 else { return nil }
        if try await store.list(after: nil, limit: 1).isEmpty {
            return "none of the stored objects is there: mount their disk"
        }
        let state = try await database.read { try ScrubState.read(in: $0) }
        let bad = badCount + (state?.lostCount ?? 0)
        let all = count + (state?.objectCount ?? 0)
        guard bad >= Limits.scrubDoubtMin, bad * 2 > all else { return nil }
        return "\(bad) of \(all) objects are damaged or gone: check their disk"
    }

    // MARK: - The pass

    /// Begins a pass now, unless one is under way.
    private func begin() async throws {
        let now = now()
        try await database.write { transaction in
            try Self.makeRow(at: now, transaction)
            if try ScrubState.read(in: transaction)?.isUnderWay == false {
                try Self.beginPass(at: now, transaction)
            }
            // A disk that was suspected has been looked at.
            try transaction.change(
                """
                UPDATE scrub SET doubt = NULL, lease = NULL, leasedUntil = NULL
                WHERE doubt IS NOT NULL
                """)
        }
    }

    private static func makeRow(
        at now: Timestamp, _ transaction: any Transaction
    ) throws(KernelError) {
        try transaction.change(
            """
            INSERT INTO scrub ("only", beganAt, isUnderWay, afterDigest, objectCount, byteCount,
                lostCount, totalByteCount)
            VALUES (1, ?, 0, ?, 0, 0, 0, 0) ON CONFLICT ("only") DO NOTHING
            """, [SQLValue(now), .blob([])])
    }

    private static func beginPass(
        at now: Timestamp, _ transaction: any Transaction
    ) throws(KernelError) {
        try transaction.change(
            """
            UPDATE scrub SET beganAt = ?, isUnderWay = 1, afterDigest = ?, objectCount = 0,
                byteCount = 0, lostCount = 0, doubt = NULL,
                totalByteCount = (SELECT COALESCE(SUM(byteCount), 0) FROM object)
            """, [SQLValue(now), .blob([])])
    }

    private func take() async throws -> Taken {
        let (now, lease) = (now(), randomNumber())
        return try await database.write { transaction in
            try Self.makeRow(at: now, transaction)
            guard let state = try ScrubState.read(in: transaction),
                let row = try transaction.first("SELECT leasedUntil, afterDigest FROM scrub")
            else { return .notDue }
            if let until = row.optionalTimestamp(0), now < until { return .busy }
            var after = row.blob(1)
            if state.isDue(at: now) {
                try Self.beginPass(at: now, transaction)
                after = []
            } else if !state.isUnderWay {
                return .notDue
            }
            try transaction.change(
                "UPDATE scrub SET lease = ?, leasedUntil = ?",
                [SQLValue(bits: lease), SQLValue(now.adding(seconds: Limits.scrubLeaseSeconds))])
            var objects: [BackupObject] = []
            var byteCount: Int64 = 0
            try transaction.each(
                """
                SELECT digest, byteCount, objectKey FROM object WHERE digest > ? ORDER BY digest
                LIMIT ?
                """, [.blob(after), SQLValue(Limits.objectsPerScrubTurnMax)]
            ) { row in
                guard let digest = row.optionalDigest(0) else { return true }
                byteCount += row.integer(1)
                let isFirst = objects.isEmpty
                guard isFirst || byteCount <= Limits.byteCountPerScrubTurnMax else { return false }
                objects.append(
                    BackupObject(
                        digest: digest, byteCount: row.integer(1),
                        key: ObjectKey(text: row.text(2))))
                return true
            }
            return .page(Page(lease: lease, objects: objects))
        }
    }

    /// Returns whether the pass is over.
    ///
    /// Nothing is written by one whose lease has ended.
    private func settle(
        _ page: Page, good: [BackupObject], lost: [BackupObject]
    ) async throws -> Bool {
        let now = now()
        return try await database.write { [kernel] transaction in
            let isOurs = try transaction.change(
                """
                UPDATE scrub SET lease = NULL, leasedUntil = NULL, doubt = NULL,
                    afterDigest = COALESCE(?, afterDigest), objectCount = objectCount + ?,
                    byteCount = byteCount + ?, lostCount = lostCount + ?,
                    isUnderWay = ?, endedAt = COALESCE(?, endedAt)
                WHERE lease = ?
                """,
                [
                    page.objects.last.map { SQLValue($0.digest) } ?? .null,
                    SQLValue(page.objects.count),
                    .integer(page.objects.reduce(0) { $0 + $1.byteCount }), SQLValue(lost.count),
                    .integer(page.objects.isEmpty ? 0 : 1),
                    SQLValue(page.objects.isEmpty ? now : nil), SQLValue(bits: page.lease),
                ])
            guard isOurs > 0 else { return false }
            for object in good {
                try kernel.setVerified(object.digest, key: object.key, at: now, in: transaction)
            }
            for object in lost {
                try kernel.markLost(object.digest, key: object.key, in: transaction)
            }
            return page.objects.isEmpty
        }
    }

    /// After a doubt nobody has a turn for a day, or until `martlet scrub`.
    private func end(_ page: Page, doubt: String?) async throws {
        let until = doubt == nil ? nil : now().adding(seconds: Limits.firstScrubSeconds)
        try await database.write { transaction in
            _ = try transaction.change(
                """
                UPDATE scrub SET lease = NULL, leasedUntil = ?, doubt = COALESCE(?, doubt)
                WHERE lease = ?
                """, [SQLValue(until), SQLValue(doubt), SQLValue(bits: page.lease)])
        }
    }

    // MARK: - Rows

    /// How many rows of the database have sums that are not theirs, and the names of the first.
    package func damagedRows() async throws -> (count: Int, names: [String]) {
        let damaged = try await DamagedRows.look(in: database, kernel)
        return (damaged.count, damaged.first.map(\.name))
    }

    private func lookAtRows() async throws {
        let damaged = try await damagedRows()
        guard let first = damaged.names.first else { return }
        logger?.error(
            "Rows of the database are damaged: run martlet doctor --server",
            metadata: ["count": "\(damaged.count)", "first": "\(first)"])
    }

    // MARK: - What was lost

    /// Reads what was set aside again: its disk may be there once more.
    package func lookAgain() async throws {
        var key: ObjectKey?
        while true {
            let page = try await database.read { [kernel, key] transaction in
                try kernel.lostObjects(
                    after: key, limit: Limits.objectsPerScrubTurnMax, in: transaction)
            }
            guard let last = page.last else { break }
            key = last.key
            for object in page { try await takeBack(object) }
        }
    }

    /// Asks no longer for what nobody needs any more.
    package func forget() async throws {
        let now = now()
        try await database.write { [kernel] transaction in
            try kernel.forgetLost(
                limit: Limits.objectsPerScrubTurnMax, at: now, in: transaction)
            try LostBlobs.forgetAnswers(in: transaction)
        }
    }

    private func takeBack(_ object: LostObject) async throws {
        guard let found = try? await store.verify(object.key) else { return }
        try await rest(after: found.byteCount, perSecond: Limits.scrubByteCountPerSecond)
        guard found.digest == object.digest else { return }
        let now = now()
        let isBack = try await database.write { [kernel] transaction in
            try kernel.takeBack(found, at: now, in: transaction)
        }
        if isBack {
            logger?.notice(
                "A lost object is good again", metadata: ["digest": "\(object.digest)"])
        }
    }
}
