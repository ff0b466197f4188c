import Library
import Records
import Status

// Getting the originals that this device is to keep: from a source's place, or from the server.

/// One part of an asset that the library lacks.
struct DownloadItem: Sendable {
    enum Stage: Sendable {
        case queued
        /// Its bytes are on their way into the temporary file.
        case copying, downloading
        /// They are there and checked; its time is being set.
        case settingTime
        /// Only its place is missing.
        case ready
        case placing
        /// Failed; its next try is not due.
        case waiting
        /// Larger than what the conditions let move now.
        case deferred
    }

    let blob: BlobReference
    var asset: RecordID
    var role: BlobRole
    /// The newest first.
    let order: Int64
    var stage = Stage.queued
    var attempts = Attempts()
    /// A copy failed: get it from the server.
    var avoidsCopying = false
    /// Tried to be taken from the local trash: that row goes when the item has its place.
    var reclaimed: AsideName?
    /// Bytes may lie in its temporary file.
    var hasTemporary = false
    /// A sync failed after its bytes were begun: they are to be written again.
    var isDistrusted = false
    var isLost = false
    /// For messages.
    var name: String

    var temporary: TemporaryName { TemporaryName(blob.digest.text) }
}

struct Downloads: Sendable {
    /// Looked up, never walked: the queues give the order.
    var items: [Digest: DownloadItem] = [:]
    var queue = Heap<Ticket<Digest>>()
    /// Those that no source has.
    var remote = Heap<Ticket<Digest>>()
    /// … and are large.
    var remoteLarge = Heap<Ticket<Digest>>()
    var deferred: [Digest] = []
    private(set) var deferredCount = 0
    /// What was allowed to move when they were put aside.
    var allowed = Int64.max
    var turns = Turns()
    var waiting = Heap<Due<Digest>>()
    /// Failing items, ordered by digest, for the status; bounded.
    var troubles: [Digest] = []
    var ready = Queue<Digest>()
    var readySince: Int64?
    var batch: Placement?
    /// Requests under way.
    var transfers = 0
    /// Those of large items.
    var largeUnderWay: Set<Digest> = []
    /// Copies and time settings under way.
    var localWork = 0
    var givenUpCount = 0
    /// Items whose last try failed, given up or not.
    var failingCount = 0
    var gate = Gate()
    /// Queued, and larger than the space that is free: looked at again with each reading of it.
    var withoutSpace: Set<Digest> = []
    var withoutSpaceSince: Timestamp?
    var spaceReadAt: Int64?
    /// Leftovers of an earlier run are known and cleared.
    var hasTemporaries = false
    /// They could not be listed: once more when the library's disk is back.
    var listsTemporariesAgain = false

    var isPassNeeded = false
    var isPassRunning = false
    var passCursor: RecordID?
    var passContinuesAt: Int64?

    /// Places that our own moves are making.
    var moving: Set<Place> = []
    var foldersMade: Set<Folder> = []
    /// Ordered; names in them may not be durable.
    var unsyncedFolders: [Folder] = []
    var folderSyncs = Attempts()
    /// Files in them that were placed, and are looked at when their folder is synced.
    var unsynced: [(digest: Digest, place: Place)] = []
    /// Names taken in a folder, by `FileName.key`; dropped when something else changes there.
    var names: [Folder: Set<String>] = [:]

    /// They could be listed: what is not among `leftovers` is nobody's.
    var knowsLeftovers = false
    /// Left by an earlier run, to be gone on with as copies.
    var leftovers: Set<TemporaryName> = []
    /// Temporary files that are being removed.
    var removing: Set<TemporaryName> = []

    var hasQueued: Bool { !queue.isEmpty || !remote.isEmpty || !remoteLarge.isEmpty }
    var isIdle: Bool {
        items.count == givenUpCount + deferredCount + withoutSpace.count + unsynced.count
            && batch == nil
            && localWork == 0
            && !isPassNeeded
            && !isPassRunning && hasTemporaries
            && (unsyncedFolders.isEmpty || folderSyncs.isGivenUp)
    }

    @inline(__always)
    var nextDeadline: Int64? {
        let gather = readySince.map { $0 + Limits.gatherMilliseconds }
        let folderSync = unsyncedFolders.isEmpty ? nil : folderSyncs.nextTry
        return earliest(earliest(gather, waiting.first?.at), folderSync)
    }

