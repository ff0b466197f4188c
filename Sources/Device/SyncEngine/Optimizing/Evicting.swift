import Library
import Records
import Status

// Giving up originals that are safe in the cloud. What it keeps:
//
// - P2. Nothing leaves without receipts for every blob of its asset, of the current epoch, asked for
//   at most an hour before; they are stored first.
// - P9. All files of an asset leave together, or stay.
// - No byte that the server lacks is unlinked: a file that was changed, or that a program has open
//   for writing, goes back to its place.
// - An eviction is no deletion: its intent explains the missing file until the row is gone.
//
// The order on the disk: intents, made durable; renamed into `.martlet/leaving/`; looked at once
// more and unlinked; the folders synced; only then rows and intents go.

extension SyncEngine {
    mutating func advanceEvictions(_ rows: any Rows) throws(RowsError) {
        try readSpace(rows)
        if let due = evictions.nextTry, due <= now.uptime {
            evictions.startAnew()
        }
        while evictions.batch == nil, canEvict, try hasMoreToEvict(rows) {
            try beginEviction(rows)
        }
        guard evictions.batch?.step == .checkingMark else { return }
        if let goodAt = library.goodAt, now.uptime - goodAt <= Limits.markFreshMilliseconds {
            try announceLeaving(rows)
        } else {
            readMark()
        }
    }

    /// The library and the server's list are known, and neither is in doubt.
    private var canEvict: Bool {
        guard case .good = library.mark else { return false }
        return removals.isRecovered && !removals.isBusy && renaming.batch == nil
            && (allowsRequests || allowsRemoval)
            && feed.state.isComplete
            && !feed.isBehind && !feed.isReading
            && comparison.hasComparedLibrary && !comparison.isRunning && reading.libraryCount == 0
    }

    private mutating func hasMoreToEvict(_ rows: any Rows) throws(RowsError) -> Bool {
        guard evictions.isIdle, circumstances.service.isRemoving else { return !evictions.isIdle }
        if try removalEnds(rows) { return false }
        evictions.startAnew()
        return true
    }

    /// Whether anything more can come of evictions now.
    var evictionsAreIdle: Bool {
        evictions.batch == nil && (evictions.isIdle || !canEvict)
    }

    // MARK: What is to leave

    /// How much the target of free space lacks, by a reading of the disk after the latest batch.
    private mutating func readSpace(_ rows: any Rows) throws(RowsError) {
        guard optimizing.isOn, circumstances.service.isOn else {
            evictions.toFree = 0
            evictions.freeingSince = nil
            return
        }
        guard let readAt = circumstances.readAt, readAt != evictions.spaceReadAt,
            readAt > evictions.endedAt ?? -1, evictions.batch == nil,
            let free = circumstances.reading?.freeByteCount
        else { return }
        evictions.spaceReadAt = readAt
        let target = try rows.freeSpaceTarget() ?? Limits.freeSpaceTargetByteCount
        evictions.toFree = max(0, target - free)
        if evictions.toFree == 0 {
            evictions.freeingSince = nil
            evictions.freed = 0
        }
    }

    private mutating func beginEviction(_ rows: any Rows) throws(RowsError) {
        var items: [Eviction] = []
        if evictions.isPassNeeded {
            let limit = Limits.evictionsPerBatchMax
            let page =
                circumstances.service.isRemoving
                ? try rows.assetsInLibrary(after: evictions.cursor, limit: limit)
                : try rows.assetsToEvict(after: evictions.cursor, limit: limit)
            evictions.cursor = page.last
            if page.count < Limits.evictionsPerBatchMax {
                evictions.isPassNeeded = false
                evictions.cursor = nil
            }
            for id in page where !evictions.isPending(id) {
                if let item = try eviction(of: id, rows) {
                    items.append(item)
                } else {
                    evictions.wait(id, at: now)
                }
            }
        } else {
            items = try leastUsed(rows)
        }
        var digests: [Digest] = []
        var fitting: [Eviction] = []
        for item in items {
            let wanted = digests + item.receipts.keys
            guard wanted.count <= Limits.digestsPerRequestMax else { break }
            digests = wanted
            fitting.append(item)
        }
        if fitting.count < items.count {
            evictions.isPassNeeded = true
            evictions.cursor = nil
        }
        guard !fitting.isEmpty else { return }
        let asked = Set(digests).sorted()
        evictions.batch = EvictionBatch(items: fitting, askedAt: now)
        send(.receipts(asked), .receipts(asked))
    }

