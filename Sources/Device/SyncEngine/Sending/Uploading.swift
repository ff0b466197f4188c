import Library
import Records
import Status

// Sending bytes: ask what is missing, then packs, whole blobs, or parts.

/// Some bytes that only this device has, by digest: however many places they lie at, they are sent
/// once.
struct UploadItem: Sendable {
    enum Stage: Equatable, Sendable {
        /// To be asked for with `have`.
        case unasked, asking
        /// The server lacks it.
        case missing, sending
        /// The server holds it; no record names it yet.
        case stored, committing
        /// The server has its record; the feed, up to this commit, is still to say so.
        case committed(Base)
        /// Failed; its next try is not due.
        case waiting
        /// A sidecar, stored, whose picture is not across.
        case waitingForOriginal
        /// Larger than what the conditions let move now.
        case deferred
    }

    let digest: Digest
    let byteCount: Int64
    /// The newest first.
    let order: Int64
    var stage = Stage.unasked
    /// Where it goes on after waiting.
    var resumes = Stage.missing
    var attempts = Attempts()
    /// Of an upload in parts: what the server has.
    var sentByteCount: Int64 = 0
    /// For messages.
    var name: String
}

struct Uploads: Sendable {
    /// Looked up, never walked: the queues give the order.
    var items: [Digest: UploadItem] = [:]
    var toAsk = Queue<Digest>()
    /// By the newest: what goes in packs, what goes alone, and what must not stand before others.
    var small = Heap<Ticket<Digest>>()
    var single = Heap<Ticket<Digest>>()
    var large = Heap<Ticket<Digest>>()
    /// All of them, the smallest first: for a full account.
    var bySize = Heap<Ticket<Digest>>()
    var deferred: [Digest] = []
    /// What was allowed to move when they were put aside.
    var allowed = Int64.max
    var turns = Turns()
    var smallByteCount: Int64 = 0
    var toCommit = Queue<Digest>()
    var commitSince: Int64?
    var waiting = Heap<Due<Digest>>()
    /// Failing items, ordered by digest, for the status; bounded.
    var troubles: [Digest] = []
    var isAsking = false
    var commitIsUnderWay = false
    /// Those that wait for the feed.
    var committed: [Digest] = []
    /// Requests that carry bytes now, and those of large items.
    var transfers = 0
    var largeTransfers = 0
    /// Of all items.
    private(set) var byteCount: Int64 = 0
    /// Items whose bytes or records are under way.
    var activeCount = 0
    var givenUpCount = 0
    /// Items whose last try failed, given up or not.
    var failingCount = 0
    var gate = Gate()
    /// Of a full account: the smallest that did not fit.
    var refusedByteCount: Int64?

    var isIdle: Bool {
        items.count == givenUpCount + waitingForOriginalCount + deferredCount
    }
    var waitingForOriginalCount = 0
    private(set) var deferredCount = 0

    @inline(__always)
    var nextDeadline: Int64? {
        let gather = commitSince.map { $0 + Limits.gatherMilliseconds }
        return earliest(gather, waiting.first?.at)
    }

    /// `modifiedAt` in nanoseconds since 1970.
    mutating func add(_ digest: Digest, byteCount: Int64, modifiedAt: Int64, name: String) {
        guard items[digest] == nil else { return }
        items[digest] = UploadItem(
            digest: digest, byteCount: byteCount, order: -(modifiedAt / 1_000), name: name)
        self.byteCount += byteCount
        toAsk.append(digest)
    }

    /// Puts an item into another stage, and into that stage's queue.
    mutating func move(_ digest: Digest, to stage: UploadItem.Stage, at now: Moment) {
        guard var item = items[digest] else { return }
        leave(item)
        item.stage = stage
        items[digest] = item
        switch stage {
        case .unasked: toAsk.append(digest)
        case .missing: enqueueMissing(item)
        case .stored:
            toCommit.append(digest)
            commitSince = commitSince ?? now.uptime
        case .sending:
            activeCount += 1
            if TransferClass(byteCount: item.byteCount) == .large { largeTransfers += 1 }
        case .committing: activeCount += 1
        case .committed:
            activeCount += 1
            committed.append(digest)
        case .waitingForOriginal: waitingForOriginalCount += 1
        case .deferred:
            deferredCount += 1
            deferred.append(digest)
        case .waiting:
            failingCount += 1
            if let due = item.attempts.nextTry {
                waiting.push(Due(at: due, subject: digest))
            } else {
                givenUpCount += 1
            }
        case .asking: break
        }
    }

