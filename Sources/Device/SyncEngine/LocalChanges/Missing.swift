import Library
import Records

// When a missing file is a deletion (P4): absent is not deleted.
//
// All of this must be so, or the file is fetched again, or looked for again:
// - the library's mark is there with this library, this device and the generation that the rows
//   last wrote, read after everything else was looked at;
// - its folder was read without error and did not have it, and 10 s later (with `--once`: at the
//   end) a second look agrees, after all folders were compared once more: events get lost, and it
//   may have been renamed;
// - the rows say that it was agreed on, so a rebuilt database deletes nothing;
// - nothing that Martlet itself did explains it;
// - its bytes lie at no other path of this device, and no file that can't be read may be it, nor lie
//   in a folder that can't;
// - its service is on, and was from when it was missed until the second look;
// - it was the last place of its asset's original: a part alone is fetched again (P9).

/// Files missing from the library, and what is to be told to the server because of them.
struct LocalChanges: Sendable {
    enum Check: Sendable {
        case idle
        case examining(left: Set<Place>, gone: [Place])
        /// `isAsked`: the mark is being read for them.
        case provingMark([Place], isAsked: Bool)
    }

    /// How many rows say that a file is missing: while there are none, nothing here costs anything.
    var missingCount = 0
    var check = Check.idle
    /// Uptime of the next second look.
    var checkAt: Int64?
    /// All folders were read since the last file was found missing: a file that was renamed has been
    /// found by its new name, even if nobody told of that.
    var isCompared = false
    /// What is missed in a folder: assets by `FileName.key`; dropped when anything is missed or found.
    var missedNames: [Folder: [String: Set<RecordID>]] = [:]
    /// How far a look at more than `Limits.missingPerCheckMax` files came.
    var cursor: Place?

    var commits = LocalCommits()
    /// Edits wait for other files to be read, until then at most.
    var editsWaitUntil: Int64?
    /// Whether edits are held, as it was a moment ago.
    var heldEdits: (until: Int64, isHeld: Bool)?

    var isChecking: Bool {
        if case .idle = check { false } else { true }
    }
}

extension SyncEngine {
    /// Learns at the start, and after commands, how many rows there are.
    mutating func reloadMissing(_ rows: any Rows) throws(RowsError) {
        let counts = try rows.missingCounts()
        localChanges.missingCount = counts.all
        localChanges.missedNames.removeAll()
        localChanges.heldEdits = nil
        if counts.unconfirmed > 0 { lookAgainSoon() }
        localChanges.commits.isPlanNeeded = true
    }

    private mutating func lookAgainSoon() {
        localChanges.checkAt = now.uptime + Limits.missingMilliseconds
    }

    /// A file of the library is gone; its row was removed.
    mutating func noteMissing(_ row: LocalFile, _ rows: any Rows) throws(RowsError) {
        guard row.place.root.isLibrary, circumstances.service == .on, let agreed = row.agreed,
            let asset = try rows.remote(RecordKey(type: .asset, id: agreed.asset)),
            asset.record.isLiveAsset, try !isElsewhere(agreed, of: asset.record, rows),
            try rows.intent(at: row.place) == nil,
            // It may have been switched off a moment ago, and nobody told of that yet.
            try rows.photosService() == .on
        else { return }
        if try rows.missingFile(at: row.place) == nil { localChanges.missingCount += 1 }
        try rows.save(
            MissingFile(place: row.place, agreed: agreed, stamp: row.stamp, since: now.wall))
        localChanges.missedNames.removeAll()
        localChanges.isCompared = false
        lookAgainSoon()
    }

    /// Its bytes lie at another path of this device, or those that its part has by now: somebody
    /// edited it, or the server's restore took an edit.
    func isElsewhere(
        _ agreed: Agreement, of asset: Record, _ rows: any Rows
    ) throws(RowsError) -> Bool {
        if try !rows.localFiles(with: agreed.digest).isEmpty { return true }
        guard let now = asset.blob(agreed.role)?.digest, now != agreed.digest else { return false }
        return try !rows.localFiles(with: now).isEmpty
    }