    /// As many as the target needs, least used first.
    private mutating func leastUsed(_ rows: any Rows) throws(RowsError) -> [Eviction] {
        let ids = try rows.leastUsedOriginals(
            limit: Limits.evictionsPerBatchMax + evictions.pending.count)
        var items: [Eviction] = []
        var byteCount: Int64 = 0
        for id in ids where !evictions.isPending(id) {
            guard items.count < Limits.evictionsPerBatchMax, byteCount < evictions.toFree else {
                break
            }
            guard let item = try eviction(of: id, rows) else {
                evictions.wait(id, at: now)
                continue
            }
            byteCount += item.byteCount
            items.append(item)
        }
        if items.isEmpty || evictions.pending.count >= Limits.evictionsPendingMax {
            // Nothing more can leave now.
            evictions.toFree = 0
            evictions.freeingSince = nil
        } else {
            evictions.freeingSince = evictions.freeingSince ?? now.wall
        }
        return items
    }

    /// All that the asset has in the library, if every byte of it is what was agreed on; `nil`: it
    /// may not leave now.
    private func eviction(of id: RecordID, _ rows: any Rows) throws(RowsError) -> Eviction? {
        guard let remote = try rows.remote(RecordKey(type: .asset, id: id)),
            remote.record.isLiveAsset, try !isKept(id, rows)
        else { return nil }
        var files: [LeavingFile] = []
        // Two parts may have the same bytes: each file leaves once.
        var digests: Set<Digest> = []
        for (_, blob) in remote.record.fileParts where digests.insert(blob.digest).inserted {
            guard uploads.items[blob.digest] == nil, downloads.items[blob.digest] == nil,
                try !isWanted(blob.digest, rows)
            else { return nil }
            for file in try rows.localFiles(with: blob.digest) where file.place.root.isLibrary {
                guard let agreed = file.agreed, agreed.asset == id, agreed.digest == blob.digest,
                    try rows.intent(at: file.place) == nil, !downloads.moving.contains(file.place)
                else { return nil }
                files.append(
                    LeavingFile(
                        place: file.place, stamp: file.stamp, agreed: agreed,
                        aside: AsideName(
                            .leaving, fileName: file.place.path.name, number: randomNumber())))
            }
        }
        guard !files.isEmpty else { return nil }
        let places = files.map(\.place)
        // Agreed on, with other bytes by now: an edit that is yet to be sent.
        for file in try rows.localFiles(agreedFor: id) where file.place.root.isLibrary {
            guard places.contains(file.place) else { return nil }
        }
        for file in files {
            for sidecar in try sidecars(beside: file.place, rows) {
                if case .notIncluded = sidecar.state { continue }
                guard places.contains(sidecar.place) || sidecar.agreed != nil else { return nil }
            }
        }
        var receipts: [Digest: Int64] = [:]
        for blob in remote.record.blobs.values { receipts[blob.digest] = blob.byteCount }
        return Eviction(asset: id, receipts: receipts, files: files)
    }

