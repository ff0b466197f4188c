import Library
import Records
import Status
import Status

// Fetching the previews of pictures whose originals are not here, so that each can be seen: with
// Optimize Storage for as long as the original stays in the cloud, else until it has come.
//
// - Nothing is queued in rows: what is wanted follows from the records, the files and the previews
//   that are here, so a crash changes nothing.
// - Only some are in memory at a time, the newest; rows have the rest in order.
// - A preview that fails holds up no other, and nothing else waits for previews.

/// A preview that is to be fetched.
struct PreviewItem: Sendable {
    enum Stage: Sendable {
        case queued
        case downloading
        /// Its bytes are here and checked; only its place is missing.
        case ready
        case placing
        /// Failed; its next try is not due.
        case waiting
    }

    let wanted: WantedPreview
    var stage = Stage.queued
    var attempts = Attempts()
    /// Bytes may lie in its temporary file.
    var hasTemporary = false
    /// A sync failed after its bytes were begun: they are to be written again.
    var isDistrusted = false

    /// The preview's digest is in it, so that a new rendition never goes on behind an old one.
    var temporary: TemporaryName {
        TemporaryName("preview-\(wanted.asset.text)-\(wanted.digest.text.prefix(16))")
    }
}

struct Previews: Sendable {
    /// Looked up, never walked: the queue gives the order.
    var items: [RecordID: PreviewItem] = [:]
    var queue = Heap<Ticket<RecordID>>()
    var waiting = Heap<Due<RecordID>>()
    var ready = Queue<RecordID>()
    var readySince: Int64?
    var batch: PreviewBatch?
    /// Requests under way.
    var transfers = 0
    /// Items that are tried no more with `--once`.
    var givenUpCount = 0
    /// The library's disk failed one in a way that concerns all.
    var gate = Gate()
    /// The next one does not fit on the disk.
    var withoutSpaceSince: Timestamp?

    /// Rows may want some that are not in memory.
    var isPassNeeded = false
    var isPassRunning = false
    var cursor: WantedPreview?
    /// Uptime at which rows are looked at again: an original went.
    var passDue: Int64?
    /// Some that lie here may be nobody's any more.
    var isRemovalNeeded = false
    /// Uptime at which they go even while other things are under way.
    var removalDue: Int64?
    /// Uptime at which those that could not be taken away are looked at again.
    var removalRetry: Int64?
    var upkeep = PreviewUpkeep()

    /// Milliseconds that removals wait for others to go with them.
    private static let removalMilliseconds: Int64 = 10_000

    @inline(__always)
    var nextDeadline: Int64? {
        let gather = readySince.map { $0 + Limits.gatherMilliseconds }
        let fetching = earliest(earliest(gather, waiting.first?.at), gate.nextTry)
        return earliest(earliest(fetching, passDue), earliest(removalDue, removalRetry))
    }

    var hasRoom: Bool {
        queue.count < Limits.previewsAheadMax && items.count < Limits.previewsOpenMax
    }

    mutating func needPass() {
        isPassNeeded = true
        passDue = nil
        cursor = nil
    }

    /// An original went: its preview is wanted soon, but not before a file that was only moved has
    /// been seen at its new place.
    mutating func needPassSoon(at now: Moment) {
        passDue = passDue ?? now.uptime + Limits.vanishedMilliseconds
    }

    mutating func needRemoval(at now: Moment) {
        isRemovalNeeded = true
        removalDue = removalDue ?? now.uptime + Self.removalMilliseconds
    }

    /// The disk did not do what was asked of it: later, and not in a hurry.
    mutating func retryRemoval(at now: Moment) {
        removalRetry = now.uptime + Self.removalMilliseconds
    }

    mutating func add(_ wanted: WantedPreview) {
        guard items[wanted.asset] == nil else { return }
        items[wanted.asset] = PreviewItem(wanted: wanted)
        enqueue(wanted)
    }

    private mutating func enqueue(_ wanted: WantedPreview) {
        queue.push(Ticket(order: -wanted.shownAt.milliseconds, subject: wanted.asset))
    }

    mutating func remove(_ asset: RecordID) {
        guard let item = items.removeValue(forKey: asset) else { return }
        if item.stage == .waiting, item.attempts.isGivenUp { givenUpCount -= 1 }
    }

