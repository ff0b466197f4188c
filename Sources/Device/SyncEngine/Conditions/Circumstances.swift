import Records
import Status

// What the machine and the user allow now.
//
// - No latched pause (P6): everything here is derived from the latest reading and the user's rows.
//   What they forbid starts by itself with the first event after they allow it.
// - While something waits the machine is asked every 2 s, so that a reason is gone within 5 s of its
//   cause; an idle engine is only told of changes.
// - Looking at this device's own files goes on whatever the conditions: the status says what waits.
// - What people decide crosses over every network and with every battery: only bytes wait.

struct Circumstances: Sendable {
    private var latest: Reference<Conditions>?
    /// `nil` until the machine was asked once.
    var reading: Conditions? {
        get { latest?.value }
        set { latest = newValue.map(Reference.init) }
    }
    /// The machine was asked once.
    var isKnown: Bool { latest != nil }
    var isReading = false
    /// The latest probe's.
    var serverAnswered = false
    /// Uptime of the latest reading.
    var readAt: Int64?
    var pause: Pause?
    var service = ServiceState.on
    /// Since when photos are switched off for the account, as the server said last.
    var deniedSince: Timestamp?
    var meteredUse: MeteredUse?
    /// `sync --now`: power and metered networks hold nothing back until all is done.
    var isOverridden = false
    var requests = RecentRequests()
    /// Uptime until which it is said that the machine slept, at least.
    var wokeUntil: Int64?
    var keepsAwake = false
    /// Since when each of the codes has had its evidence.
    private var since: [ReasonCode: Timestamp] = [:]

    /// What keeps every request of the sync from going out.
    enum Stop: Sendable {
        case paused(Pause)
        case serviceOff
        case appNotAllowed
        case offline(cause: String)
        case captivePortal
    }

    func stop(at now: Moment) -> Stop? {
        if let pause, pause.isInForce(at: now) { return .paused(pause) }
        guard service.isOn else { return .serviceOff }
        return way ?? (deniedSince == nil ? nil : .appNotAllowed)
    }

    func isPaused(at now: Moment) -> Bool { pause?.isInForce(at: now) ?? false }

    /// What keeps even the device's report from getting through.
    var way: Stop? {
        guard let network = reading?.network else { return nil }
        if case .missing(let cause) = network.route { return .offline(cause: cause) }
        return network.isCaptive ? .captivePortal : nil
    }

    var policies: Policies { reading?.policies ?? Policies() }

    func since(_ code: ReasonCode, at moment: Moment) -> Timestamp { since[code] ?? moment.wall }

    mutating func note(_ codes: [ReasonCode], at now: Moment) {
        var noted: [ReasonCode: Timestamp] = [:]
        for code in codes { noted[code] = since[code] ?? now.wall }
        since = noted
    }

    /// Uptime at which something changes by itself.
    func nextDeadline(at now: Moment) -> Int64? {
        guard let until = pause?.until, now.wall < until else { return wokeUntil }
        return earliest(now.uptime + until.milliseconds - now.wall.milliseconds, wokeUntil)
    }
}

extension SyncEngine {
    /// Whether a request of the sync may go out now.
    var allowsRequests: Bool {
        circumstances.stop(at: now) == nil && serverGate.allows(at: now) && !isAnothers
    }

    /// Whether bytes of items may move now, as far as `byteCountAllowed` lets them.
    var allowsTransfers: Bool { circumstances.isKnown && allowsRequests }

    mutating func readAllowances(_ rows: any Rows) throws(RowsError) {
        circumstances.pause = try rows.pause()
        circumstances.meteredUse = try rows.meteredUse()
        try readService(rows)
    }

    // MARK: Reading

    /// Asks the machine, and looks at the library's mark, when it is time.
    mutating func advanceConditions() {
        if let until = circumstances.wokeUntil, until <= now.uptime, hasNothingToDo {
            circumstances.wokeUntil = nil
        }
        if circumstances.isOverridden, hasNothingToDo { circumstances.isOverridden = false }
        // Together with the library's mark, so that a machine that waits is woken once for both.
        let due = circumstances.isReading ? nil : nextConditionsReading
        guard earliest(due, library.nextReading) ?? .max <= now.uptime else { return }
        let soon = now.uptime + Limits.conditionsMilliseconds / 2
        if let markDue = library.nextReading, markDue <= soon { readMark() }
        guard let due, due <= soon else { return }
        circumstances.isReading = true
        effects.append(.readConditions(probesServer: needsProbe))
    }

    /// Uptime of the next reading.
    var nextConditionsReading: Int64? {
        guard let readAt = circumstances.readAt else { return now.uptime }
        return isWaiting ? readAt + Limits.conditionsMilliseconds : nil
    }

    private var isWaiting: Bool {
        serverGate.isClosed || !uploads.items.isEmpty || !downloads.items.isEmpty
            || !previews.items.isEmpty || !evictions.isIdle
            || !conditionCodes(at: now).isEmpty
    }

    private var hasNothingToDo: Bool {
        uploads.items.isEmpty && downloads.items.isEmpty && previews.items.isEmpty
            && !serverGate.isClosed && comparison.isIdle && comparison.hasComparedLibrary
            && reading.isIdle
            && openPass.isIdle && !feed.isBehind
    }

    /// Somebody else may be answering in the server's place.
    private var needsProbe: Bool {
        serverGate.isClosed || circumstances.reading?.network.isCaptive ?? false
    }

    /// What the machine says now, asked for or not.
    mutating func take(_ conditions: Conditions) {
        let before = circumstances.reading
        let wasStopped = circumstances.way != nil
        foundNothingNew = before == conditions
        circumstances.isReading = false
        circumstances.readAt = now.uptime
        circumstances.reading = conditions
        if before?.network != conditions.network { circumstances.requests.forget() }
        circumstances.note(conditionCodes(at: now), at: now)
        if let sleep = conditions.sleep, sleep != before?.sleep, before != nil { wakeUp() }
        // A limit that was raised, or a watch that came free: folders are watched again as they are
        // read.
        if before?.watchLimit != nil, conditions.watchLimit == nil {
            comparison.watched.removeAll()
            startComparison()
        }
        if wasStopped, circumstances.way == nil { retryEverything() }
        // It answers again: what waits for it need not wait for its own next try. Once each time it
        // comes back: a server that answers and breaks every request is left its time.
        if let answers = conditions.serverAnswers {
            if answers, !circumstances.serverAnswered, serverGate.failure?.endsWithProbe ?? false {
                serverGate.retryNow(at: now)
            }
            circumstances.serverAnswered = answers
        }
    }

    /// Connections of before are dead without anybody having said so, and the world went on.
    private mutating func wakeUp() {
        circumstances.wokeUntil = now.uptime + Limits.wokeMilliseconds
        for id in requests.keys.sorted(by: { $0.rawValue < $1.rawValue }) {
            effects.append(.cancel(id))
        }
        feed.isNeeded = true
        readMark()
        startComparison()
        retryEverything()
    }

    // MARK: Large uploads keep the machine awake

    mutating func advanceKeepingAwake() {
        let wanted = wantsAwake
        guard wanted != circumstances.keepsAwake else { return }
        circumstances.keepsAwake = wanted
        effects.append(.keepAwake(wanted))
    }

    private var wantsAwake: Bool {
        guard uploads.transfers > 0, uploads.byteCount > Limits.largeItemByteCountMin else {
            return false
        }
        return switch circumstances.policies.keepAwake {
        case .never: false
        case .onMains: circumstances.reading?.power.source == .mains
        case .always: true
        }
    }
}