    /// Nothing has changed since the receipts were asked for.
    private func mayStillLeave(
        _ item: Eviction, _ batch: EvictionBatch, _ rows: any Rows
    ) throws(RowsError) -> Bool {
        guard !item.isRefused,
            now.uptime - batch.askedAt.uptime <= Limits.receiptAgeMaxSeconds * 1_000,
            feed.state.isComplete, let epoch = feed.state.token?.epoch,
            let remote = try rows.remote(RecordKey(type: .asset, id: item.asset)),
            remote.record.isLiveAsset, try !isKept(item.asset, rows)
        else { return false }
        for blob in remote.record.blobs.values {
            guard let stored = try rows.receipt(for: blob.digest)?.receipt,
                item.receipts[blob.digest] != nil, stored.epoch == epoch,
                stored.byteCount == blob.byteCount
            else { return false }
        }
        return true
    }

    // MARK: Receipts

    mutating func received(
        _ receipts: [ServerReceipt], _ rows: any Rows
    ) throws(RowsError) {
        guard var batch = evictions.batch, batch.step == .askingReceipts else { return }
        var received: Set<Digest> = []
        var faults: [Digest: String] = [:]
        for receipt in receipts where receipt.epoch == feed.state.token?.epoch {
            if let fault = receipt.fault {
                faults[receipt.digest] = fault
                continue
            }
            received.insert(receipt.digest)
            try rows.save(StoredReceipt(receipt, askedAt: batch.askedAt.wall))
        }
        for item in batch.items where !received.isSuperset(of: item.receipts.keys) {
            let fault = item.receipts.keys.sorted().lazy.compactMap { faults[$0] }.first
            evictions.wait(item.asset, fault: fault, at: now)
        }
        batch.items.removeAll { !received.isSuperset(of: $0.receipts.keys) }
        batch.step = .checkingMark
        evictions.batch = batch
        if batch.items.isEmpty { endEviction() }
    }

    mutating func receiptsFailed() {
        guard let batch = evictions.batch, batch.step == .askingReceipts else { return }
        if serverGate.isClosed { evictions.isWorthAnotherPass = true }
        for item in batch.items { evictions.wait(item.asset, at: now) }
        endEviction()
    }

    // MARK: Moving

    private mutating func announceLeaving(_ rows: any Rows) throws(RowsError) {
        guard var batch = evictions.batch else { return }
        var items: [Eviction] = []
        for item in batch.items {
            let again = try eviction(of: item.asset, rows)
            let isSame =
                again.map { again in
                    again.receipts == item.receipts
                        && again.files.map(\.place) == item.files.map(\.place)
                        && again.files.map(\.stamp) == item.files.map(\.stamp)
                } ?? false
            guard isSame, try mayStillLeave(item, batch, rows) else {
                evictions.wait(item.asset, at: now)
                continue
            }
            for file in item.files {
                try rows.save(
                    Intent(
                        place: file.place, stamp: file.stamp, agreed: file.agreed,
                        kind: .leave(file.aside, receipts: item.receipts.keys.sorted()),
                        at: now.wall))
            }
            items.append(item)
        }
        batch.items = items
        batch.step = .announcing
        evictions.batch = batch
        guard !items.isEmpty else { return endEviction() }
        perform(.syncRows, .evicting(.announced))
    }

    mutating func eviction(
        _ work: EvictionWork, _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        switch work {
        case .announced: try announced(result, rows)
        case .moved(let place):
            evictions.batch?.pending -= 1
            if case .success(.moved(let stamp)) = result, var file = evictions.batch?[place] {
                if !stamp.isSameFile(as: file.stamp) { evictions.batch?.refuse(place) }
                file.stage = .aside
                evictions.batch?[place] = file
            } else {
                evictions.batch?.refuse(place)
            }
            try movedAside(rows)
        case .gaveUp(let place): try gaveUp(place, result, rows)
        case .putBack(let place): try stays(place, result, rows)
        case .synced:
            evictions.batch?.pending -= 1
            if case .failure(let error) = result, error != .notFound {
                evictions.batch?.syncFailed = true
            }
            try finishEviction(rows)
        case .returned(let place, let target, let number):
            try returned(place, target, number, result, rows)
        case .returnSynced(let place):
            removals.locating.remove(place)
            guard let intent = try rows.intent(at: place) else { return }
            if case .failure(let error) = result { return removalsFailed(error) }
            try withdraw(intent, rows)
        }
    }

