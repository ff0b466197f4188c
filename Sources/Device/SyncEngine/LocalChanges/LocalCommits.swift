import Library
import Records

// Telling the server what the user's files say about records: deletions, names.

/// One record's change, as it follows from files.
struct LocalCommit: Sendable {
    let asset: RecordID
    let group: ChangeGroup
    /// Counted among the changes of 24 hours (P4).
    let isCounted: Bool
}

struct LocalCommits: Sendable {
    /// Rows may say that something is to be sent.
    var isPlanNeeded = false
    /// How far the plan came.
    var cursor: Place?
    /// Saved by the server, until the feed says so.
    var awaited: Set<RecordID> = []
    /// Assets whose files were renamed and which the server does not have, since it was restored: the
    /// name is told when they are there again.
    var waitingForRecord: Set<RecordID> = []
    /// Of assets whose last try failed.
    var attempts: [RecordID: Attempts] = [:]
    /// Uptime at which deletions are planned again that waited for files to be read.
    var postponedTo: Int64?

    var nextTry: Int64? {
        guard !attempts.isEmpty else { return postponedTo }
        let tries = attempts.values.compactMap(\.nextTry).min()
        return earliest(tries, postponedTo)
    }

    var isIdle: Bool {
        !isPlanNeeded && awaited.isEmpty && postponedTo == nil
            && attempts.values.allSatisfy(\.isGivenUp)
    }

    /// Nothing of this asset is under way or waits for its next try.
    func mayStart(_ asset: RecordID, at now: Moment) -> Bool {
        guard !awaited.contains(asset) else { return false }
        guard let attempts = attempts[asset] else { return true }
        return attempts.nextTry.map { $0 <= now.uptime } ?? false
    }

    mutating func retryNow(at now: Moment) {
        for asset in attempts.keys.sorted() { attempts[asset]?.retryNow(at: now) }
        isPlanNeeded = true
    }
}

extension SyncEngine {
    /// Before uploads: these are small, and people wait for them.
    mutating func advanceLocalCommits(_ rows: any Rows) throws(RowsError) {
        if let due = localChanges.commits.nextTry, due <= now.uptime {
            localChanges.commits.isPlanNeeded = true
            localChanges.commits.postponedTo = nil
        }
        guard localChanges.commits.isPlanNeeded, !uploads.commitIsUnderWay,
            circumstances.stop(at: now) == nil, serverGate.allows(at: now),
            feed.state.isComplete, !feed.isBehind,
            // All that is missing is known before it is decided whether it is much.
            localChanges.cursor == nil, !localChanges.isChecking,
            // What was missed may lie in a folder that has just come back.
            localChanges.missingCount == 0 || !comparison.isRunning
        else { return }
        var commits: [LocalCommit] = []
        localChanges.commits.waitingForRecord.removeAll()
        try planRenames(&commits, rows)
        try planDeletions(&commits, rows)
        if !localChanges.commits.isPlanNeeded { dropOldAttempts(except: commits) }
        guard !commits.isEmpty else { return }
        uploads.commitIsUnderWay = true
        send(.commit(commits.map(\.group), after: feed.state.token), .commitLocal(commits))
    }

    /// Tries that are due and nothing to be tried any more.
    private mutating func dropOldAttempts(except commits: [LocalCommit]) {
        guard !localChanges.commits.attempts.isEmpty else { return }
        let wanted = Set(commits.map(\.asset))
        localChanges.commits.attempts = localChanges.commits.attempts.filter {
            wanted.contains($0.key) || $0.value.nextTry ?? .max > now.uptime
        }
    }

    /// Assets whose last place was removed, until a commit is full.
    private mutating func planDeletions(
        _ commits: inout [LocalCommit], _ rows: any Rows
    ) throws(RowsError) {
        guard localChanges.missingCount > 0 else {
            localChanges.commits.isPlanNeeded = false
            return
        }
        let held = try HeldChanges.summary(rows, at: now.wall)
        if held.isHeld, try rows.missingCounts().approved == 0 {
            localChanges.commits.cursor = nil
            localChanges.commits.isPlanNeeded = false
            return
        }
        // Nobody has said yet what these are; one of them may be what is missed.
        let asked = Set(
            try HeldChanges.suspicious(rows, limit: Limits.missingPerCheckMax)
                .map(\.stamp.byteCount))
        while commits.count < Limits.groupsPerDeviceCommitMax {
            let page = try rows.missingFiles(
                after: localChanges.commits.cursor, limit: Limits.groupsPerDeviceCommitMax)
            for missing in page where missing.isConfirmed && missing.agreed.role == .original {
                guard missing.isApproved || !held.isHeld,
                    localChanges.commits.mayStart(missing.agreed.asset, at: now),
                    !commits.contains(where: { $0.asset == missing.agreed.asset })
                else { continue }
                if asked.contains(missing.stamp.byteCount) {
                    try forget(missing, rows)
                } else if let commit = try deletion(missing, rows) {
                    commits.append(commit)
                }
                if commits.count == Limits.groupsPerDeviceCommitMax { break }
            }
            localChanges.commits.cursor = page.last?.place
            if page.count < Limits.groupsPerDeviceCommitMax {
                localChanges.commits.cursor = nil
                localChanges.commits.isPlanNeeded = false
                return
            }
        }
    }

