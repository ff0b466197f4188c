import Library
import Records

// What other devices deleted or replaced, on this disk.
//
// - A file leaves its place by a rename into `.martlet/trash/`, announced by an intent that a power
//   cut can't take back; it is unlinked only when its asset is behind a tombstone (P3).
// - Only what was agreed on is moved, and only while it has the agreed bytes: a file that was
//   changed meanwhile stays and becomes an asset of its own.
// - Nothing is moved while the mark is missing, another's, or of another generation (P4).

/// Files on their way to the local trash, many at a time.
struct RemovalBatch: Sendable {
    enum Step: Sendable { case syncingRows, moving, syncingTrash, syncingFolders }

    var step = Step.syncingRows
    /// Ordered by place.
    var intents: [Intent]
    /// Downloads wait for their places.
    let isForPlacement: Bool
    var moved: [Intent] = []
    /// Results that this step still waits for.
    var pending = 1
    var failure: DiskError?
}

struct Removals: Sendable {
    /// What an earlier run announced is finished or put back.
    var isRecovered = false
    /// Intents of an earlier run that are being looked at.
    var locating: Set<Place> = []
    var batch: RemovalBatch?
    var isPassNeeded = true
    var cursor: Place?
    /// Uptime of the pass's next page.
    var continuesAt: Int64?
    var isPurgeNeeded = true
    var purging: Set<AsideName> = []
    var attempts = Attempts()
    /// What the disk said last, until something was moved again.
    var failure: DiskError?

    var nextDeadline: Int64? {
        earliest(continuesAt, attempts.nextTry)
    }

    /// From the beginning: rows before the cursor may have changed.
    mutating func needPass() {
        isPassNeeded = true
        cursor = nil
    }

    var isBusy: Bool { batch != nil || !locating.isEmpty || !purging.isEmpty }
    var hasWork: Bool { isBusy || !isRecovered || isPassNeeded || isPurgeNeeded }

    /// A try got through, or nothing is left to try.
    mutating func forgetFailures() {
        attempts = Attempts()
        failure = nil
    }
}

extension Attempts {
    /// Nothing failed, or its next try is due.
    func isDue(at now: Moment) -> Bool {
        guard hasFailed else { return true }
        return nextTry.map { $0 <= now.uptime } ?? false
    }
}

extension SyncEngine {
    /// With a fresh look at the mark; asks for one otherwise.
    mutating func canWriteToLibrary() -> Bool {
        guard library.isUsable else { return false }
        if let goodAt = library.goodAt, now.uptime - goodAt <= Limits.markFreshMilliseconds {
            return true
        }
        readMark()
        return false
    }

    /// The feed's latest page ended at the head, so that what it says was a state.
    var knowsRemoteState: Bool { feed.state.isComplete && !feed.isMidway }

    /// Whether anything more can come of removals now.
    var removalsAreIdle: Bool {
        guard !removals.isBusy else { return false }
        guard library.isTrusted, circumstances.service.isOn, knowsRemoteState else { return true }
        return !removals.hasWork || removals.attempts.isGivenUp
    }

    mutating func advanceRemovals(_ rows: any Rows) throws(RowsError) {
        try advanceIntents(rows)
        defer { if !removals.hasWork { removals.forgetFailures() } }
        guard library.isTrusted, circumstances.service.isOn, removals.isRecovered,
            !removals.isBusy, knowsRemoteState, evictions.batch == nil, renaming.batch == nil,
            comparison.hasComparedLibrary,
            removals.isPassNeeded || removals.isPurgeNeeded,
            removals.attempts.isDue(at: now), canWriteToLibrary()
        else { return }
        if removals.isPassNeeded { try advanceRemovalPass(rows) }
        if removals.batch == nil { try purge(rows) }
    }