    mutating func add(_ item: DownloadItem) {
        guard items[item.blob.digest] == nil else { return }
        items[item.blob.digest] = item
        queue.push(Ticket(order: item.order, subject: item.blob.digest))
    }

    mutating func remove(_ digest: Digest) {
        guard let item = items.removeValue(forKey: digest) else { return }
        withoutSpace.remove(digest)
        leave(item)
        troubles.removeSorted(digest, by: <)
    }

    private mutating func leave(_ item: DownloadItem) {
        switch item.stage {
        case .waiting:
            failingCount -= 1
            if item.attempts.isGivenUp { givenUpCount -= 1 }
        case .queued: break
        case .deferred: deferredCount -= 1
        // The gate's probe ended, one way or the other.
        case .copying, .downloading, .settingTime, .ready, .placing: gate.endProbe()
        }
    }

    mutating func move(_ digest: Digest, to stage: DownloadItem.Stage, at now: Moment) {
        guard var item = items[digest] else { return }
        switch stage {
        case .queued, .waiting: leave(item)
        default: if item.stage == .waiting { leave(item) }
        }
        item.stage = stage
        if stage == .copying || stage == .downloading { item.hasTemporary = true }
        items[digest] = item
        switch stage {
        case .queued: queue.push(Ticket(order: item.order, subject: digest))
        case .deferred:
            deferredCount += 1
            deferred.append(digest)
        case .ready:
            ready.append(digest)
            readySince = readySince ?? now.uptime
        case .waiting:
            failingCount += 1
            if let due = item.attempts.nextTry {
                waiting.push(Due(at: due, subject: digest))
            } else {
                givenUpCount += 1
            }
        case .copying, .downloading, .settingTime, .placing: break
        }
    }

    mutating func fail(_ digest: Digest, _ cause: String, at now: Moment, rule: RetryRule) {
        guard let item = items[digest] else { return }
        leave(item)
        items[digest]?.stage = .queued
        items[digest]?.attempts.fail(cause, at: now, rule: rule)
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
            move(digest, to: .queued, at: now)
        }
    }

    mutating func takeDue(at now: Moment) {
        while let first = waiting.first, first.at <= now.uptime {
            _ = waiting.pop()
            guard let item = items[first.subject], item.stage == .waiting,
                item.attempts.nextTry ?? .max <= now.uptime
            else { continue }
            move(first.subject, to: .queued, at: now)
        }
    }

    mutating func retryNow(at now: Moment) {
        var due: [Digest] = []
        while let next = waiting.pop() { due.append(next.subject) }
        for digest in due + troubles where items[digest]?.stage == .waiting {
            move(digest, to: .queued, at: now)
        }
    }
}

extension SyncEngine {
    /// Queues the parts of an asset that the library lacks; others than the original when that one
    /// is there, since they take its name.
    mutating func wantDownload(of remote: RemoteRecord, _ rows: any Rows) throws(RowsError) {
        guard remote.record.isLiveAsset, try isKept(remote.record.key.id, rows),
            try !isMissed(remote.record.key.id, rows)
        else { return }
        for (role, blob) in remote.record.fileParts {
            guard try !isInLibrary(blob.digest, rows) else { continue }
            if try isBeingRevised(blob.digest, of: remote.record.key.id, rows) {
                if role == .original { return }
                continue
            }
            if downloads.items[blob.digest] == nil {
                guard downloads.items.count < Limits.openItemsMax * 2 else {
                    downloads.isPassNeeded = true
                    return
                }
                let asset = AssetFields(remote.record.fields ?? [:])
                downloads.add(
                    DownloadItem(
                        blob: blob, asset: remote.record.key.id, role: role,
                        order: -asset.fileTime.milliseconds, name: asset.name))
            }
            if role == .original { return }
        }
        try fetched(remote, rows)
    }

    /// The library was compared and its new files are read: what is missing there, is missing.
    var canReceive: Bool {
        library.isUsable && feed.state.isComplete && downloads.hasTemporaries
            && comparison.hasComparedLibrary && reading.libraryCount == 0
            && removals.isRecovered && circumstances.service.isOn
    }

    /// Whether anything may be missing here that is to be here.
    private var wantsOriginals: Bool {
        optimizing.wantsOriginals && circumstances.service.isOn
    }

