import Library
import Records
import Status

// What the user decided, on its way to the server: before anything else, because it is small and
// somebody waits for it.
//
// - What was decided is shown at once and stays until the server has it, through any crash.
// - A repeated request is the same request: the group's id follows from what was decided, when, and
//   the state that it was made from, which is written down before it is sent (P8).
// - When the record changed meanwhile, the patch is laid over what it has become.
// - One decision that is refused never holds up another (P7).

struct UserChanges: Sendable {
    /// One group under way, and the decision that it carries.
    struct Entry: Sendable {
        let change: PendingChange
        let group: ChangeGroup
    }

    /// What waits for the feed to say it, up to this commit.
    struct Awaited: Sendable {
        let base: Base
        /// Saved as this; `nil`: the record was another, and is planned anew.
        let saved: PendingChange?
    }

    /// Rows may hold something that could be sent now.
    var isNeeded = true
    /// What this pass may have gone past was changed meanwhile.
    var isNeededAgain = false
    /// How far this pass went.
    var cursor: RecordKey?
    var isUnderWay = false
    /// The last whole pass left rows behind: for their records, for the feed, or for their next try.
    var hasLeft = false
    /// Looked up, never walked.
    var awaited: [RecordKey: Awaited] = [:]
    var failing: [RecordKey: Attempts] = [:]
    /// Failing ones, ordered by key, for the status; bounded.
    var troubles: [RecordKey] = []
    /// Decided about, and only a newer Martlet may change them: by key, bounded.
    private(set) var readOnly: [RecordKey: Record] = [:]
    /// Uptime of the earliest next try.
    var nextTry: Int64?

    var isIdle: Bool { !isUnderWay && !isNeeded && nextTry == nil }

    mutating func pass() {
        isNeeded = true
        cursor = nil
    }

    mutating func fail(_ key: RecordKey, _ cause: String, at now: Moment, rule: RetryRule) {
        var attempts = failing[key] ?? Attempts()
        attempts.fail(cause, at: now, rule: rule)
        failing[key] = attempts
        if let due = attempts.nextTry { nextTry = min(nextTry ?? .max, due) }
        if !troubles.containsSorted(key), troubles.count < Limits.itemReasonsMax {
            troubles.insertSorted(key)
        }
        hasLeft = true
    }

    mutating func noteReadOnly(_ record: Record) {
        guard readOnly.count < Limits.itemReasonsMax else { return }
        readOnly[record.key] = record
    }

    mutating func noteWritable(_ key: RecordKey) { readOnly[key] = nil }

    mutating func settle(_ key: RecordKey) {
        awaited[key] = nil
        readOnly[key] = nil
        guard failing.removeValue(forKey: key) != nil else { return }
        troubles.removeSorted(key, by: <)
    }

    mutating func retryNow(at now: Moment) {
        guard !failing.isEmpty else { return }
        for key in failing.keys.sorted() { failing[key]?.retryNow(at: now) }
        nextTry = now.uptime
    }
}

/// What a decision comes to, by what is known now.
enum DecisionPlan {
    case send([RecordChange])
    /// The record is as it was asked for, or gone for good.
    case done
    /// For its record, for the feed, or for its next try.
    case waits
}