    mutating func move(_ asset: RecordID, to stage: PreviewItem.Stage, at now: Moment) {
        guard let item = items[asset] else { return }
        if item.stage == .waiting, item.attempts.isGivenUp { givenUpCount -= 1 }
        items[asset]?.stage = stage
        switch stage {
        case .queued: enqueue(item.wanted)
        case .downloading: items[asset]?.hasTemporary = true
        case .ready:
            ready.append(asset)
            readySince = readySince ?? now.uptime
        case .placing: break
        case .waiting:
            if let due = item.attempts.nextTry {
                waiting.push(Due(at: due, subject: asset))
            } else {
                givenUpCount += 1
            }
        }
    }

    mutating func fail(_ asset: RecordID, _ cause: String, at now: Moment, rule: RetryRule) {
        guard items[asset] != nil else { return }
        move(asset, to: .placing, at: now)
        items[asset]?.attempts.fail(cause, at: now, rule: rule)
        move(asset, to: .waiting, at: now)
    }

    mutating func takeDue(at now: Moment) {
        if let due = passDue, due <= now.uptime { needPass() }
        if let due = removalRetry, due <= now.uptime {
            removalRetry = nil
            needRemoval(at: now)
        }
        while let first = waiting.first, first.at <= now.uptime {
            _ = waiting.pop()
            guard let item = items[first.subject], item.stage == .waiting,
                item.attempts.nextTry ?? .max <= now.uptime
            else { continue }
            move(first.subject, to: .queued, at: now)
        }
    }

    mutating func retryNow(at now: Moment) {
        gate.retryNow(at: now)
        while let next = waiting.pop() {
            if items[next.subject]?.stage == .waiting { move(next.subject, to: .queued, at: now) }
        }
    }
}

extension SyncEngine {
    /// A comparison begins, or something else may have changed what is wanted.
    mutating func lookForPreviews() {
        previews.needPass()
        previews.needRemoval(at: now)
    }

    /// What the server now says of an asset or its rendering.
    mutating func notePreview(of record: Record) {
        switch record.key.type {
        case .rendering: previews.needPass()
        case .asset where record.isDeleted: previews.needRemoval(at: now)
        case .asset: previews.needPass()
        default: break
        }
    }

    mutating func advancePreviews(_ rows: any Rows) throws(RowsError) {
        previews.takeDue(at: now)
        // Nothing is held back by it any more.
        if previews.items.isEmpty, previews.gate.isClosed { previews.gate.open() }
        guard canReceive else { return }
        try advancePreviewListing(rows)
        try readWantedPreviews(rows)
        let fits = nextPreview.map { hasRoom(for: $0) } ?? true
        previews.withoutSpaceSince = fits ? nil : previews.withoutSpaceSince ?? now.wall
        try advancePreviewBatch(rows)
    }

    private mutating func readWantedPreviews(_ rows: any Rows) throws(RowsError) {
        if previews.isPassNeeded {
            previews.isPassNeeded = false
            previews.isPassRunning = true
            previews.cursor = nil
        }
        while previews.isPassRunning, previews.hasRoom {
            let page = try rows.previewsWanted(
                after: previews.cursor, limit: Limits.previewsAheadMax)
            for wanted in page { previews.add(wanted) }
            previews.cursor = page.last
            if page.count < Limits.previewsAheadMax { previews.isPassRunning = false }
        }
    }

    // MARK: Transfers

    /// Whether the conditions and the disk let previews move: whatever their size they are small.
    private func mayMove(_ wanted: WantedPreview) -> Bool {
        let byteCount = min(wanted.byteCount, Limits.smallItemByteCountMax)
        return byteCount <= byteCountAllowed(.download) && hasRoom(for: wanted)
    }

    private var nextPreview: WantedPreview? {
        previews.queue.first.flatMap { previews.items[$0.subject]?.wanted }
    }

    /// The next one waits for other conditions, or for space.
    private var previewsAreHeld: Bool { nextPreview.map { !mayMove($0) } ?? false }

    var canStartPreview: Bool {
        guard canReceive, previews.gate.allows(at: now), let first = previews.queue.first else {
            return false
        }
        guard let item = previews.items[first.subject], item.stage == .queued else { return true }
        return !downloads.removing.contains(item.temporary) && mayMove(item.wanted)
    }

    mutating func startPreview(_ rows: any Rows) throws(RowsError) {
        guard let asset = previews.queue.pop()?.subject, let item = previews.items[asset],
            item.stage == .queued
        else { return }
        guard try rows.wantedPreview(of: asset) == item.wanted else { return drop(item) }
        previews.move(asset, to: .downloading, at: now)
        previews.transfers += 1
        previews.gate.pass()
        send(
            .download(
                item.wanted.digest, byteCount: item.wanted.byteCount, into: item.temporary),
            .preview(asset, byteCount: item.wanted.byteCount))
    }