    /// What waits for its original is decided anew.
    mutating func decideWaiting(at now: Moment) {
        guard waitingForOriginalCount > 0 else { return }
        for digest in items.keys.sorted() where items[digest]?.stage == .waitingForOriginal {
            move(digest, to: .stored, at: now)
        }
    }

    private mutating func leave(_ item: UploadItem) {
        switch item.stage {
        case .waitingForOriginal: waitingForOriginalCount -= 1
        case .deferred: deferredCount -= 1
        case .sending where TransferClass(byteCount: item.byteCount) == .large:
            activeCount -= 1
            largeTransfers -= 1
        case .sending, .committing, .committed: activeCount -= 1
        case .waiting:
            failingCount -= 1
            if item.attempts.isGivenUp { givenUpCount -= 1 }
        case .missing where isSmall(item): smallByteCount -= item.byteCount
        default: break
        }
    }

    /// Items that failed before go alone, so that one of them never spoils a pack again (P7).
    func isSmall(_ item: UploadItem) -> Bool {
        item.byteCount <= Limits.packedBlobByteCountMax && item.attempts.tries < 2
    }

    private mutating func enqueueMissing(_ item: UploadItem) {
        let ticket = Ticket(order: item.order, subject: item.digest)
        bySize.push(Ticket(order: item.byteCount, subject: item.digest))
        if isSmall(item) {
            small.push(ticket)
            smallByteCount += item.byteCount
        } else if TransferClass(byteCount: item.byteCount) == .large {
            large.push(ticket)
        } else {
            single.push(ticket)
        }
    }

    mutating func remove(_ digest: Digest) {
        guard let item = items.removeValue(forKey: digest) else { return }
        leave(item)
        byteCount -= item.byteCount
        if items.isEmpty { bySize.removeAll() }
        troubles.removeSorted(digest, by: <)
    }

    /// Another device was first: unless it is under way, it need not be sent.
    mutating func dropIfIdle(_ digest: Digest) {
        switch items[digest]?.stage {
        case .unasked, .missing, .waiting, .stored, .waitingForOriginal, .committed, .deferred:
            remove(digest)
        case .asking, .sending, .committing, nil: break
        }
    }

    mutating func fail(
        _ digest: Digest, _ cause: String, resuming: UploadItem.Stage, at now: Moment,
        rule: RetryRule
    ) {
        guard var item = items[digest] else { return }
        leave(item)
        item.stage = .asking
        item.resumes = resuming
        item.attempts.fail(cause, at: now, rule: rule)
        items[digest] = item
        move(digest, to: .waiting, at: now)
        if !troubles.containsSorted(digest), troubles.count < Limits.itemReasonsMax {
            troubles.insertSorted(digest)
        }
    }

    /// More may move than when they were put aside, or less: each finds out when its turn comes.
    mutating func resumeDeferred(upTo allowed: Int64, at now: Moment) {
        guard allowed != self.allowed else { return }
        self.allowed = allowed
        let waiting = deferred
        deferred = []
        for digest in waiting where items[digest]?.stage == .deferred {
            move(digest, to: .missing, at: now)
        }
    }

    mutating func takeDue(at now: Moment) {
        while let first = waiting.first, first.at <= now.uptime {
            _ = waiting.pop()
            guard let item = items[first.subject], item.stage == .waiting,
                item.attempts.nextTry ?? .max <= now.uptime
            else { continue }
            move(first.subject, to: item.resumes, at: now)
        }
    }

    mutating func retryNow(at now: Moment) {
        var due: [Digest] = []
        while let next = waiting.pop() { due.append(next.subject) }
        for digest in due + troubles {
            guard let item = items[digest], item.stage == .waiting else { continue }
            move(digest, to: item.resumes, at: now)
        }
    }
}