extension SyncEngine {
    mutating func advanceUserChanges(_ rows: any Rows) throws(RowsError) {
        if let due = userChanges.nextTry, due <= now.uptime {
            userChanges.nextTry = nil
            userChanges.pass()
        }
        // The feed first: what is made from the latest state is not refused.
        guard userChanges.isNeeded, !userChanges.isUnderWay, !uploads.commitIsUnderWay,
            feed.state.isComplete, !feed.isReading, !feed.isSweeping,
            circumstances.stop(at: now) == nil, serverGate.allows(at: now)
        else { return }
        var entries: [UserChanges.Entry] = []
        var (recordCount, byteCount) = (0, 0)
        if userChanges.cursor == nil { userChanges.hasLeft = false }
        pages: while true {
            let page = try rows.pendingChanges(
                after: userChanges.cursor, limit: Limits.openRowsPerPageMax)
            for change in page {
                // What was refused before goes alone, so that it spoils no other's request.
                let isSuspect = (userChanges.failing[change.key]?.tries ?? 0) >= 2
                if isSuspect, !entries.isEmpty { break pages }
                userChanges.cursor = change.key
                switch try plan(change, rows) {
                case .done:
                    userChanges.settle(change.key)
                    try rows.removePendingChange(change.key)
                case .waits:
                    userChanges.hasLeft = true
                    if let due = userChanges.failing[change.key]?.nextTry, due > now.uptime {
                        userChanges.nextTry = min(userChanges.nextTry ?? .max, due)
                    }
                case .send(let changes):
                    let entry = try entry(change, changes, rows)
                    entries.append(entry)
                    recordCount += changes.count
                    byteCount += changes.reduce(0) { $0 + $1.set.estimatedByteCount }
                    guard !isSuspect, entries.count < Limits.groupsPerDeviceCommitMax,
                        recordCount + Limits.recordsPerDecisionMax <= Limits.recordsPerCommitMax,
                        byteCount < Limits.deviceCommitByteCountMax
                    else { break pages }
                }
            }
            if page.count < Limits.openRowsPerPageMax {
                userChanges.isNeeded = userChanges.isNeededAgain
                userChanges.isNeededAgain = false
                userChanges.cursor = nil
                break
            }
        }
        guard !entries.isEmpty else { return }
        userChanges.isUnderWay = true
        uploads.commitIsUnderWay = true
        send(.commit(entries.map(\.group), after: feed.state.token), .userChanges(entries))
    }

    // MARK: What to send

    private mutating func plan(_ change: PendingChange, _ rows: any Rows) throws(RowsError)
        -> DecisionPlan
    {
        if let attempts = userChanges.failing[change.key],
            attempts.nextTry.map({ $0 > now.uptime }) ?? true
        {
            return .waits
        }
        let remote = try rows.remote(change.key)
        if let awaited = userChanges.awaited[change.key],
            let read = feed.state.token, read.epoch == awaited.base.epoch
        {
            guard read.sequence >= awaited.base.sequence else { return .waits }
            // Saved, and the feed is past it: whatever the record says now is later.
            if awaited.saved == change { return .done }
        }
        // What a newer Martlet wrote is sent again after a restore, but never decided about here.
        if let record = remote?.record, isReadOnly(record), change.derivedFrom == nil {
            userChanges.noteReadOnly(record)
            return .waits
        }
        userChanges.noteWritable(change.key)
        switch change.action {
        case .patch(var patch):
            // What was sent and not answered is repeated as it was.
            if patch.trashed == true, change.attempt == .none, let kept = change.keeping,
                try isGone(kept, rows)
            {
                patch.trashed = nil
            }
            return try plan(patch, of: change.key, over: remote, rows)
        case .delete:
            guard let remote, !remote.record.isDeleted else { return .done }
            return .send([RecordChange(key: change.key, action: .delete, base: remote.base)])
        case .join(let whole, let role):
            return try plan(joining: change.key.id, into: whole, as: role, rows)
        case .split(let role): return try plan(splitting: role, of: change.key.id, rows)
        case .purge:
            guard let remote else { return .waits }
            guard !remote.record.isDeleted else { return .done }
            return .send(try purge(remote, rows))
        }
    }

