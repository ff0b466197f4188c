import Library
import Records
import Status

// The library's mark: whose the folder is, and whether it and the database belong together.
//
// - The mark's generation is raised with every start and every hour. The database announces the next
//   one, durably, before the mark is written: so whatever a power cut leaves, the mark says what was
//   written last or what was announced. Anything else is an older copy, of the folder or of the
//   database: then the library is compared and sent, and nothing is deleted until the user has
//   answered (P4).
// - Every run has an id, durable before the server hears it. The server keeps the last that it
//   heard; one that this device never was is the run of a copy of it.

/// What is known of the library's folder from its mark.
struct LibraryHealth: Sendable {
    enum Mark: Sendable {
        case unknown
        case good
        /// Its generation is neither the one that the database last wrote nor the one announced.
        case otherGeneration(Int64)
        case missing(DiskError?)
        case foreign(LibraryMark)
    }

    var mark = Mark.unknown
    /// Everything on its disk was made durable since it is there: names that an earlier run gave,
    /// and did not come to sync.
    var isSynced = false
    var since: Timestamp?
    var isReading = false
    /// The mark was written since the reading under way began, which may have seen the one before.
    var wasWritten = false
    /// Uptime of the last reading that found it good.
    var goodAt: Int64?
    var nextReading: Int64?
    /// Roots that could not be read at all, ordered by root.
    var troubles: [RootTrouble] = []
    var readOnlySince: Timestamp?
    var otherTool: OtherSyncTool?
    var otherToolSince: Timestamp?

    /// A generation that is being announced or written.
    var raising: Int64?
    /// Uptime of the next raise; `nil`: with the next good reading.
    var raisesAt: Int64?

    var isUsable: Bool {
        switch mark {
        case .good, .otherGeneration: true
        case .unknown, .missing, .foreign: false
        }
    }

    var isMissing: Bool {
        switch mark {
        case .missing, .foreign: true
        case .unknown, .good, .otherGeneration: false
        }
    }

    /// Whether it and the database belong together: only then may a file be missing or be moved.
    var isTrusted: Bool { if case .good = mark { true } else { false } }
}

/// This run of the device among those before it.
struct Runs: Sendable {
    /// The latest last, this one; empty until they are durable.
    var known: [UInt64] = []
    /// The server heard of a run that is none of them.
    var clonedSince: Timestamp?
    /// Uptime of the server's latest word on that.
    var clonedAt: Int64?
}

extension SyncEngine {
    // MARK: Runs

    mutating func beginRun(_ rows: any Rows) throws(RowsError) {
        try rows.addRun(randomNumber())
        perform(.syncRows, .syncRun)
    }

    mutating func runSynced(
        _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        // Without it the server is not told, and can find no copy.
        if case .success = result { runs.known = try rows.runs() }
    }

    mutating func heardOfRuns(isCloned: Bool) {
        if isCloned {
            runs.clonedSince = runs.clonedSince ?? now.wall
            runs.clonedAt = now.uptime
        } else if let heardAt = runs.clonedAt,
            now.uptime - heardAt > Limits.clonedSeconds * 1_000
        {
            // The other one would have reported meanwhile.
            runs.clonedSince = nil
            runs.clonedAt = nil
        }
    }

    /// The sign-in or the library is another's: only the report goes out, until that is mended.
    var isAnothers: Bool {
        if runs.clonedSince != nil { return true }
        guard case .foreign(let mark) = library.mark, let settings else { return false }
        return mark.account.map { $0 != settings.account } ?? false
    }

    // MARK: The mark

    mutating func readMark() {
        guard !library.isReading else { return }
        library.isReading = true
        library.nextReading = nil
        effects.append(.readMark)
    }