extension SyncEngine {
    /// Decides what is to be done for the bytes of a file that was read.
    mutating func consider(_ file: LocalFile, _ rows: any Rows) throws(RowsError) {
        guard feed.state.isComplete, let digest = file.content?.digest else { return }
        if uploads.items[digest]?.stage == .waitingForOriginal {
            // It may lie beside another picture now, or beside none.
            return uploads.move(digest, to: .stored, at: now)
        }
        guard uploads.items[digest] == nil else { return }
        switch try disposition(of: digest, rows) {
        case .live(let asset):
            try agree(file, isPartOf: asset, rows)
            try wantDownload(of: asset, rows)
            // Nobody needs a preview beside its original.
            if file.place.root.isLibrary, try rows.preview(of: asset.record.key.id) != nil {
                previews.needRemoval(at: now)
            }
            guard try isRevision(file, of: asset, rows) else {
                // An earlier revision of another asset: no edit of what lay here.
                if let row = try rows.localFile(at: file.place) { try disagree(row, rows) }
                return
            }
            try send(file, digest, rows)
        case .deletedBefore: try disagree(file, rows)
        case .absent: try send(file, digest, rows)
        }
    }

    private mutating func send(
        _ file: LocalFile, _ digest: Digest, _ rows: any Rows
    ) throws(RowsError) {
        guard !isSetAside(digest), try !isHeldEdit(file, rows) else { return }
        guard uploads.items.count < Limits.openItemsMax * 2 else {
            openPass.isNeeded = true
            return
        }
        let name = FileName.cleaned(file.place.path.name).text
        uploads.add(
            digest, byteCount: file.stamp.byteCount, modifiedAt: file.stamp.modifiedAt,
            name: name)
    }

    mutating func advanceUploads(_ rows: any Rows) throws(RowsError) {
        defer {
            // Nothing is held back by it any more.
            if uploads.items.isEmpty, uploads.gate.isClosed { uploadsWork() }
        }
        guard !uploads.items.isEmpty, feed.state.isComplete else { return }
        uploads.resumeDeferred(upTo: byteCountAllowed(.upload), at: now)
        askWhatIsMissing()
        while canSendBytes, try sendNext(rows) {}
        try commit(rows)
    }

    private var canSendBytes: Bool {
        let others = downloads.transfers + previews.transfers
        let mine = Limits.transfersAtOnce - (downloads.hasQueued || others > 0 ? 1 : 0)
        return uploads.transfers < mine && uploads.transfers + others < Limits.transfersAtOnce
            && allowsTransfers && uploadsAllowed
    }

    private var uploadsAllowed: Bool {
        uploads.gate.allows(at: now) || uploads.gate.failure == .accountFull
    }

    /// Nothing more is about to join the queues by itself.
    private var nothingIsComing: Bool { !reading.isBusy }

    private mutating func askWhatIsMissing() {
        guard !uploads.isAsking, !uploads.toAsk.isEmpty, allowsRequests else { return }
        guard
            nothingIsComing || uploads.transfers == 0
                || uploads.toAsk.count >= Limits.digestsPerRequestMax / 4
        else { return }
        var asked: [Digest] = []
        var byteCount: Int64 = 0
        while asked.count < Limits.digestsPerRequestMax, let digest = uploads.toAsk.popFirst() {
            guard let item = uploads.items[digest], item.stage == .unasked else { continue }
            asked.append(digest)
            byteCount += item.byteCount
        }
        guard !asked.isEmpty else { return }
        // Asking would cost more than sending.
        if byteCount <= Limits.packedBlobByteCountMax {
            for digest in asked { uploads.move(digest, to: .missing, at: now) }
            return
        }
        for digest in asked { uploads.move(digest, to: .asking, at: now) }
        uploads.isAsking = true
        send(.have(asked), .have(asked))
    }

    /// Starts whatever has its turn; `false`: nothing can start.
    private mutating func sendNext(_ rows: any Rows) throws(RowsError) -> Bool {
        guard uploads.gate.allows(at: now) else { return try sendWhatMayStillFit(rows) }
        var waiting: [TransferClass] = []
        if !uploads.small.isEmpty || !uploads.single.isEmpty { waiting.append(.photo) }
        if !uploads.large.isEmpty, uploads.largeTransfers < Limits.largeTransfersAtOnce {
            waiting.append(.large)
        }
        while let chosen = uploads.turns.next(among: waiting) {
            let isStarted =
                chosen == .large
                ? try sendOne(from: \.large, rows) : try sendPhotos(rows)
            if isStarted {
                uploads.turns.took(chosen, among: waiting)
                return true
            }
            waiting.removeAll { $0 == chosen }
        }
        return false
    }

    /// A full account: what is smaller than all that did not fit may still.
    private mutating func sendWhatMayStillFit(_ rows: any Rows) throws(RowsError) -> Bool {
        while let ticket = uploads.bySize.first, let refused = uploads.refusedByteCount {
            let item = uploads.items[ticket.subject]
            if item?.stage == .missing, ticket.order >= refused { return false }
            _ = uploads.bySize.pop()
            if let item, item.stage == .missing, try send(item, rows) { return true }
        }
        return false
    }