    /// What the file that lies at `place` now was agreed on as; it may have been missed before.
    mutating func agreement(
        of row: LocalFile?, at place: Place, _ rows: any Rows
    ) throws(RowsError) -> Agreement? {
        if let agreed = row?.agreed { return agreed }
        guard localChanges.missingCount > 0, place.root.isLibrary,
            let missing = try rows.missingFile(at: place)
        else { return nil }
        try forget(missing, rows)
        return missing.agreed
    }

    mutating func forget(_ missing: MissingFile, _ rows: any Rows) throws(RowsError) {
        guard try rows.missingFile(at: missing.place) != nil else { return }
        try rows.removeMissingFile(at: missing.place)
        localChanges.missingCount -= 1
        localChanges.missedNames.removeAll()
        // Held changes may be fewer now.
        localChanges.commits.isPlanNeeded = true
        fetchAgainSoon()
        // What was proven of its other parts, was proven with it: alone they are fetched again.
        let others = try rows.missingFiles(agreedFor: missing.agreed.asset)
        guard !others.contains(where: { $0.agreed.role == .original }) else { return }
        for part in others where part.isConfirmed { try forget(part, rows) }
    }

    /// The asset is in the trash or gone: nothing of it is missed any more.
    mutating func forgetMissing(of asset: RecordID, _ rows: any Rows) throws(RowsError) {
        guard localChanges.missingCount > 0 else { return }
        for missing in try rows.missingFiles(agreedFor: asset) { try forget(missing, rows) }
    }

    /// Whether a part of this asset is missed: then nothing of it is fetched, until it is known what
    /// that means, and while it is held.
    func isMissed(_ asset: RecordID, _ rows: any Rows) throws(RowsError) -> Bool {
        guard localChanges.missingCount > 0 else { return false }
        return try !rows.missingFiles(agreedFor: asset).isEmpty
    }

    /// Whether another asset's file is missed at this place, or at one that some disk takes for it:
    /// it stays free until that is decided.
    mutating func isMissedByAnother(
        _ place: Place, than asset: RecordID, _ rows: any Rows
    ) throws(RowsError) -> Bool {
        guard localChanges.missingCount > 0 else { return false }
        let names = try missedNames(in: place.folder, rows)
        return names[FileName.key(place.path.name)]?.contains { $0 != asset } ?? false
    }

    private mutating func missedNames(
        in folder: Folder, _ rows: any Rows
    ) throws(RowsError) -> [String: Set<RecordID>] {
        if let known = localChanges.missedNames[folder] { return known }
        if localChanges.missedNames.count >= Limits.foldersWithNamesMax {
            localChanges.missedNames.removeAll()
        }
        var names: [String: Set<RecordID>] = [:]
        for missing in try rows.missingFiles(in: folder) {
            names[FileName.key(missing.place.path.name), default: []].insert(missing.agreed.asset)
        }
        localChanges.missedNames[folder] = names
        return names
    }

    /// All that is missed, or only what was not yet looked for again: nobody deleted it.
    mutating func forgetMissing(onlyUnconfirmed: Bool, _ rows: any Rows) throws(RowsError) {
        guard localChanges.missingCount > 0 else { return }
        var cursor: Place?
        repeat {
            let page = try rows.missingFiles(after: cursor, limit: Limits.missingPerCheckMax)
            for missing in page where !(onlyUnconfirmed && missing.isConfirmed) {
                try forget(missing, rows)
            }
            cursor = page.count < Limits.missingPerCheckMax ? nil : page.last?.place
        } while cursor != nil
    }

    // MARK: The second look

    mutating func advanceMissing(_ rows: any Rows) throws(RowsError) {
        if let until = localChanges.editsWaitUntil,
            until <= now.uptime || !(reading.isBusy || comparison.isRunning)
        {
            localChanges.editsWaitUntil = nil
            localChanges.heldEdits = nil
            openPass.isNeeded = true
        }
        guard localChanges.missingCount > 0 || localChanges.isChecking else {
            localChanges.checkAt = nil
            return
        }
        switch localChanges.check {
        case .idle: try beginCheck(rows)
        case .examining(let left, let gone) where left.isEmpty:
            localChanges.check = gone.isEmpty ? .idle : .provingMark(gone, isAsked: false)
        case .examining, .provingMark: break
        }
        if case .provingMark(let gone, isAsked: false) = localChanges.check, !library.isReading {
            localChanges.check = .provingMark(gone, isAsked: true)
            readMark()
        }
    }