    private mutating func plan(
        _ patch: RecordPatch, of key: RecordKey, over remote: RemoteRecord?, _ rows: any Rows
    ) throws(RowsError) -> DecisionPlan {
        guard let remote, let fields = remote.record.fields else {
            if let gone = remote?.record {
                // A part that became another's: what was decided about it is the whole's.
                if let whole = gone.joinedInto {
                    return try handOver(patch, of: key, to: whole, rows)
                }
                if key.type != .membership { return .done }
            }
            // An asset begins with its bytes, which the uploads bring; a patch of nothing waits.
            guard key.type != .asset, !patch.set.isEmpty else { return .waits }
            let set = patch.differences(from: [:]).filter { $0.value != .null }
            return .send([
                RecordChange(key: key, base: remote?.base, set: set, requires: patch.requires)
            ])
        }
        let differences = patch.differences(from: fields)
        let trashed = patch.trashed == remote.record.isTrashed ? nil : patch.trashed
        let requires = patch.requires.flatMap { $0 > remote.record.envelope.requires ? $0 : nil }
        guard !differences.isEmpty || trashed != nil || requires != nil else { return .done }
        return .send([
            RecordChange(
                key: key, base: remote.base, set: differences.filter { $0.value != .null },
                unset: differences.filter { $0.value == .null }.keys.sorted(), trashed: trashed,
                requires: requires)
        ])
    }

    /// Deleted or in the trash, on the server and by this device's user.
    private func isGone(_ asset: RecordID, _ rows: any Rows) throws(RowsError) -> Bool {
        let key = RecordKey(type: .asset, id: asset)
        guard let record = try rows.remote(key)?.record else { return false }
        // It became a part of another one.
        if let whole = record.joinedInto { return try isGone(whole, rows) }
        let pending = try rows.pendingChange(key)
        return !((pending.map { $0.applied(to: record) } ?? record)?.isLiveAsset ?? false)
    }

    private mutating func handOver(
        _ patch: RecordPatch, of key: RecordKey, to whole: RecordID, _ rows: any Rows
    ) throws(RowsError) -> DecisionPlan {
        guard let own = try rows.pendingChange(key) else { return .done }
        userChanges.isNeededAgain = true
        let target = RecordKey(type: key.type, id: whole)
        let change = PendingChange(
            key: target, action: .patch(patch), madeAt: own.madeAt, keeping: own.keeping)
        if let later = try rows.pendingChange(target) {
            try rows.save(change.followed(by: later))
        } else {
            try rows.save(change)
        }
        return .done
    }

    /// The asset, what was read and made from it, and its places in albums.
    private func purge(
        _ asset: RemoteRecord, _ rows: any Rows
    ) throws(RowsError) -> [RecordChange] {
        let id = asset.record.key.id
        var changes = [RecordChange(key: asset.record.key, action: .purge, base: asset.base)]
        for type in [RecordType.facts, .rendering] {
            guard let remote = try rows.remote(RecordKey(type: type, id: id)),
                !remote.record.isDeleted
            else { continue }
            changes.append(
                RecordChange(key: remote.record.key, action: .purge, base: remote.base))
        }
        let room = Limits.recordsPerDecisionMax - changes.count
        for membership in try rows.memberships(of: id).prefix(room) {
            changes.append(
                RecordChange(
                    key: membership.record.key, action: .delete, base: membership.base))
        }
        return changes
    }

    /// Writes down what it is made from; the same again comes out the same.
    private mutating func entry(
        _ change: PendingChange, _ changes: [RecordChange], _ rows: any Rows
    ) throws(RowsError) -> UserChanges.Entry {
        var change = change
        let base: Base?
        switch change.attempt {
        case .made(let earlier) where earlier.map { $0.epoch == feed.state.token?.epoch } ?? true:
            base = earlier
        case .none, .made:
            base = changes.first?.base
            change.attempt = .made(from: base)
            try rows.save(change)
        }
        let id =
            settings.map { settings in
                AssetIdentity.group(
                    of: Array(JSONText.encode(change.fields).utf8), about: change.key, base: base,
                    epoch: feed.state.token?.epoch ?? Epoch(rawValue: 0),
                    device: settings.device, idKey: settings.idKey)
            } ?? GroupID(high: 0, low: 0)
        var repeated = changes
        if !repeated.isEmpty {
            repeated[0].base = base
            repeated[0].derivedFrom = change.derivedFrom
        }
        return UserChanges.Entry(change: change, group: ChangeGroup(id: id, changes: repeated))
    }

    // MARK: What became of it