    private mutating func deletion(
        _ missing: MissingFile, _ rows: any Rows
    ) throws(RowsError) -> LocalCommit? {
        let key = RecordKey(type: .asset, id: missing.agreed.asset)
        guard let remote = try rows.remote(key), remote.record.isLiveAsset else {
            try forget(missing, rows)
            return nil
        }
        // It was missed long ago, perhaps, and a disk that has come back since may hold it.
        if reading.isBusy, try rows.hasUnreadFile(of: missing.stamp.byteCount) {
            localChanges.commits.postponedTo = now.uptime + Limits.vanishedMilliseconds
            return nil
        }
        guard try !isElsewhere(missing.agreed, of: remote.record, rows) else {
            try forget(missing, rows)
            return nil
        }
        // Only a newer Martlet may delete it: here it is fetched again.
        guard !isReadOnly(remote.record) else {
            try forgetMissing(of: key.id, rows)
            let cause = "it was written by a newer Martlet, which alone may delete it"
            try note(StoryCode.fetchedAgain, cause, of: key.id, rows)
            try wantDownload(of: remote, rows)
            return nil
        }
        return LocalCommit(
            asset: key.id,
            group: ChangeGroup(
                id: groupID(key.id, remote.base, "trash"),
                changes: [RecordChange(key: key, base: remote.base, trashed: true)]),
            isCounted: !missing.isApproved)
    }

    func groupID(_ asset: RecordID, _ base: Base, _ words: String) -> GroupID {
        guard let settings else { return GroupID(high: 0, low: 0) }
        return AssetIdentity.group(
            asset: asset, base: base, words: words, device: settings.device,
            attempt: localChanges.commits.attempts[asset]?.tries ?? 0, idKey: settings.idKey)
    }

    // MARK: Replies

    mutating func localCommitted(
        _ commits: [LocalCommit], _ results: [GroupResult], _ token: ChangeToken, _ rows: any Rows
    ) throws(RowsError) {
        uploads.commitIsUnderWay = false
        let byID = Dictionary(results.map { ($0.id, $0) }) { first, _ in first }
        let followsFeed = try advanceToken(past: token, results, rows)
        for commit in commits {
            guard let result = byID[commit.group.id] else {
                localCommitFailed(commit, RequestFailure.interrupted.text)
                continue
            }
            guard result.status == .saved else {
                try localCommitRefused(commit, result, token, rows)
                continue
            }
            localChanges.commits.attempts[commit.asset] = nil
            if commit.isCounted { try rows.save(SentChange(asset: commit.asset, at: now.wall)) }
            let sequence = result.sequence ?? token.sequence
            if followsFeed {
                for change in commit.group.changes {
                    try noteSaved(change, sequence, token.epoch, rows)
                }
                // Names that are the same on both sides now are agreed on.
                localChanges.commits.isPlanNeeded = true
            } else {
                localChanges.commits.awaited.insert(commit.asset)
                // Remembered from an earlier try, and read since: the feed will not say it again.
                if let read = feed.state.token, read.sequence >= sequence { feed.isNeeded = true }
            }
        }
    }

    private mutating func localCommitRefused(
        _ commit: LocalCommit, _ result: GroupResult, _ token: ChangeToken, _ rows: any Rows
    ) throws(RowsError) {
        for record in result.records {
            if let read = feed.state.token, read.epoch == token.epoch,
                record.envelope.sequence <= read.sequence
            {
                try save(record, epoch: token.epoch, rows)
            } else {
                feed.isNeeded = true
            }
        }
        localCommitFailed(commit, result.message ?? result.status.rawValue)
    }

    /// The request failed as a whole.
    mutating func localCommitsFailed(_ commits: [LocalCommit], _ failure: RequestFailure) {
        uploads.commitIsUnderWay = false
        localChanges.commits.isPlanNeeded = true
        guard case .refused = failure else { return }
        for commit in commits { localCommitFailed(commit, failure.text) }
    }

    private mutating func localCommitFailed(_ commit: LocalCommit, _ cause: String) {
        localChanges.commits.attempts[commit.asset, default: Attempts()]
            .fail(cause, at: now, rule: retryRule)
    }

    /// An asset that the server lacked may be there again.
    mutating func resumeRename(of record: Record) {
        guard record.isLiveAsset,
            localChanges.commits.waitingForRecord.remove(record.key.id) != nil
        else { return }
        localChanges.commits.isPlanNeeded = true
    }

    /// The feed was read to its end: what was committed before is in the rows.
    mutating func settleLocalCommits() {
        guard !localChanges.commits.awaited.isEmpty else { return }
        localChanges.commits.awaited.removeAll()
        localChanges.commits.isPlanNeeded = true
    }
}