    private var canDownload: Bool { canReceive && wantsOriginals }

    mutating func advanceDownloads(_ rows: any Rows) throws(RowsError) {
        defer {
            // Nothing is held back by it any more.
            if downloads.items.isEmpty, downloads.gate.isClosed { downloads.gate.open() }
        }
        guard canDownload else {
            if !wantsOriginals || library.isMissing {
                // Nothing is to be written; a later pass finds it again.
                downloads.isPassNeeded = false
                downloads.isPassRunning = false
            }
            if !wantsOriginals {
                dropQueuedDownloads()
                // What is whole gets its place, or is dropped there when it is not wanted.
                if library.isUsable, removals.isRecovered { try advancePlacement(rows) }
            }
            return try startTransfers(rows)
        }
        downloads.resumeDeferred(upTo: byteCountAllowed(.download), at: now)
        lookForSpace()
        try advanceDownloadPass(rows)
        while !downloads.queue.isEmpty, downloads.localWork < Limits.transfersAtOnce,
            downloads.remote.count < Limits.downloadsAheadMax,
            downloads.remoteLarge.count < Limits.downloadsAheadMax, downloads.gate.allows(at: now)
        {
            guard try startNext(rows) else { break }
        }
        try startTransfers(rows)
        try advancePlacement(rows)
    }

    private mutating func startTransfers(_ rows: any Rows) throws(RowsError) {
        while canUseNetwork, let turn = nextTurn() {
            switch turn {
            case .preview: try startPreview(rows)
            case .photo:
                if let next = downloads.remote.pop() { try startDownload(of: next.subject, rows) }
            case .large:
                if let next = downloads.remoteLarge.pop() {
                    try startDownload(of: next.subject, rows)
                }
            }
        }
    }

    private mutating func dropQueuedDownloads() {
        while let ticket = downloads.queue.pop() ?? downloads.remote.pop()
            ?? downloads.remoteLarge.pop()
        {
            if let item = downloads.items[ticket.subject], item.stage == .queued { drop(item) }
        }
    }

    private var canUseNetwork: Bool {
        let mine = Limits.transfersAtOnce - (uploads.items.isEmpty ? 0 : 1)
        let receiving = downloads.transfers + previews.transfers
        return allowsTransfers && receiving < mine
            && receiving + uploads.transfers < Limits.transfersAtOnce
    }

    private mutating func advanceDownloadPass(_ rows: any Rows) throws(RowsError) {
        if downloads.isPassNeeded, !downloads.isPassRunning, !comparison.isRunning {
            downloads.isPassNeeded = false
            downloads.isPassRunning = true
            downloads.passCursor = nil
        }
        guard downloads.isPassRunning, downloads.passContinuesAt ?? 0 <= now.uptime,
            downloads.items.count < Limits.openItemsMax
        else { return }
        let page = try wantedAssets(after: downloads.passCursor, rows)
        for asset in page.records { try wantDownload(of: asset, rows) }
        if page.isLast {
            downloads.isPassRunning = false
            // Asked for while this one ran: nothing else might come to begin it.
            downloads.passContinuesAt = downloads.isPassNeeded ? now.uptime + 1 : nil
            removeUnwantedLeftovers()
        } else {
            downloads.passCursor = page.end
            downloads.passContinuesAt = now.uptime + 1
        }
    }

    /// Starts copying the newest item, or passes it on to be downloaded; `false`: not yet.
    private mutating func startNext(_ rows: any Rows) throws(RowsError) -> Bool {
        guard let ticket = downloads.queue.first else { return false }
        let digest = ticket.subject
        if let item = downloads.items[digest], downloads.removing.contains(item.temporary) {
            return false
        }
        _ = downloads.queue.pop()
        guard let item = downloads.items[digest], item.stage == .queued else { return true }
        guard try isWanted(item, rows) else {
            drop(item)
            return true
        }
        if item.reclaimed == nil, let trashed = try rows.trashedFiles(with: digest).first {
            reclaim(trashed, for: item)
            return true
        }
        guard !mayBeLeftover(item) else {
            renew(item)
            return true
        }
        let copyable = try rows.localFiles(with: digest).first { !$0.place.root.isLibrary }
        guard let copyable, !item.avoidsCopying else {
            if TransferClass(byteCount: item.blob.byteCount) == .large {
                downloads.remoteLarge.push(ticket)
            } else {
                downloads.remote.push(ticket)
            }
            return true
        }
        guard hasSpace(for: item) else { return true }
        downloads.move(digest, to: .copying, at: now)
        downloads.localWork += 1
        downloads.gate.pass()
        perform(
            .copy(copyable.place, copyable.stamp, to: item.temporary),
            .copy(digest, from: copyable.place))
        return true
    }

