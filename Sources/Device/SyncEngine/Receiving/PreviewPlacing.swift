import Records

// Giving checked previews their names in `.martlet/previews/`, and taking away those that nobody
// needs, many at a time. A row says that a preview is here only once its name is durable; before any
// name comes or goes a durable row says that nobody knows, so that no crash leaves a preview behind
// that no row speaks of.

/// Previews on their way in, or out.
struct PreviewBatch: Sendable {
    enum Step: Sendable {
        case checkingMark, announcing, syncing, placing, removing, syncingNames
    }

    var step = Step.checkingMark
    let assets: [RecordID]
    /// They leave.
    let isRemoval: Bool
    /// Results that this step still waits for.
    var pending = 0
    /// Named, or taken away, but not durably yet.
    var done: [RecordID] = []
}

/// What a disk operation on previews was for.
enum PreviewWork: Sendable {
    case announced
    /// Their bytes.
    case synced
    case kept(RecordID)
    case removed(RecordID)
    case namesSynced
    /// A folder of them.
    case listed

    var isLibrarySync: Bool {
        switch self {
        case .synced, .namesSynced: true
        case .announced, .kept, .removed, .listed: false
        }
    }
}

extension SyncEngine {
    mutating func advancePreviewBatch(_ rows: any Rows) throws(RowsError) {
        if previews.batch == nil { try beginPreviewBatch(rows) }
        guard let batch = previews.batch, batch.step == .checkingMark else { return }
        guard let goodAt = library.goodAt, now.uptime - goodAt <= Limits.markFreshMilliseconds
        else {
            return readMark()
        }
        try announcePreviews(batch, rows)
    }

    private mutating func beginPreviewBatch(_ rows: any Rows) throws(RowsError) {
        let isOld = previews.readySince.map { now.uptime >= $0 + Limits.gatherMilliseconds }
        if previews.transfers == 0 || isOld ?? false
            || previews.ready.count >= Limits.previewsPerBatchMax
        {
            var assets: [RecordID] = []
            while assets.count < Limits.previewsPerBatchMax, let next = previews.ready.popFirst() {
                guard previews.items[next]?.stage == .ready else { continue }
                previews.move(next, to: .placing, at: now)
                assets.append(next)
            }
            previews.readySince = previews.ready.isEmpty ? nil : now.uptime
            if !assets.isEmpty {
                previews.batch = PreviewBatch(assets: assets, isRemoval: false)
                return
            }
        }
        try beginPreviewRemoval(rows)
    }

    /// While originals come in, what they make superfluous gathers.
    private mutating func beginPreviewRemoval(_ rows: any Rows) throws(RowsError) {
        let isQuiet = downloads.transfers == 0 && downloads.batch == nil && previews.transfers == 0
        var assets: [RecordID] = []
        if previews.isRemovalNeeded, isQuiet || previews.removalDue ?? 0 <= now.uptime {
            assets = try rows.previewsToRemove(
                keepsOriginals: !optimizing.isOn, limit: Limits.previewsPerBatchMax
            ).map(\.asset)
            previews.isRemovalNeeded = assets.count == Limits.previewsPerBatchMax
            previews.removalDue = nil
        }
        if assets.isEmpty { assets = try previewsGivingWay(rows) }
        guard !assets.isEmpty else { return }
        previews.batch = PreviewBatch(assets: assets, isRemoval: true)
    }

    private mutating func announcePreviews(
        _ batch: PreviewBatch, _ rows: any Rows
    ) throws(RowsError) {
        for asset in batch.assets {
            if batch.isRemoval {
                guard var row = try rows.preview(of: asset) else { continue }
                row.isPlaced = false
                try rows.save(row)
            } else if let wanted = previews.items[asset]?.wanted {
                try rows.save(
                    PreviewRow(
                        asset: asset, madeOf: wanted.madeOf, digest: wanted.digest,
                        byteCount: wanted.byteCount, isPlaced: false))
            }
        }
        previews.batch?.step = .announcing
        perform(.syncRows, .preview(.announced))
    }

    mutating func preview(
        _ work: PreviewWork, _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        defer { if work.isLibrarySync { librarySyncEnded() } }
        if case .listed = work { return try previewsListed(result, rows) }
        guard let batch = previews.batch else { return }
        let failure: DiskError? = if case .failure(let error) = result { error } else { nil }
        switch work {
        case .announced:
            if let failure { return abandon(batch, failure) }
            if batch.isRemoval { return takeAway(batch) }
            previews.batch?.step = .syncing
            syncLibrary(for: .preview(.synced))
        case .synced:
            if let failure {
                abandon(batch, failure)
                return distrustTemporaries()
            }
            name(batch)
        case .kept(let asset): kept(asset, failure)
        case .removed(let asset):
            if failure == nil {
                previews.batch?.done.append(asset)
            } else {
                previews.retryRemoval(at: now)
            }
            previewStepDone()
        case .namesSynced:
            if let failure {
                abandon(batch, failure)
                return distrustTemporaries()
            }
            try previewsAreDurable(batch, rows)
        case .listed: break
        }
    }

    /// Nothing that it did can be relied on: rows say of all of it that nobody knows.
    private mutating func abandon(_ batch: PreviewBatch, _ error: DiskError) {
        previews.batch = nil
        previews.retryRemoval(at: now)
        for asset in batch.assets {
            if let item = previews.items[asset], item.stage == .placing { fail(item, error) }
        }
    }

    private mutating func takeAway(_ batch: PreviewBatch) {
        previews.batch?.step = .removing
        previews.batch?.pending = batch.assets.count
        for asset in batch.assets {
            perform(.removePreview(PreviewName(asset)), .preview(.removed(asset)))
        }
    }

    private mutating func name(_ batch: PreviewBatch) {
        var pending = 0
        for asset in batch.assets {
            guard let item = previews.items[asset] else { continue }
            if item.isDistrusted {
                writeAgain(item)
                continue
            }
            pending += 1
            perform(.keepPreview(item.temporary, PreviewName(asset)), .preview(.kept(asset)))
        }
        previews.batch?.step = .placing
        previews.batch?.pending = pending
        guard pending == 0 else { return }
        previews.batch = nil
        previews.retryRemoval(at: now)
    }

    private mutating func kept(_ asset: RecordID, _ failure: DiskError?) {
        if let item = previews.items[asset] {
            if let failure {
                fail(item, failure)
                previews.retryRemoval(at: now)
            } else {
                previews.items[asset]?.hasTemporary = false
                previews.batch?.done.append(asset)
            }
        }
        previewStepDone()
    }

    private mutating func previewStepDone() {
        previews.batch?.pending -= 1
        guard let batch = previews.batch, batch.pending == 0 else { return }
        guard !batch.done.isEmpty else {
            previews.batch = nil
            return
        }
        previews.batch?.step = .syncingNames
        syncLibrary(for: .preview(.namesSynced))
    }

    private mutating func previewsAreDurable(
        _ batch: PreviewBatch, _ rows: any Rows
    ) throws(RowsError) {
        previews.batch = nil
        if batch.isRemoval { previews.upkeep.removedAt = now.uptime }
        for asset in batch.done {
            if batch.isRemoval {
                try rows.removePreview(of: asset)
            } else if var row = try rows.preview(of: asset) {
                row.isPlaced = true
                try rows.save(row)
                previews.remove(asset)
                previews.gate.open()
            }
            // Another one by now, or one again.
            if try rows.wantedPreview(of: asset) != nil { previews.needPass() }
        }
        // Its original may have come, or the asset gone, while it was on its way.
        if !batch.isRemoval { previews.needRemoval(at: now) }
    }
}
