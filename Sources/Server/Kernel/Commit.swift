package import Records
package import Storage

extension Kernel {
    /// Applies `groups` to a zone, each on its own: one that is refused takes nothing from the
    /// others (P7), and one that was saved before is answered so again without effect (P8).
    ///
    /// `token` says how far the device has read the feed. Throws `tooManyRecords` above the limits,
    /// `zoneNotFound`, `changeTokenExpired`, and `serverRolledBack` when the token or a base
    /// proves that the device has seen a later state; nothing is changed then. A request whose
    /// records grow beyond a page of the feed becomes several commits.
    package func apply(
        _ groups: [ChangeGroup], to zoneID: ZoneID, by actor: Actor,
        after token: ChangeToken? = nil,
        protocolNumber: Int = WireProtocol.current, at time: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) -> CommitReceipt {
        let recordCount = groups.reduce(0) { $0 + $1.changes.count }
        guard groups.count <= Limits.groupsPerCommitMax, recordCount <= Limits.recordsPerCommitMax
        else {
            throw KernelError(
                .tooManyRecords,
                """
                Send at most \(Limits.groupsPerCommitMax) groups and \
                \(Limits.recordsPerCommitMax) records in one commit.
                """)
        }
        let zone = try zone(zoneID, for: actor.account, in: transaction)
        if let token { try check(token, in: zone, transaction) }
        for base in groups.lazy.flatMap(\.changes).compactMap(\.base) {
            if zone.isRolledBack(provenBy: base) { throw Self.rolledBack }
        }
        var work = try CommitWork(
            kernel: self, zone: zone, actor: actor, protocolNumber: protocolNumber, time: time,
            transaction: transaction)
        let results = try work.take(groups)
        let token = try work.finish()
        return CommitReceipt(
            results: results, token: token, changed: token.sequence > zone.head)
    }

    static let rolledBack = KernelError(
        .serverRolledBack, "The server has lost a state that the device has seen: list again.")
}

/// One commit request while its groups are taken.
struct CommitWork {
    /// What a refused group must leave as it was.
    struct Tally {
        /// Number of the commit that is being written; its predecessors are finished.
        var sequence: Int64
        var headStamp: UInt64
        /// Of the records in the present commit, as the feed will send them.
        var byteCount = 0
        var retainedCount: Int64
        var usedByteCount: Int64
        /// New to the pool since the group began.
        var addedByteCount: Int64 = 0
        var hasChanges = false
    }

    let kernel: Kernel
    let zone: Zone
    let schema: (any RecordSchema)?
    let pool: PoolID
    let quotaByteCount: Int64?
    let actor: Actor
    let protocolNumber: Int
    let time: Timestamp
    let day: Int64
    let transaction: any Transaction
    var tally: Tally
    /// Whether the present group has begun to write.
    var hasWritten = false
    /// The commits of the request's groups that are saved, this time or earlier.
    private var savedSequences: [GroupID: Int64] = [:]
    private let usedByteCountBefore: Int64

    init(
        kernel: Kernel, zone: Zone, actor: Actor, protocolNumber: Int, time: Timestamp,
        transaction: any Transaction
    ) throws(KernelError) {
        guard
            let row = try transaction.first(
                """
                SELECT zone.retainedCount, pool.id, pool.quotaByteCount, pool.usedByteCount
                FROM zone JOIN account ON account.id = zone.owner
                JOIN pool ON pool.id = account.pool WHERE zone.id = ?
                """, [SQLValue(zone.id)])
        else { throw KernelError(.zoneNotFound, "There is no such zone.") }
        self.kernel = kernel
        self.zone = zone
        self.actor = actor
        self.protocolNumber = protocolNumber
        self.time = time
        self.transaction = transaction
        schema = kernel.schema(for: zone)
        day = try kernel.serverState(in: transaction).day
        pool = row.identifier(1)
        quotaByteCount = row.optionalInteger(2)
        usedByteCountBefore = row.integer(3)
        tally = Tally(
            sequence: zone.head + 1, headStamp: zone.headStamp, retainedCount: row.integer(0),
            usedByteCount: usedByteCountBefore)
    }

    /// Saves or refuses each group.
    ///
    /// A savepoint for each doubles the cost of a commit of many, and is needed only when a group
    /// is refused after it has begun to write, which is rare: so they are taken without at first.
    mutating func take(_ groups: [ChangeGroup]) throws(KernelError) -> [GroupResult] {
        let before = tally
        let savedBefore = try sequencesSavedBefore(of: groups)
        savedSequences = savedBefore
        // What fails in here without a refusal ends the whole request, whatever statement it was: so
        // neither end of this savepoint needs to wait for those before it.
        try transaction.changePipelined("SAVEPOINT martletRequest")
        var results: [GroupResult] = []
        for group in groups {
            guard let result = try take(group, hasSavepoint: false) else {
                tally = before
                savedSequences = savedBefore
                results = []
                try transaction.change("ROLLBACK TO martletRequest")
                break
            }
            results.append(result)
        }
        if results.count < groups.count {
            for group in groups {
                if let result = try take(group, hasSavepoint: true) { results.append(result) }
            }
        }
        try transaction.changePipelined("RELEASE martletRequest")
        return results
    }