    /// An asset's record changed: files of this device may have to follow.
    mutating func noteRemoval(
        of record: Record, after known: RemoteRecord?, _ rows: any Rows
    ) throws(RowsError) {
        if record.isLiveAsset, known.map({ $0.record.blobs == record.blobs }) ?? true { return }
        removals.needPass()
        if record.isPurged, try !rows.trashedFiles(of: record.key.id).isEmpty {
            removals.isPurgeNeeded = true
        }
    }

    // MARK: What is to go

    private mutating func advanceRemovalPass(_ rows: any Rows) throws(RowsError) {
        guard removals.continuesAt ?? 0 <= now.uptime else { return }
        let page = try rows.staleFiles(after: removals.cursor, limit: Limits.removalsPerBatchMax)
        removals.cursor = page.last?.place
        removals.continuesAt = now.uptime + 1
        if page.count < Limits.removalsPerBatchMax {
            removals.isPassNeeded = false
            removals.cursor = nil
            removals.continuesAt = nil
        }
        var intents: [Intent] = []
        for file in page {
            guard let cause = try removalCause(of: file, rows) else { continue }
            intents += [try announce(file, cause, rows)].compactMap { $0 }
        }
        beginRemoving(intents)
    }

    /// Why the file is to be moved away now; `nil`: it stays.
    private mutating func removalCause(
        of file: LocalFile, _ rows: any Rows
    ) throws(RowsError) -> TrashedFile.Cause? {
        guard let agreed = file.agreed,
            let asset = try rows.remote(RecordKey(type: .asset, id: agreed.asset))
        else { return nil }
        // Unread, or not readable now: when its bytes are known.
        guard let content = file.content else { return nil }
        guard content.digest == agreed.digest else {
            // Against a replacement it is a conflict; against a deletion it is something new.
            if !asset.record.isLiveAsset { try release(file, rows) }
            return nil
        }
        // Taken out of a pair it is a photo of its own, and stays where it is.
        for other in try rows.assets(with: content.digest)
        where other.record.isLiveAsset
            && other.record.fileParts.contains(where: { $0.blob.digest == content.digest })
        {
            try agree(file, isPartOf: other, rows)
            return nil
        }
        guard asset.record.isLiveAsset else { return .deleted }
        guard let blob = asset.record.blob(agreed.role) else {
            let isDeleted = try rows.assets(with: content.digest).contains {
                !$0.record.isLiveAsset && $0.record.joinedInto == nil
            }
            if isDeleted { return .replaced }
            // A server that was restored no longer knows of it: it is sent again.
            try release(file, rows)
            return nil
        }
        if try isInLibrary(blob.digest, rows) {
            // Another copy of an earlier revision: the user's own.
            try release(file, rows)
            return nil
        }
        // Where originals are kept, it makes room only for bytes that are there (Placing.swift).
        return settings?.optimizesStorage == true ? .replaced : nil
    }

    /// From here on the file is just a file of this device.
    private mutating func release(_ file: LocalFile, _ rows: any Rows) throws(RowsError) {
        try rows.agree(nil, at: file.place)
        var released = file
        released.agreed = nil
        try consider(released, rows)
    }

    /// Says what is about to happen; `nil`: something else is under way there.
    mutating func announce(
        _ file: LocalFile, _ cause: TrashedFile.Cause, _ rows: any Rows
    ) throws(RowsError) -> Intent? {
        guard try rows.intent(at: file.place) == nil else { return nil }
        let name = AsideName(.trash, fileName: file.place.path.name, number: randomNumber())
        let intent = Intent(
            place: file.place, stamp: file.stamp, agreed: file.agreed, kind: .trash(name, cause),
            at: now.wall)
        try rows.save(intent)
        return intent
    }

    mutating func beginRemoving(_ intents: [Intent], forPlacement: Bool = false) {
        guard !intents.isEmpty else { return }
        removals.batch = RemovalBatch(intents: intents, isForPlacement: forPlacement)
        perform(.syncRows, .syncRemovals)
    }

    // MARK: Moving