    mutating func markRead(
        _ result: Result<LibraryLook, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        library.isReading = false
        guard let settings else { return }
        if library.wasWritten {
            library.wasWritten = false
            return readMark()
        }
        let before = library.mark
        let wasUsable = library.isUsable
        switch result {
        case .failure(let error): library.mark = .missing(error)
        case .success(let look):
            note(look)
            if let mark = look.mark {
                library.mark = try health(of: mark, settings, rows)
            } else {
                library.mark = .missing(nil)
            }
        }
        if library.isUsable, !library.isSynced {
            // Rows must not say of a file that it is there before its name would survive a power
            // cut: it would count as one that was deleted.
            library.mark = before
            if !librarySync.isUnderWay { syncLibrary(for: .syncFound) }
        } else if library.isUsable {
            library.goodAt = now.uptime
            if downloads.listsTemporariesAgain {
                downloads.listsTemporariesAgain = false
                perform(.listTemporaries, .listTemporaries)
            }
            if case .otherGeneration = library.mark {
                library.since = wasUsable ? library.since ?? now.wall : now.wall
            } else {
                library.since = nil
            }
            if !wasUsable {
                comparison.isRunning = true
                comparison.includesLibrary = true
                enqueue(Folder(root: .library, path: .root), deep: true)
            }
        } else {
            library.isSynced = false
            library.since = library.since ?? now.wall
            downloads.foldersMade.removeAll()
        }
        if case .good = before, library.isTrusted, library.isSynced {
            foundNothingNew = library.readOnlySince == nil && library.otherTool == nil
        }
        planNextMarkReading()
        try markReadForMissing(rows)
    }

    /// Before anything in a library that has just been found is believed.
    mutating func foundSynced(_ result: Result<DiskOutcome, DiskError>) {
        if case .failure(let error) = result {
            library.mark = .missing(error)
            library.since = library.since ?? now.wall
            distrustTemporaries()
            planNextMarkReading()
        } else {
            library.isSynced = true
            readMark()
        }
    }

    /// Something changed in a folder: in the library's top it may concern the mark.
    mutating func noticeTop(_ folder: Folder) {
        if folder == Folder(root: .library, path: .root), !options.once { readMark() }
    }

    private func health(
        of mark: LibraryMark, _ settings: DeviceSettings, _ rows: any Rows
    ) throws(RowsError) -> LibraryHealth.Mark {
        guard mark.library == settings.library, mark.device == settings.device,
            mark.account ?? settings.account == settings.account
        else { return .foreign(mark) }
        let known = try rows.markGenerations()
        if mark.generation == known.announced, library.raising == nil {
            // Written by a run that did not come to hear of it.
            try rows.save(MarkGenerations(written: mark.generation, announced: nil))
            return .good
        }
        let isKnown = mark.generation == known.written || mark.generation == known.announced
        return isKnown ? .good : .otherGeneration(mark.generation)
    }

    private mutating func note(_ look: LibraryLook) {
        library.readOnlySince = look.isReadOnly ? library.readOnlySince ?? now.wall : nil
        library.otherToolSince = look.otherTool == nil ? nil : library.otherToolSince ?? now.wall
        library.otherTool = look.otherTool
        guard !look.isReadOnly else { return }
        if downloads.gate.failure == .disk(.readOnly) { downloads.gate.retryNow(at: now) }
        if previews.gate.failure == .disk(.readOnly) { previews.gate.retryNow(at: now) }
    }

    private mutating func planNextMarkReading() {
        let isBad = !library.isUsable || !library.troubles.isEmpty
        let isIdle =
            !isBad && uploads.items.isEmpty && downloads.items.isEmpty && !reading.isBusy
            && library.readOnlySince == nil && library.otherTool == nil
        let seconds = isIdle ? Limits.markIdleSeconds : Limits.markSeconds
        library.nextReading = options.once ? nil : now.uptime + seconds * 1_000
        if isBad {
            // No event tells that one can be read again, and what is missed may lie there, or a
            // service that is on again may wait for it.
            let isAwaited =
                localChanges.missingCount > 0 || circumstances.service == .returning
            for trouble in library.troubles where trouble.folder.path == .root || isAwaited {
                enqueue(trouble.folder, deep: true)
            }
        }
    }