    /// Saves or refuses one group.
    ///
    /// `nil`: only a savepoint can undo what it wrote.
    private mutating func take(
        _ group: ChangeGroup, hasSavepoint: Bool
    ) throws(KernelError) -> GroupResult? {
        if let sequence = savedSequences[group.id] {
            return GroupResult(id: group.id, status: .saved, sequence: sequence)
        }
        if tally.byteCount > Limits.groupByteCountMax { try closeCommit() }
        let before = tally
        do {
            if hasSavepoint { try transaction.execute("SAVEPOINT martletGroup") }
            tally.addedByteCount = 0
            hasWritten = false
            let sequence = try save(group)
            try remember(group.id, sequence)
            if hasSavepoint { try transaction.execute("RELEASE martletGroup") }
            savedSequences[group.id] = sequence
            return GroupResult(id: group.id, status: .saved, sequence: sequence)
        } catch {
            guard let result = Self.refusal(error, of: group.id) else {
                throw KernelError(wrapping: error)
            }
            guard hasSavepoint || !hasWritten else { return nil }
            tally = before
            if hasSavepoint {
                try transaction.change("ROLLBACK TO martletGroup")
                try transaction.change("RELEASE martletGroup")
            }
            return result
        }
    }

    /// The result for an error that is this group's alone; `nil` for one of the whole request.
    private static func refusal(_ error: any Error, of id: GroupID) -> GroupResult? {
        if let refusal = error as? GroupRefusal {
            return GroupResult(
                id: id, status: refusal.status, message: refusal.message,
                records: refusal.records, digests: refusal.digests)
        }
        guard let error = error as? KernelError else { return nil }
        let status: GroupResult.Status? =
            switch error.code {
            case .invalidRecord, .invalidName: .invalidRecord
            case .notAllowed: .notAllowed
            case .overQuota: .overQuota
            default: nil
            }
        return status.map { GroupResult(id: id, status: $0, message: error.message) }
    }

    /// Asked for many at once; the same question is one statement, whatever there are of them.
    private func sequencesSavedBefore(
        of groups: [ChangeGroup]
    ) throws(KernelError) -> [GroupID: Int64] {
        var found: [GroupID: Int64] = [:]
        var rest = groups.map { SQLValue($0.id) }[...]
        while let last = rest.last {
            let count = rest.count == 1 ? 1 : Limits.groupsPerQuestion
            let ids = rest.prefix(count)
            let marks = Array(repeating: "?", count: count).joined(separator: ", ")
            let rows = try transaction.all(
                "SELECT id, sequence FROM savedGroup WHERE zone = ? AND id IN (\(marks))",
                [SQLValue(zone.id)] + ids + Array(repeating: last, count: count - ids.count))
            for row in rows { found[row.identifier(0)] = row.integer(1) }
            rest = rest.dropFirst(count)
        }
        return found
    }

    private func remember(_ group: GroupID, _ sequence: Int64) throws(KernelError) {
        try transaction.changePipelined(
            "INSERT INTO savedGroup (zone, id, sequence, committedAt) VALUES (?, ?, ?, ?)",
            [SQLValue(zone.id), SQLValue(group), .integer(sequence), SQLValue(time)])
    }

    /// Ends the present commit; what follows is the next.
    private mutating func closeCommit() throws(KernelError) {
        guard tally.hasChanges else { return }
        tally.headStamp = kernel.randomNumber()
        try kernel.rememberCommit(
            of: Zone(
                id: zone.id, owner: zone.owner, kind: zone.kind, encryption: zone.encryption,
                idKey: zone.idKey, epoch: zone.epoch, head: tally.sequence,
                headStamp: tally.headStamp), at: time, in: transaction)
        tally.sequence += 1
        tally.byteCount = 0
        tally.hasChanges = false
    }

    /// Writes the zone's row last: its lock is held shortest so.
    mutating func finish() throws(KernelError) -> ChangeToken {
        try closeCommit()
        let head = tally.sequence - 1
        if head > zone.head {
            try transaction.changePipelined(
                "UPDATE zone SET head = ?, headStamp = ?, retainedCount = ? WHERE id = ?",
                [
                    .integer(head), SQLValue(bits: tally.headStamp), .integer(tally.retainedCount),
                    SQLValue(zone.id),
                ])
        }
        if tally.usedByteCount != usedByteCountBefore {
            try transaction.changePipelined(
                "UPDATE pool SET usedByteCount = ? WHERE id = ?",
                [.integer(tally.usedByteCount), SQLValue(pool)])
        }
        return ChangeToken(epoch: zone.epoch, sequence: head, stamp: tally.headStamp)
    }
}

/// Why one group is refused; the group's savepoint is rolled back.
struct GroupRefusal: Error {
    let status: GroupResult.Status
    let message: String
    var records: [Record] = []
    var digests: [Digest] = []

    init(
        _ status: GroupResult.Status, _ message: String, records: [Record] = [],
        digests: [Digest] = []
    ) {
        self.status = status
        self.message = message
        self.records = records
        self.digests = digests
    }
}

extension Limits {
    /// Groups of which one statement asks whether they were saved before.
    static let groupsPerQuestion = 64
}