    /// The newer of what goes in packs and what goes alone.
    private mutating func sendPhotos(_ rows: any Rows) throws(RowsError) -> Bool {
        let isPackFirst =
            uploads.single.first.map { single in
                uploads.small.first.map { $0 < single } ?? false
            } ?? true
        if isPackFirst, try sendPack(rows) { return true }
        if try sendOne(from: \.single, rows) { return true }
        return isPackFirst ? false : try sendPack(rows)
    }

    private mutating func sendPack(_ rows: any Rows) throws(RowsError) -> Bool {
        guard !uploads.small.isEmpty else { return false }
        let isFull = uploads.smallByteCount >= Limits.packTargetByteCount
        guard isFull || uploads.transfers == 0 || (nothingIsComing && !uploads.isAsking) else {
            return false
        }
        // What is left is shared out, so that all connections work.
        let share = uploads.smallByteCount / Int64(Limits.transfersAtOnce)
        let allowed = byteCountAllowed(.upload)
        let target = min(
            Limits.packTargetByteCount, max(share, Int64(Limits.packedBlobByteCountMax)), allowed)
        var files: [FileToSend] = []
        var byteCount: Int64 = 0
        while files.count < Limits.packBlobCountMax, byteCount < max(target, 1),
            let ticket = uploads.small.pop()
        {
            guard let item = uploads.items[ticket.subject], item.stage == .missing,
                uploads.isSmall(item)
            else { continue }
            guard item.byteCount <= allowed else {
                uploads.move(item.digest, to: .deferred, at: now)
                continue
            }
            guard let file = try fileToSend(item, rows) else { continue }
            files.append(file)
            byteCount += item.byteCount
            uploads.move(item.digest, to: .sending, at: now)
        }
        guard !files.isEmpty else { return false }
        startTransfer(files.count == 1 ? .put(files[0]) : .pack(files), files.map(\.digest))
        return true
    }

    private mutating func sendOne(
        from heap: WritableKeyPath<Uploads, Heap<Ticket<Digest>>>, _ rows: any Rows
    ) throws(RowsError) -> Bool {
        while let ticket = uploads[keyPath: heap].pop() {
            guard let item = uploads.items[ticket.subject], item.stage == .missing else { continue }
            if try send(item, rows) { return true }
        }
        return false
    }

    /// `false`: it waits, or is nowhere any more.
    private mutating func send(_ item: UploadItem, _ rows: any Rows) throws(RowsError) -> Bool {
        guard item.byteCount <= byteCountAllowed(.upload) else {
            uploads.move(item.digest, to: .deferred, at: now)
            return false
        }
        guard let file = try fileToSend(item, rows) else { return false }
        uploads.move(item.digest, to: .sending, at: now)
        if item.byteCount <= Limits.uploadPartByteCountMax {
            startTransfer(.put(file), [item.digest])
        } else {
            try startParts(file, rows)
        }
        return true
    }

    private mutating func startTransfer(_ request: Request, _ digests: [Digest]) {
        uploads.transfers += 1
        uploads.gate.pass()
        switch request {
        case .pack: send(request, .pack(digests))
        default: send(request, .put(digests[0]))
        }
    }

    /// The same upload goes on after a crash: creating it again answers how far it came.
    private mutating func startParts(_ file: FileToSend, _ rows: any Rows) throws(RowsError) {
        let upload: UploadID
        if let known = try rows.upload(of: file.digest),
            known.startedAt.adding(seconds: Int64(Limits.uploadLifetimeHours) * 3_600) > now.wall
        {
            upload = known.upload
        } else {
            upload = UploadID(high: randomNumber(), low: randomNumber())
            try rows.save(UploadRow(digest: file.digest, upload: upload, startedAt: now.wall))
        }
        uploads.transfers += 1
        uploads.gate.pass()
        send(.createUpload(upload, file), .createUpload(file.digest))
    }