    // MARK: Its generation

    /// Announces the next generation, when it is time.
    mutating func advanceMark(_ rows: any Rows) throws(RowsError) {
        guard library.raising == nil, library.readOnlySince == nil,
            library.raisesAt ?? 0 <= now.uptime, library.goodAt != nil
        else { return }
        switch library.mark {
        case .good: try raise(above: 0, rows)
        case .otherGeneration(let generation):
            // Only what was compared since can be accepted: what it lacks has no rows any more.
            guard comparison.hasComparedLibrary, !comparison.isRunning,
                try rows.acceptedGeneration() == generation
            else { return }
            try raise(above: generation, rows)
        case .unknown, .missing, .foreign: return
        }
    }

    private mutating func raise(above generation: Int64, _ rows: any Rows) throws(RowsError) {
        var known = try rows.markGenerations()
        let next = max(known.written, known.announced ?? 0, generation) + 1
        known.announced = next
        try rows.save(known)
        library.raising = next
        perform(.syncRows, .announceMark(next))
    }

    mutating func markAnnounced(_ generation: Int64, _ result: Result<DiskOutcome, DiskError>) {
        guard let settings, case .success = result else { return raiseLater() }
        perform(
            .writeMark(
                LibraryMark(
                    library: settings.library, device: settings.device, generation: generation,
                    account: settings.account)),
            .writeMark(generation))
    }

    mutating func markWritten(
        _ generation: Int64, _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        if case .failure(let error) = result {
            if error == .readOnly { library.readOnlySince = library.readOnlySince ?? now.wall }
            return raiseLater()
        }
        try rows.save(MarkGenerations(written: generation, announced: nil))
        settings?.markGeneration = generation
        library.wasWritten = library.isReading
        if case .otherGeneration = library.mark {
            // What the restored folder lacks was not deleted by anybody.
            try forgetMissing(onlyUnconfirmed: false, rows)
            library.mark = .good
            library.since = nil
            removals.needPass()
        }
        raiseLater()
    }

    private mutating func raiseLater() {
        library.raising = nil
        library.raisesAt = now.uptime + Limits.markRaiseSeconds * 1_000
    }

    /// The user looked at what a restored library has and lacks: it is the library from now on.
    mutating func libraryAccepted() {
        if case .otherGeneration = library.mark { library.raisesAt = nil }
    }

    // MARK: Reasons

    func markReasons() -> [Reason] {
        var reasons: [Reason] = []
        if let since = runs.clonedSince { reasons.append(Reason(.deviceCloned, since: since)) }
        if let tool = library.otherTool, let since = library.otherToolSince {
            reasons.append(
                Reason(.otherSyncTool, ["tool": tool.name, "mark": tool.mark], since: since))
        }
        if let since = library.readOnlySince {
            reasons.append(Reason(.readOnlyVolume, since: since))
        }
        let path = roots.first { $0.id.isLibrary }?.path ?? "its place"
        guard let since = library.since else { return reasons }
        switch library.mark {
        case .missing(let error):
            let cause = error?.text ?? "its mark is not there"
            reasons.append(Reason(.volumeMissing, ["path": path, "cause": cause], since: since))
        case .foreign(let mark):
            if let account = mark.account, let settings, account != settings.account {
                reasons.append(
                    Reason(
                        .otherAccount,
                        ["libraryAccount": account.text, "account": settings.account.text],
                        since: since))
            } else if mark.library != settings?.library {
                let cause = "another library lies there"
                reasons.append(
                    Reason(.volumeMissing, ["path": path, "cause": cause], since: since))
            } else {
                reasons.append(
                    Reason(.libraryInUseElsewhere, ["device": mark.device.text], since: since))
            }
        case .otherGeneration: reasons.append(Reason(.libraryRestored, since: since))
        case .unknown, .good: break
        }
        return reasons
    }
}