    /// Whose turn it is; `nil`: nobody's now.
    private mutating func nextTurn() -> TransferClass? {
        var waiting: [TransferClass] = []
        if canStartPreview { waiting.append(.preview) }
        if canDownload, downloads.gate.allows(at: now) {
            if !downloads.remote.isEmpty { waiting.append(.photo) }
            if !downloads.remoteLarge.isEmpty,
                downloads.largeUnderWay.count < Limits.largeTransfersAtOnce
            {
                waiting.append(.large)
            }
        }
        guard let chosen = downloads.turns.next(among: waiting) else { return nil }
        downloads.turns.took(chosen, among: waiting)
        return chosen
    }

    private mutating func startDownload(of digest: Digest, _ rows: any Rows) throws(RowsError) {
        guard let item = downloads.items[digest], item.stage == .queued else { return }
        guard try isWanted(item, rows) else { return drop(item) }
        guard !downloads.removing.contains(item.temporary),
            !mayBeLeftover(item)
        else {
            return downloads.queue.push(Ticket(order: item.order, subject: digest))
        }
        guard item.blob.byteCount <= byteCountAllowed(.download) else {
            return downloads.move(digest, to: .deferred, at: now)
        }
        guard hasSpace(for: item) else { return }
        downloads.move(digest, to: .downloading, at: now)
        downloads.transfers += 1
        if TransferClass(byteCount: item.blob.byteCount) == .large {
            downloads.largeUnderWay.insert(digest)
        }
        downloads.gate.pass()
        send(
            .download(digest, byteCount: item.blob.byteCount, into: item.temporary),
            .download(digest))
    }

    /// Deleted meanwhile, or somebody put it there.
    mutating func drop(_ item: DownloadItem) {
        downloads.remove(item.blob.digest)
        if item.hasTemporary || downloads.leftovers.contains(item.temporary) {
            removeTemporary(item.temporary)
        }
    }

    /// Its next try begins with an empty file.
    mutating func startAnew(_ item: DownloadItem) {
        removeTemporary(item.temporary)
        downloads.items[item.blob.digest]?.hasTemporary = false
    }

    mutating func temporaryRemoved(
        _ name: TemporaryName, _ result: Result<DiskOutcome, DiskError>
    ) {
        downloads.removing.remove(name)
        guard case .failure(let error) = result, error != .notFound,
            let digest = try? Digest(parsing: name.text), downloads.items[digest] != nil
        else { return }
        // It is there still, with whatever is in it.
        downloads.leftovers.insert(name)
        downloads.gate.close(.disk(error), at: now, rule: retryRule)
    }

    mutating func removeTemporary(_ name: TemporaryName) {
        guard downloads.removing.insert(name).inserted else { return }
        perform(.removeTemporary(name), .removeTemporary(name))
    }

    /// A failed sync may have dropped the bytes of every file written before it, and the next one
    /// says that all is well: only writing again helps.
    mutating func distrustTemporaries() {
        for name in downloads.leftovers.sorted() { removeTemporary(name) }
        downloads.leftovers.removeAll()
        let written = downloads.items.values.filter(\.hasTemporary).map(\.blob.digest).sorted()
        for digest in written {
            guard let item = downloads.items[digest] else { continue }
            switch item.stage {
            case .copying, .downloading, .settingTime, .placing:
                downloads.items[digest]?.isDistrusted = true
            case .queued, .waiting, .deferred, .ready: writeAgain(item)
            }
        }
        distrustPreviews()
    }

    mutating func writeAgain(_ item: DownloadItem) {
        downloads.items[item.blob.digest]?.isDistrusted = false
        downloads.items[item.blob.digest]?.hasTemporary = false
        removeTemporary(item.temporary)
        switch item.stage {
        case .queued, .waiting, .deferred: break
        case .copying, .downloading, .settingTime, .placing, .ready:
            downloads.move(item.blob.digest, to: .queued, at: now)
        }
    }