    private var canCheck: Bool {
        guard case .good = library.mark, !library.isReading, comparison.hasComparedLibrary,
            !comparison.isRunning, feed.state.isComplete, circumstances.service == .on
        else { return false }
        return true
    }

    private mutating func beginCheck(_ rows: any Rows) throws(RowsError) {
        guard let due = localChanges.checkAt, canCheck else { return }
        guard options.once ? isQuiet : due <= now.uptime else { return }
        guard localChanges.isCompared else {
            localChanges.isCompared = true
            startComparison()
            // Folders had their turn in this event: nothing else might come to wake them.
            advanceFolders()
            return
        }
        let page = try rows.missingFiles(
            after: localChanges.cursor, limit: Limits.missingPerCheckMax)
        localChanges.cursor = page.count < Limits.missingPerCheckMax ? nil : page.last?.place
        localChanges.checkAt = localChanges.cursor == nil ? nil : now.uptime
        var left: Set<Place> = []
        for missing in page where !missing.isConfirmed {
            if let other = try rows.localFile(at: missing.place)?.agreed,
                other.asset != missing.agreed.asset
            {
                // Another file took its place: nobody can say any more whether it was deleted.
                try forget(missing, rows)
                continue
            }
            examine(missing.place)
            if comparison.examining.contains(missing.place) { left.insert(missing.place) }
        }
        if !left.isEmpty { localChanges.check = .examining(left: left, gone: []) }
    }

    /// Nothing else is under way: what `--once` calls the end.
    private var isQuiet: Bool {
        comparison.isIdle && reading.isIdle && openPass.isIdle && !feed.isBehind
    }

    /// What was seen at a place that is missed.
    mutating func missingExamined(_ place: Place, _ result: Result<Entry?, DiskError>) {
        guard case .examining(var left, var gone) = localChanges.check,
            left.remove(place) != nil
        else { return }
        switch result {
        case .success(nil), .failure(.notFound): gone.append(place)
        case .success(let entry?): if case .folder = entry.kind { gone.append(place) }
        case .failure: break
        }
        localChanges.check = .examining(left: left, gone: gone)
    }

    /// The mark was read after all of them were looked at.
    mutating func markReadForMissing(_ rows: any Rows) throws(RowsError) {
        guard case .provingMark(let gone, isAsked: true) = localChanges.check else { return }
        localChanges.check = .idle
        guard case .good = library.mark else { return lookAgainSoon() }
        for place in gone.sorted() { try confirm(place, rows) }
        localChanges.commits.isPlanNeeded = true
    }

    /// A folder of the library that could not be read, or is still to be read: a file that was moved
    /// may lie there.
    private var mayHideFiles: Bool {
        !comparison.queue.isEmpty || !comparison.reading.isEmpty
            || library.troubles.contains { $0.folder.root.isLibrary }
    }

    private mutating func confirm(_ place: Place, _ rows: any Rows) throws(RowsError) {
        guard var missing = try rows.missingFile(at: place) else { return }
        guard try rows.localFile(at: place) == nil,
            let asset = try rows.remote(RecordKey(type: .asset, id: missing.agreed.asset)),
            asset.record.isLiveAsset, try !isElsewhere(missing.agreed, of: asset.record, rows),
            try rows.intent(at: place) == nil, try rows.photosService() == .on
        else { return try forget(missing, rows) }
        guard try !rows.hasUnknownFile(like: missing.stamp) else {
            return try forget(missing, rows)
        }
        let hasUnread = try rows.hasUnreadFile(of: missing.stamp.byteCount)
        if hasUnread || mayHideFiles {
            let age = now.wall.milliseconds - missing.since.milliseconds
            if age > Limits.missingSecondsMax * 1_000 { return try forget(missing, rows) }
            if !options.once { lookAgainSoon() }
            return
        }
        if missing.agreed.role != .original {
            // Only with its original; alone it is fetched again.
            let others = try rows.missingFiles(agreedFor: missing.agreed.asset)
            guard others.contains(where: { $0.agreed.role == .original }) else {
                return try forget(missing, rows)
            }
        }
        missing.isConfirmed = true
        try rows.save(missing)
    }
}