    private mutating func announced(
        _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        guard var batch = evictions.batch, batch.step == .announcing else { return }
        var isDurable = false
        if case .success = result { isDurable = true }
        var items: [Eviction] = []
        for item in batch.items {
            if isDurable, try mayStillLeave(item, batch, rows) {
                items.append(item)
            } else {
                for file in item.files { try rows.removeIntent(at: file.place) }
                evictions.wait(item.asset, at: now)
            }
        }
        batch.items = items
        batch.step = .movingAside
        batch.pending = items.reduce(0) { $0 + $1.files.count }
        evictions.batch = batch
        guard !items.isEmpty else { return endEviction() }
        for file in items.flatMap(\.files) {
            perform(
                .moveAside(file.place, file.stamp, to: file.aside), .evicting(.moved(file.place)))
        }
    }

    /// All are out of their places: those of which everything is as it must be are unlinked.
    private mutating func movedAside(_ rows: any Rows) throws(RowsError) {
        guard var batch = evictions.batch, batch.step == .movingAside, batch.pending == 0 else {
            return
        }
        batch.step = .givingUp
        for index in batch.items.indices {
            let mayLeave = try mayStillLeave(batch.items[index], batch, rows)
            if !mayLeave { batch.items[index].isRefused = true }
            batch.pending += batch.items[index].files.filter { $0.stage == .aside }.count
        }
        evictions.batch = batch
        for item in batch.items {
            for file in item.files where file.stage == .aside {
                if item.isRefused {
                    perform(
                        .moveBack(file.aside, to: file.place), .evicting(.putBack(file.place)))
                } else {
                    perform(.giveUp(file.aside, file.stamp), .evicting(.gaveUp(file.place)))
                }
            }
        }
        if batch.pending == 0 { try syncEviction(rows) }
    }

    private mutating func gaveUp(
        _ place: Place, _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        guard var file = evictions.batch?[place] else { return }
        if case .failure(let error) = result, error != .notFound {
            // Changed, or being written: it stays.
            evictions.batch?.refuse(place)
            return perform(.moveBack(file.aside, to: place), .evicting(.putBack(place)))
        }
        file.stage = .gone
        evictions.batch?[place] = file
        evictions.batch?.pending -= 1
        try syncEviction(rows)
    }

    private mutating func stays(
        _ place: Place, _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        guard var file = evictions.batch?[place] else { return }
        if case .failure(.alreadyExists) = result, file.number < Limits.namesTriedMax {
            // Somebody else took the name meanwhile: it keeps it.
            file.number += 1
            evictions.batch?[place] = file
            return perform(
                .moveBack(file.aside, to: place.numbered(file.number)),
                .evicting(.putBack(place)))
        }
        file.stage = .unknown
        if case .success = result { file.stage = .inPlace }
        evictions.batch?[place] = file
        evictions.batch?.pending -= 1
        downloads.names[place.folder] = nil
        try syncEviction(rows)
    }

    // MARK: The end

    private mutating func syncEviction(_ rows: any Rows) throws(RowsError) {
        guard var batch = evictions.batch, batch.step == .givingUp, batch.pending == 0 else {
            return
        }
        batch.step = .syncing
        var folders = [AsideName.Folder.leaving.place]
        for item in batch.items where item.isRefused {
            for file in item.files where !folders.contains(file.place.folder) {
                folders.append(file.place.folder)
            }
        }
        batch.pending = folders.count
        evictions.batch = batch
        for folder in folders { perform(.syncFolder(folder), .evicting(.synced(folder))) }
    }