    /// Another one is wanted by now, or none.
    mutating func drop(_ item: PreviewItem) {
        previews.remove(item.wanted.asset)
        if item.hasTemporary { removeTemporary(item.temporary) }
        previews.needPass()
    }

    mutating func previewDownloaded(_ asset: RecordID, _ received: Digest) {
        previews.transfers -= 1
        previews.gate.endProbe()
        guard let item = previews.items[asset] else { return }
        if item.isDistrusted { return writeAgain(item) }
        guard received == item.wanted.digest else {
            return fail(item, "what arrived was not what was asked for", startingAnew: true)
        }
        previews.move(asset, to: .ready, at: now)
    }

    mutating func previewFailed(_ asset: RecordID, _ failure: RequestFailure) {
        previews.transfers -= 1
        previews.gate.endProbe()
        guard let item = previews.items[asset] else { return }
        if item.isDistrusted { return writeAgain(item) }
        if case .disk(let error) = failure { return fail(item, error) }
        guard !failure.concernsServer(isTransfer: true) else {
            return previews.move(asset, to: .queued, at: now)
        }
        var startsAnew = false
        if case .digestMismatch = failure { startsAnew = true }
        fail(item, failure.text, startingAnew: startsAnew)
    }

    mutating func fail(_ item: PreviewItem, _ cause: String, startingAnew: Bool = false) {
        if startingAnew { removeTemporary(of: item) }
        previews.fail(item.wanted.asset, cause, at: now, rule: retryRule)
    }

    /// The library's disk failed one; a full disk stops all of them.
    mutating func fail(_ item: PreviewItem, _ error: DiskError) {
        if error.concernsLibrary {
            previews.gate.close(.disk(error), at: now, rule: retryRule)
            return previews.move(item.wanted.asset, to: .queued, at: now)
        }
        if error == .notFound { readMark() }
        if case .inputOutput = error { return fail(item, error.text, startingAnew: true) }
        fail(item, error.text)
    }

    private mutating func removeTemporary(of item: PreviewItem) {
        removeTemporary(item.temporary)
        previews.items[item.wanted.asset]?.hasTemporary = false
    }

    // MARK: Failed syncs

    /// See `distrustTemporaries`.
    mutating func distrustPreviews() {
        let written = previews.items.values.filter(\.hasTemporary).map(\.wanted.asset).sorted()
        for asset in written {
            guard let item = previews.items[asset] else { continue }
            switch item.stage {
            case .downloading, .placing: previews.items[asset]?.isDistrusted = true
            case .queued, .waiting, .ready: writeAgain(item)
            }
        }
    }

    mutating func writeAgain(_ item: PreviewItem) {
        previews.items[item.wanted.asset]?.isDistrusted = false
        removeTemporary(of: item)
        switch item.stage {
        case .queued, .waiting: break
        case .downloading, .placing, .ready:
            previews.move(item.wanted.asset, to: .queued, at: now)
        }
    }

    // MARK: What is told

    /// Those that failed, by asset.
    func previewReasons(_ rows: any Rows, at moment: Moment) throws(RowsError) -> [Reason] {
        guard previews.givenUpCount > 0 || previews.waiting.first != nil else { return [] }
        let failing = previews.items.values.filter { $0.stage == .waiting }
            .sorted { $0.wanted.asset < $1.wanted.asset }
        var reasons: [Reason] = []
        for item in failing.prefix(Limits.itemReasonsMax) {
            let asset = try rows.remote(RecordKey(type: .asset, id: item.wanted.asset))
            let name = AssetFields(asset?.record.fields ?? [:]).name
            reasons += [retrying("the preview of \(name)", item.attempts, at: moment)]
                .compactMap { $0 }
        }
        return reasons
    }

    // MARK: The end of `--once`

    /// Whether anything more can come of previews now.
    var previewsAreIdle: Bool {
        guard previews.transfers == 0 else { return false }
        guard canReceive else { return previews.batch.map { $0.step == .checkingMark } ?? true }
        guard previews.batch == nil, previews.ready.isEmpty, !previews.isPassNeeded,
            previews.passDue == nil, !previews.isRemovalNeeded, !previews.upkeep.isListing
        else { return false }
        if previews.gate.isGivenUp || previewsAreHeld { return true }
        return previews.items.count == previews.givenUpCount
            && (!previews.isPassRunning || !previews.hasRoom)
    }
}
