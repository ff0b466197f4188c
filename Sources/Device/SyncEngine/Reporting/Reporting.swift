import Records
import Status

// Telling the server how this device is, and, with `--once`, when to end.

struct Reporting: Sendable {
    /// What the server was told last, and in which shape, to see when it changed.
    var last: Reference<LibraryStatus>?
    private var latestNotice: Reference<ServerNotice>?
    /// What the server said of itself and the account then.
    var notice: ServerNotice? {
        get { latestNotice?.value }
        set { latestNotice = newValue.map(Reference.init) }
    }
    /// The version of the notice that the event stream told last.
    var heardVersion: String?
    /// It is not that of the latest answer, or nobody tells of it any more: another report is due.
    var isNoticeStale = false
    /// The latest answer is of a version that the event stream has not told of.
    ///
    /// That looks now and then: what is as before by then it never tells, so that the server is asked
    /// once more behind that.
    var isAhead = false
    /// The report under way asks once more.
    var isAskingAgain = false
    /// Since when it has said this version, and since when the account is nearly full.
    var noticeSince: Timestamp?
    var nearlyFullSince: Timestamp?
    /// Originals that are on the server alone, and since when there are any.
    var lastCopies = 0
    var lastCopiesSince: Timestamp?
    var lastAt: Int64?
    var isSending = false
    var count = 0
    /// Uptime of the last look at the status, and of the next.
    var checkedAt: Int64?
    var checkAt: Int64?
    private var signature: Signature?

    /// What makes a report due at once when it changes.
    struct Signature: Equatable, Sendable {
        let state: LibraryState
        let codes: [String]
    }

    @inline(__always)
    var nextDeadline: Int64? {
        isSending ? nil : earliest(heartbeatAt, checkAt)
    }

    /// Uptime at which it reports though nothing changed here.
    var heartbeatAt: Int64? {
        let milliseconds =
            isAhead ? Int64(2 * Limits.noticePollMilliseconds) : Limits.reportSeconds * 1_000
        return lastAt.map { $0 + milliseconds }
    }

    mutating func sent(_ status: LibraryStatus, at now: Moment) {
        isSending = true
        isNoticeStale = false
        // A report that came before that says nothing of it.
        isAskingAgain = isAhead && heartbeatAt.map { now.uptime >= $0 } ?? false
        isAhead = false
        count += 1
        lastAt = now.uptime
        checkAt = nil
        signature = Signature(status)
    }

    mutating func failed(at now: Moment) {
        isSending = false
        isNoticeStale = heardVersion != notice?.eventVersion
        signature = nil
        checkAt = now.uptime + Limits.reportSpacingMilliseconds
    }

    func differs(from status: LibraryStatus) -> Bool { signature != Signature(status) }
}

extension Reporting.Signature {
    init(_ status: LibraryStatus) {
        state = status.state
        codes = status.reasons.map(\.code.rawValue)
    }
}

extension SyncEngine {
    /// A running agent reports each change, at most once a second, and every five minutes; and when
    /// the server has something else to say than it answered last.
    mutating func advanceReport(_ rows: any Rows) throws(RowsError) {
        guard !options.once, !reporting.isSending, serverGate.allows(at: now),
            circumstances.way == nil
        else { return }
        if let checkedAt = reporting.checkedAt,
            now.uptime < checkedAt + Limits.reportSpacingMilliseconds
        {
            if !foundNothingNew {
                reporting.checkAt = checkedAt + Limits.reportSpacingMilliseconds
            }
            return
        }
        reporting.checkedAt = now.uptime
        reporting.checkAt = nil
        let status = try status(at: now, rows: rows)
        let isHeartbeat = reporting.heartbeatAt.map { now.uptime >= $0 } ?? true
        guard isHeartbeat || reporting.isNoticeStale || reporting.differs(from: status) else {
            return
        }
        report(status)
    }

    private mutating func report(_ status: LibraryStatus) {
        reporting.sent(status, at: now)
        send(.reportState(status, runs: runs.known), .report(status))
    }