    mutating func userChangesCommitted(
        _ entries: [UserChanges.Entry], _ results: [GroupResult], _ token: ChangeToken,
        _ rows: any Rows
    ) throws(RowsError) {
        userChanges.isUnderWay = false
        uploads.commitIsUnderWay = false
        userChanges.isNeeded = true
        let byID = Dictionary(results.map { ($0.id, $0) }) { first, _ in first }
        let followsFeed = try advanceToken(past: token, results, rows)
        if !results.allSatisfy({ $0.status == .saved }) { userChanges.pass() }
        for entry in entries {
            guard let result = byID[entry.group.id] else {
                userChanges.fail(
                    entry.change.key, RequestFailure.interrupted.text, at: now, rule: retryRule)
                continue
            }
            switch result.status {
            case .saved: try saved(entry, result, token, followsFeed: followsFeed, rows)
            case .recordChanged: try changedMeanwhile(entry, result, token, rows)
            case .blobsMissing, .overQuota, .invalidRecord, .notAllowed, .notInTrash:
                try forgetAttempt(entry, rows)
                userChanges.fail(
                    entry.change.key, result.message ?? result.status.rawValue, at: now,
                    rule: retryRule)
            }
        }
    }

    private mutating func saved(
        _ entry: UserChanges.Entry, _ result: GroupResult, _ token: ChangeToken,
        followsFeed: Bool, _ rows: any Rows
    ) throws(RowsError) {
        let key = entry.change.key
        guard followsFeed else {
            let base = Base(epoch: token.epoch, sequence: result.sequence ?? token.sequence)
            userChanges.awaited[key] = UserChanges.Awaited(base: base, saved: entry.change)
            userChanges.hasLeft = true
            if let read = feed.state.token, read.sequence >= base.sequence { feed.isNeeded = true }
            return
        }
        for change in entry.group.changes {
            try noteSaved(change, result.sequence ?? token.sequence, token.epoch, rows)
        }
        userChanges.settle(key)
        // Unless the user has said more about it meanwhile.
        if try rows.pendingChange(key) == entry.change { try rows.removePendingChange(key) }
    }

    private mutating func changedMeanwhile(
        _ entry: UserChanges.Entry, _ result: GroupResult, _ token: ChangeToken, _ rows: any Rows
    ) throws(RowsError) {
        try forgetAttempt(entry, rows)
        let keys = entry.group.changes.map(\.key)
        guard result.records.allSatisfy({ keys.contains($0.key) }) else {
            return userChanges.fail(
                entry.change.key, "another photo has these bytes", at: now, rule: retryRule)
        }
        var isAhead = feed.state.token?.epoch != token.epoch
        for record in result.records {
            // A first listing leaves tombstones out: this is where they become known.
            if let read = feed.state.token, read.epoch == token.epoch,
                record.envelope.sequence <= read.sequence
            {
                try save(record, epoch: token.epoch, rows)
            } else {
                isAhead = true
            }
        }
        guard isAhead else { return }
        feed.isNeeded = true
        let base = Base(epoch: token.epoch, sequence: token.sequence)
        userChanges.awaited[entry.change.key] = UserChanges.Awaited(base: base, saved: nil)
        userChanges.hasLeft = true
    }

    /// The server did not take it: the next try is another one.
    private func forgetAttempt(
        _ entry: UserChanges.Entry, _ rows: any Rows
    ) throws(RowsError) {
        guard var row = try rows.pendingChange(entry.change.key), row == entry.change else {
            return
        }
        row.attempt = .none
        try rows.save(row)
    }

    /// The request came to nothing.
    mutating func userChangesFailed(_ entries: [UserChanges.Entry], refusal: String?) {
        userChanges.isUnderWay = false
        uploads.commitIsUnderWay = false
        userChanges.pass()
        guard let refusal else { return }
        for entry in entries {
            userChanges.fail(entry.change.key, refusal, at: now, rule: retryRule)
        }
    }

    /// The feed was read to its end: what waited for it can go on.
    mutating func resumeUserChanges() {
        if userChanges.hasLeft { userChanges.pass() }
    }
}