    func isWanted(_ item: DownloadItem, _ rows: any Rows) throws(RowsError) -> Bool {
        guard let remote = try rows.remote(RecordKey(type: .asset, id: item.asset)),
            remote.record.isLiveAsset, try isKept(item.asset, rows),
            remote.record.fileParts.contains(where: { $0.blob.digest == item.blob.digest }),
            try !isMissed(item.asset, rows),
            try !isBeingRevised(item.blob.digest, of: item.asset, rows)
        else { return false }
        return try !isInLibrary(item.blob.digest, rows)
    }

    // MARK: Results

    mutating func downloaded(
        _ digest: Digest, _ received: Digest, _ rows: any Rows
    ) throws(RowsError) {
        guard let item = downloads.items[digest] else { return }
        if item.isDistrusted { return writeAgain(item) }
        guard received == digest else {
            startAnew(item)
            return downloads.fail(
                digest, "what arrived was not what was asked for", at: now, rule: retryRule)
        }
        try bytesAreHere(item, rows)
    }

    mutating func copied(
        _ digest: Digest, from place: Place, _ result: Result<DiskOutcome, DiskError>,
        _ rows: any Rows
    ) throws(RowsError) {
        downloads.localWork -= 1
        guard let item = downloads.items[digest] else { return }
        if item.isDistrusted { return writeAgain(item) }
        switch result {
        case .success(.copied(digest, _)):
            try bytesAreHere(item, rows)
        case .success:
            startAnew(item)
            try readAgain(digest, rows)
            downloads.fail(digest, "\(place.path) is not what it was", at: now, rule: retryRule)
        case .failure(let error):
            if error == .notFound || error == .changed { examine(place) }
            downloads.items[digest]?.avoidsCopying = !error.concernsLibrary
            try failed(item, error, rows)
        }
    }

    private mutating func bytesAreHere(
        _ item: DownloadItem, _ rows: any Rows
    ) throws(RowsError) {
        let remote = try rows.remote(RecordKey(type: .asset, id: item.asset))
        let asset = AssetFields(remote?.record.fields ?? [:])
        guard let time = asset.fileModifiedAt,
            case (let nanoseconds, false) = time.milliseconds.multipliedReportingOverflow(
                by: 1_000_000)
        else { return downloads.move(item.blob.digest, to: .ready, at: now) }
        downloads.move(item.blob.digest, to: .settingTime, at: now)
        downloads.localWork += 1
        perform(
            .setTime(item.temporary, modifiedAt: nanoseconds), .setTime(item.blob.digest))
    }

    mutating func timeSet(
        _ digest: Digest, _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        downloads.localWork -= 1
        guard let item = downloads.items[digest] else { return }
        if item.isDistrusted { return writeAgain(item) }
        switch result {
        case .success: downloads.move(digest, to: .ready, at: now)
        case .failure(let error): try failed(item, error, rows)
        }
    }

    mutating func downloadFailed(
        _ digest: Digest, _ failure: RequestFailure, _ rows: any Rows
    ) throws(RowsError) {
        guard let item = downloads.items[digest] else { return }
        if item.isDistrusted { return writeAgain(item) }
        if case .disk(let error) = failure { return try failed(item, error, rows) }
        if failure.concernsServer(isTransfer: true) {
            return downloads.move(digest, to: .queued, at: now)
        }
        if failure == .notFound { downloads.items[digest]?.isLost = true }
        if case .digestMismatch = failure { startAnew(item) }
        try note(StoryCode.fetchingFailed, failure.text, of: item.asset, rows)
        downloads.fail(digest, failure.text, at: now, rule: retryRule)
    }

    /// The library's disk failed an item; a full one stops all of them.
    mutating func failed(
        _ item: DownloadItem, _ error: DiskError, _ rows: any Rows
    ) throws(RowsError) {
        if error.concernsLibrary {
            downloads.gate.close(.disk(error), at: now, rule: retryRule)
            return downloads.move(item.blob.digest, to: .queued, at: now)
        }
        if error == .notFound { readMark() }
        if case .inputOutput = error { startAnew(item) }
        try note(StoryCode.fetchingFailed, error.text, of: item.asset, rows)
        downloads.fail(item.blob.digest, error.text, at: now, rule: retryRule)
    }
}