    mutating func reported(_ status: LibraryStatus, epoch: Epoch) {
        reporting.isSending = false
        reporting.last = Reference(status)
        if let token = feed.state.token, token.epoch != epoch { feed.isNeeded = true }
    }

    // MARK: The end of `--once`

    mutating func finishIfIdle(_ rows: any Rows) throws(RowsError) {
        if serverGate.isGivenUp {
            switch serverGate.failure {
            case .signInNeeded?: return finish(.signInNeeded)
            case .versionTooOld?, .refused?: return finish(.incomplete)
            default: return finish(.serverUnreachable)
            }
        }
        if serverGate.failure == .signInNeeded { return finish(.signInNeeded) }
        guard circumstances.isKnown else { return }
        if circumstances.service.isRemoving, !circumstances.isPaused(at: now) {
            return finishIfRemovalIsStuck()
        }
        if let stop = circumstances.stop(at: now) { return try finishStopped(stop, rows) }
        // A closed gate opens again, or gives up.
        guard isIdle, serverGate.allows(at: now) else { return }
        let status = try status(at: now, rows: rows)
        let isTold = reporting.last.map {
            $0.value.counts == status.counts && $0.value.state == status.state
        }
        if !(isTold ?? false), reporting.count < Limits.reportsAtEndMax {
            return report(status)
        }
        // Maintenance passes by itself, though reading went on.
        let passes = status.reasons.contains { $0.code == .serverMaintenance }
        finish(status.isAllDone ? .inSync : passes ? .serverUnreachable : .incomplete)
    }

    /// The conditions let nothing more be done: what could be done here, is.
    private mutating func finishStopped(
        _ stop: Circumstances.Stop, _ rows: any Rows
    ) throws(RowsError) {
        guard comparison.isIdle, reading.isIdle, !library.isReading,
            library.raising == nil, requests.isEmpty,
            operations.isEmpty
        else { return }
        switch stop {
        case .offline, .captivePortal: finish(.serverUnreachable)
        case .serviceOff where options.removesOriginals: finish(.inSync)
        case .paused, .serviceOff, .appNotAllowed:
            if reporting.count == 0, serverGate.allows(at: now) {
                return report(try status(at: now, rows: rows))
            }
            finish(.incomplete)
        }
    }

    /// A removal ends by itself, unless nothing may leave.
    private mutating func finishIfRemovalIsStuck() {
        if circumstances.way != nil { return finish(.serverUnreachable) }
        if circumstances.deniedSince != nil { return finish(.incomplete) }
        guard comparison.isIdle, !library.isReading, library.raising == nil, requests.isEmpty,
            operations.isEmpty, serverGate.allows(at: now)
        else { return }
        if !library.isTrusted || isAnothers || removals.attempts.isGivenUp {
            finish(.incomplete)
        }
    }

    private mutating func finish(_ outcome: Outcome) {
        finished = outcome
        effects.append(.finished(outcome))
    }

    private var isIdle: Bool {
        // A library that is being made durable was not compared yet.
        guard comparison.isIdle, reading.isIdle, openPass.isIdle, !library.isReading,
            library.raising == nil, operations.isEmpty,
            requests.isEmpty, feed.state.isComplete, !feed.isBehind
        else { return false }
        let uploadsEnded =
            uploads.isIdle || (uploads.gate.isGivenUp && uploads.activeCount == 0)
        return uploadsEnded && downloadsEnded && removalsAreIdle && userChanges.isIdle
            && localChangesEnded && evictionsAreIdle && renamingIsIdle && previewsAreIdle
    }

    private var localChangesEnded: Bool {
        guard !localChanges.isChecking else { return false }
        // Without its mark nothing of the library is proven missing.
        let mayCheck = if case .good = library.mark { true } else { false }
        return localChanges.commits.isIdle && (localChanges.checkAt == nil || !mayCheck)
    }

    private var downloadsEnded: Bool {
        if downloads.isIdle { return true }
        guard downloads.hasTemporaries, downloads.localWork == 0 else { return false }
        let isStopped = downloads.gate.isGivenUp || library.isMissing
        let waits = downloads.batch.map { $0.step == .checkingMark || $0.step == .settingAside }
        return isStopped && waits ?? true
    }
}