    mutating func removalsAnnounced(
        _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        guard let batch = removals.batch else { return }
        if case .failure(let error) = result {
            for intent in batch.intents { try rows.removeIntent(at: intent.place) }
            removals.batch = nil
            return removalsFailed(error)
        }
        removals.batch?.step = .moving
        removals.batch?.pending = batch.intents.count
        for intent in batch.intents {
            guard let name = intent.aside else { continue }
            perform(.moveAside(intent.place, intent.stamp, to: name), .moveAside(intent.place))
        }
    }

    mutating func movedAside(
        _ place: Place, _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        guard let batch = removals.batch,
            let intent = batch.intents.first(where: { $0.place == place })
        else { return }
        removals.batch?.pending -= 1
        switch result {
        case .success: removals.batch?.moved.append(intent)
        case .failure(let error):
            // When it was read again, it is decided anew.
            try rows.removeIntent(at: place)
            examine(place)
            if error != .notFound, error != .changed { removals.batch?.failure = error }
        }
        guard removals.batch?.pending == 0 else { return }
        guard let name = removals.batch?.moved.first?.aside else { return try endRemoving(rows) }
        removals.batch?.step = .syncingTrash
        perform(.syncFolder(name.folder.place), .syncRemoved)
    }

    /// First the new names, then the loss of the old ones.
    mutating func removedSynced(
        _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        guard let batch = removals.batch else { return }
        if case .failure(let error) = result, error != .notFound {
            removals.batch?.failure = error
        }
        if batch.step == .syncingTrash {
            var folders: [Folder] = []
            for intent in batch.moved where !folders.containsSorted(intent.place.folder) {
                folders.insertSorted(intent.place.folder)
            }
            removals.batch?.step = .syncingFolders
            removals.batch?.pending = folders.count
            for folder in folders { perform(.syncFolder(folder), .syncRemoved) }
            return
        }
        removals.batch?.pending -= 1
        if removals.batch?.pending == 0 { try endRemoving(rows) }
    }

    private mutating func endRemoving(_ rows: any Rows) throws(RowsError) {
        guard let batch = removals.batch else { return }
        removals.batch = nil
        guard let failure = batch.failure else {
            for intent in batch.moved { try trashed(intent, rows) }
            return removals.forgetFailures()
        }
        // Their intents stay: where each file is will be looked at again.
        removals.isRecovered = batch.moved.isEmpty
        removalsFailed(failure)
    }

    /// The file lies in the trash, durably.
    mutating func trashed(_ intent: Intent, _ rows: any Rows) throws(RowsError) {
        try rows.removeIntent(at: intent.place)
        guard case .trash(let name, let cause) = intent.kind, let agreed = intent.agreed else {
            return
        }
        try rows.save(
            TrashedFile(
                name: name, place: intent.place, stamp: intent.stamp, agreed: agreed, cause: cause,
                at: intent.at))
        try forgetMoved(intent.place, rows)
        // Somebody may have put another file there since.
        examine(intent.place)
        guard let asset = try rows.remote(RecordKey(type: .asset, id: agreed.asset)) else { return }
        if asset.record.isPurged { removals.isPurgeNeeded = true }
        try wantDownload(of: asset, rows)
    }

    mutating func removalsFailed(_ error: DiskError) {
        if error == .notFound { readMark() }
        removals.needPass()
        removals.attempts.fail(error.text, at: now, rule: retryRule)
        removals.failure = error
    }

    // MARK: Purging

    private mutating func purge(_ rows: any Rows) throws(RowsError) {
        guard removals.isPurgeNeeded else { return }
        let files = try rows.trashedFilesToPurge(limit: Limits.removalsPerBatchMax)
        if files.count < Limits.removalsPerBatchMax { removals.isPurgeNeeded = false }
        for file in files {
            removals.purging.insert(file.name)
            perform(.removeAside(file.name), .purge(file.name))
        }
    }

    mutating func purged(
        _ name: AsideName, _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        removals.purging.remove(name)
        if case .failure(let error) = result {
            removals.isPurgeNeeded = true
            return removalsFailed(error)
        }
        try rows.removeTrashedFile(name)
    }
}