    private mutating func finishEviction(_ rows: any Rows) throws(RowsError) {
        guard let batch = evictions.batch, batch.step == .syncing, batch.pending == 0 else {
            return
        }
        var isUnknown = batch.syncFailed
        for item in batch.items {
            for file in item.files {
                switch file.stage {
                case .gone:
                    try forgetMoved(file.place, rows)
                    if !batch.syncFailed { try rows.removeIntent(at: file.place) }
                    evictions.toFree = max(0, evictions.toFree - file.stamp.byteCount)
                    evictions.freed += file.stamp.byteCount
                case .inPlace, .aside:
                    if !batch.syncFailed { try rows.removeIntent(at: file.place) }
                    examine(file.place)
                    if file.number > 1 { enqueue(file.place.folder, deep: false) }
                case .unknown: isUnknown = true
                }
            }
            if item.isRefused {
                evictions.wait(item.asset, at: now)
            } else {
                evictions.forget(item.asset)
                evictions.isWorthAnotherPass = true
                try note(
                    StoryCode.leftDevice, EvidenceText.bytes(item.byteCount), of: item.asset,
                    rows)
            }
        }
        if isUnknown { removals.isRecovered = false }
        endEviction()
    }

    private mutating func endEviction() {
        evictions.batch = nil
        evictions.endedAt = now.uptime
        previews.needPass()
    }
}

// MARK: - What a person is told

extension SyncEngine {
    /// Originals are leaving because space is needed.
    var optimizingReasons: [Reason] {
        guard let since = evictions.freeingSince, evictions.isFreeing else { return [] }
        return [
            Reason(
                .optimizing,
                [
                    "freed": EvidenceText.bytes(evictions.freed),
                    "target": EvidenceText.bytes(evictions.freed + evictions.toFree),
                ], since: since)
        ]
    }

    /// Why an item that is to leave is still here.
    func leavingReasons(of asset: RecordID) -> [Reason] {
        guard let pending = evictions.pending.first(where: { $0.asset == asset }) else {
            return []
        }
        let cause = pending.fault ?? "the server has not yet re-read its copy"
        return [Reason(.receiptPending, ["cause": cause], since: pending.since)]
    }
}

// MARK: - After a crash

extension SyncEngine {
    /// What an earlier run announced: a file that was moved aside goes back, since only that run
    /// knew that it may leave; one that is gone has left.
    mutating func finishLeaving(
        _ intent: Intent, _ name: AsideName, isAside: Bool, isInPlace: Bool, isFree: Bool,
        _ rows: any Rows
    ) throws(RowsError) {
        guard isAside else {
            if isFree { try forgetMoved(intent.place, rows) }
            return try withdraw(intent, rows)
        }
        removals.locating.insert(intent.place)
        guard !isInPlace else {
            // A power cut kept the new name and not the loss of the old one: one file, twice.
            return perform(.removeAside(name), .dropSecondName(intent.place))
        }
        perform(
            .moveBack(name, to: intent.place),
            .evicting(.returned(intent.place, to: intent.place, number: 1)))
    }

    private mutating func returned(
        _ place: Place, _ target: Place, _ number: Int,
        _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        switch result {
        case .success:
            examine(target)
            perform(.syncFolder(target.folder), .evicting(.returnSynced(place)))
        case .failure(.alreadyExists) where number < Limits.namesTriedMax:
            guard let intent = try rows.intent(at: place), let name = intent.aside else {
                removals.locating.remove(place)
                return
            }
            let other = place.numbered(number + 1)
            perform(
                .moveBack(name, to: other),
                .evicting(.returned(place, to: other, number: number + 1)))
        case .failure(let error):
            removals.locating.remove(place)
            removalsFailed(error)
        }
    }
}

extension Place {
    /// Beside it, with a number in its name.
    func numbered(_ number: Int) -> Place {
        let name = FileName.numbered(FileName.cleaned(path.name).text, number)
        return Place(root: root, path: folder.path.appending(Array(name.utf8)))
    }
}