    /// One of the places where the bytes lie; without any left there is nothing to send.
    private mutating func fileToSend(
        _ item: UploadItem, _ rows: any Rows
    ) throws(RowsError) -> FileToSend? {
        let files = try rows.localFiles(with: item.digest).filter {
            !$0.place.root.isLibrary || library.isUsable
        }
        guard !files.isEmpty else {
            uploads.remove(item.digest)
            return nil
        }
        // After a failure, another place's turn.
        let file = files[item.attempts.tries % files.count]
        return FileToSend(place: file.place, stamp: file.stamp, digest: item.digest)
    }

    // MARK: Replies

    mutating func answered(_ asked: [Digest], missing: [Digest]) {
        uploads.isAsking = false
        let lacking = Set(missing)
        for digest in asked where uploads.items[digest]?.stage == .asking {
            uploads.move(digest, to: lacking.contains(digest) ? .missing : .stored, at: now)
        }
    }

    mutating func stored(_ digest: Digest, _ rows: any Rows) throws(RowsError) {
        try rows.removeUpload(of: digest)
        uploads.move(digest, to: .stored, at: now)
    }

    mutating func packed(
        _ digests: [Digest], _ results: [PackedResult], _ rows: any Rows
    ) throws(RowsError) {
        uploads.transfers -= 1
        var failures: [Digest: RequestFailure] = [:]
        var answered: Set<Digest> = []
        for result in results {
            answered.insert(result.digest)
            failures[result.digest] = result.failure
        }
        for digest in digests {
            if !answered.contains(digest) {
                uploads.fail(
                    digest, RequestFailure.interrupted.text, resuming: .missing, at: now,
                    rule: retryRule)
            } else if let failure = failures[digest] {
                try uploadFailed(digest, failure, rows)
            } else {
                uploads.move(digest, to: .stored, at: now)
            }
        }
        if failures.isEmpty { uploadsWork() } else { uploads.gate.endProbe() }
    }

    /// An upload got through: whatever closed the gate is gone.
    mutating func uploadsWork() {
        uploads.gate.open()
        uploads.refusedByteCount = nil
    }

    mutating func uploadContinues(
        _ digest: Digest, at offset: Int64, _ rows: any Rows
    ) throws(RowsError) {
        guard let item = uploads.items[digest], let upload = try rows.upload(of: digest),
            let file = try fileToSend(item, rows)
        else {
            uploads.transfers -= 1
            uploads.gate.endProbe()
            return uploads.remove(digest)
        }
        if offset >= item.byteCount {
            uploads.transfers -= 1
            uploadsWork()
            return try stored(digest, rows)
        }
        uploads.items[digest]?.sentByteCount = offset
        // Switched off or paused since the last part: it goes on from here once it may.
        guard circumstances.stop(at: now) == nil else {
            uploads.transfers -= 1
            uploads.gate.endProbe()
            return uploads.move(digest, to: .missing, at: now)
        }
        let count = min(item.byteCount - offset, Int64(Limits.uploadPartByteCountMax))
        send(
            .uploadPart(upload.upload, file, offset: offset, byteCount: count),
            .uploadPart(digest, byteCount: count))
    }

    mutating func uploadFailed(
        _ digest: Digest, _ failure: RequestFailure, _ rows: any Rows
    ) throws(RowsError) {
        guard let item = uploads.items[digest] else { return }
        switch failure {
        case .accountFull, .serverStorageFull:
            if failure == .accountFull {
                uploads.refusedByteCount = min(uploads.refusedByteCount ?? .max, item.byteCount)
            }
            uploads.gate.close(failure, at: now, rule: retryRule)
            return uploads.move(digest, to: .missing, at: now)
        case .fileChanged(let place): examine(place)
        case .fileUnreadable(let place, _): examine(place)
        case .digestMismatch:
            try rows.removeUpload(of: digest)
            try readAgain(digest, rows)
        case .notFound: try rows.removeUpload(of: digest)
        default: break
        }
        if failure.concernsServer(isTransfer: true) {
            return uploads.move(digest, to: .missing, at: now)
        }
        try note(StoryCode.sendingFailed, failure.text, of: digest, rows)
        if case .refused = failure, try refusedAlone(digest, failure.text, rows) { return }
        uploads.fail(digest, failure.text, resuming: .missing, at: now, rule: retryRule)
    }

    /// Bytes that are not what their row says, under an unchanged stamp: read them once more.
    mutating func readAgain(_ digest: Digest, _ rows: any Rows) throws(RowsError) {
        for file in try rows.localFiles(with: digest) {
            var row = file
            row.state = .unread
            try rows.save(row)
            enqueueReading(row.place, row.stamp.byteCount)
        }
    }
}
