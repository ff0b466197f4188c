import Library
import Records

// Names that assets got elsewhere, on the files of this library.
//
// - Only a file that has the agreed bytes and its agreed name is renamed: what its own user called
//   it meanwhile is sent first, and then is the asset's name (LocalChanges/Renames.swift).
// - It stays in its folder; paths are each device's own. Its other parts follow the original.
// - Nothing is overwritten: a name that is taken gets ` (2)`. Sources are never touched.
// - An intent that a power cut can't take back says so before, and the row follows only when the
//   folder is synced. So a crash leaves either name, and neither looks like the user's own doing.
// - No byte is read, sent or fetched because of it.

/// Files on their way to their new names, many at a time.
struct RenameBatch: Sendable {
    /// Ordered by place.
    var intents: [Intent]
    /// Of names that were tried, which number each got.
    var numbers: [Place: Int]
    /// Named, but not durably yet.
    var landed: [(intent: Intent, stamp: FileStamp)] = []
    /// Results that this step still waits for.
    var pending = 1
    /// What the disk said: where the files lie is to be looked at again.
    var failure: DiskError?
    /// A file was not what it was: that one is to be looked at again.
    var change: DiskError?
}

struct Renaming: Sendable {
    var isPassNeeded = true
    var cursor: Place?
    /// Uptime of the pass's next page.
    var continuesAt: Int64?
    var batch: RenameBatch?
    /// Where names were found taken that no row knows of: the number that the next try begins with.
    var numbers: [Place: Int] = [:]
    var attempts = Attempts()

    var nextDeadline: Int64? { earliest(continuesAt, attempts.nextTry) }
    var hasWork: Bool { batch != nil || isPassNeeded }

    /// From the beginning: rows before the cursor may have changed.
    mutating func needPass() {
        isPassNeeded = true
        cursor = nil
    }
}

/// What a file's asset is called now, to the file.
private enum Naming {
    /// The name that it has will do.
    case asItIs
    case other(Place, number: Int)
    /// When its bytes are known, or its original has the name.
    case later
}

extension SyncEngine {
    /// Whether anything more can come of renames now.
    var renamingIsIdle: Bool {
        guard renaming.batch == nil else { return false }
        return !renaming.isPassNeeded || renaming.attempts.isGivenUp || !mayRename
    }

    /// Nothing else is moving files, and what is to go has made room.
    private var mayRename: Bool {
        let removesFirst = removals.isPassNeeded && removals.attempts.isDue(at: now)
        return library.isTrusted && removals.isRecovered && !removals.isBusy && !removesFirst
            && evictions.batch == nil && downloads.batch == nil && knowsRemoteState
            && comparison.hasComparedLibrary
    }

    mutating func advanceRenaming(_ rows: any Rows) throws(RowsError) {
        // Nothing is left to try.
        defer { if !renaming.hasWork { renaming.attempts = Attempts() } }
        guard renaming.isPassNeeded, renaming.batch == nil, mayRename,
            renaming.continuesAt ?? 0 <= now.uptime, renaming.attempts.isDue(at: now)
        else { return }
        let page = try rows.filesNamedOtherwise(
            after: renaming.cursor, limit: Limits.removalsPerBatchMax)
        guard page.isEmpty || canWriteToLibrary() else { return }
        renaming.cursor = page.last?.place
        if page.count < Limits.removalsPerBatchMax {
            renaming.isPassNeeded = false
            renaming.cursor = nil
        }
        var intents: [Intent] = []
        var numbers: [Place: Int] = [:]
        var hasSettled = false
        for file in page {
            guard var agreed = file.agreed,
                let remote = try rows.remote(RecordKey(type: .asset, id: agreed.asset))
            else { continue }
            let asset = AssetFields(remote.record.fields ?? [:])
            agreed.name = asset.name
            switch try naming(of: file, agreed.role, asset, remote, rows) {
            case .later: continue
            case .asItIs:
                renaming.numbers[file.place] = nil
                try rows.agree(agreed, at: file.place)
                hasSettled = true
            case .other(let target, let number):
                let intent = Intent(
                    place: file.place, stamp: file.stamp, agreed: agreed,
                    kind: .rename(to: target), at: now.wall)
                try rows.save(intent)
                intents.append(intent)
                numbers[file.place] = number
                // What is seen there meanwhile is our own doing.
                downloads.moving.insert(file.place)
                downloads.moving.insert(target)
            }
        }
        // Parts that were looked at before their original have their turn again.
        if hasSettled { renaming.needPass() }
        renaming.continuesAt = renaming.isPassNeeded ? now.uptime + 1 : nil
        guard !intents.isEmpty else { return }
        renaming.batch = RenameBatch(intents: intents, numbers: numbers)
        perform(.syncRows, .syncRenames)
    }

    private mutating func naming(
        of file: LocalFile, _ role: BlobRole, _ asset: AssetFields, _ remote: RemoteRecord,
        _ rows: any Rows
    ) throws(RowsError) -> Naming {
        guard let agreed = file.agreed, file.content?.digest == agreed.digest,
            agreed.fileName ?? file.place.path.name == file.place.path.name,
            try rows.intent(at: file.place) == nil
        else { return .later }
        let originals = try rows.localFiles(agreedFor: agreed.asset).filter {
            $0.place.root.isLibrary && $0.agreed?.role == .original
        }
        // Of several copies none takes the name, and parts follow their original.
        guard originals.count == 1, originals[0].place.folder == file.place.folder,
            let blob = remote.record.blob(role)
        else { return .asItIs }
        var asset = asset
        if role != .original {
            guard originals[0].agreed?.name == asset.name else { return .later }
            asset.takeName(of: originals[0].place.path.name)
        }
        let folder = file.place.folder
        try loadNames(of: folder, rows)
        var number = renaming.numbers[file.place] ?? 1
        while number <= Limits.namesTriedMax {
            let name = LibraryPath.name(
                of: role, mediaType: blob.mediaType, asset: asset, number: number)
            if name == file.place.path.name { return .asItIs }
            let target = Place(root: .library, path: folder.path.appending(name))
            if FileName.key(name) == FileName.key(file.place.path.name) {
                // The same name to some disks, and its own.
                if try rows.localFile(at: target) == nil { return .other(target, number: number) }
            } else if downloads.names[folder]?.insert(FileName.key(name)).inserted ?? true,
                try !isMissedByAnother(target, than: agreed.asset, rows)
            {
                return .other(target, number: number)
            }
            number += 1
        }
        return .asItIs
    }

    // MARK: Results

    mutating func renamesAnnounced(
        _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        guard let batch = renaming.batch else { return }
        if case .failure(let error) = result {
            for intent in batch.intents { try dropRename(intent, rows) }
            renaming.batch = nil
            return renamingFailed(error)
        }
        renaming.batch?.pending = batch.intents.count
        for intent in batch.intents {
            guard case .rename(let target) = intent.kind else { continue }
            perform(.rename(intent.place, intent.stamp, to: target), .rename(intent.place))
        }
    }

    mutating func renameDone(
        _ place: Place, _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        guard let intent = renaming.batch?.intents.first(where: { $0.place == place }) else {
            return
        }
        renaming.batch?.pending -= 1
        switch result {
        case .success(.moved(let stamp)): renaming.batch?.landed.append((intent, stamp))
        case .success: try dropRename(intent, rows)
        case .failure(let error):
            try dropRename(intent, rows)
            switch error {
            case .alreadyExists:
                // A name that rows don't know of, or don't keep: the next one.
                renaming.numbers[place] = (renaming.batch?.numbers[place] ?? 1) + 1
                renaming.needPass()
            case .notFound, .changed: renaming.batch?.change = error
            default: renaming.batch?.failure = error
            }
        }
        guard let batch = renaming.batch, batch.pending == 0 else { return }
        guard !batch.landed.isEmpty else { return try endRenaming(rows) }
        var folders: [Folder] = []
        for (intent, _) in batch.landed where !folders.containsSorted(intent.place.folder) {
            folders.insertSorted(intent.place.folder)
        }
        renaming.batch?.pending = folders.count
        for folder in folders { perform(.syncFolder(folder), .syncRenamed) }
    }

    mutating func renamesSynced(
        _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        renaming.batch?.pending -= 1
        if case .failure(let error) = result { renaming.batch?.failure = error }
        if renaming.batch?.pending == 0 { try endRenaming(rows) }
    }

    private mutating func endRenaming(_ rows: any Rows) throws(RowsError) {
        guard let batch = renaming.batch else { return }
        renaming.batch = nil
        for (intent, stamp) in batch.landed {
            guard batch.failure == nil else {
                // Its intent stays: where the file is will be looked at again.
                removals.isRecovered = false
                forgetMoves(of: intent)
                continue
            }
            try renamed(intent, stamp, isOwnDoing: true, rows)
        }
        if let failure = batch.failure ?? batch.change { return renamingFailed(failure) }
        renaming.attempts = Attempts()
    }

    /// The file has its new name, durably.
    ///
    /// `isOwnDoing`: this run renamed it, so that nothing but its name is new.
    mutating func renamed(
        _ intent: Intent, _ stamp: FileStamp, isOwnDoing: Bool, _ rows: any Rows
    ) throws(RowsError) {
        guard case .rename(let target) = intent.kind else { return }
        try rows.removeIntent(at: intent.place)
        renaming.numbers[intent.place] = nil
        if let row = try rows.localFile(at: intent.place) {
            var file = LocalFile(
                place: target, stamp: stamp,
                state: isOwnDoing ? row.state.under(stamp) : .unread, since: row.since,
                agreed: row.agreed)
            file.agreed?.name = intent.agreed?.name ?? row.agreed?.name ?? ""
            file.agreed?.fileName = target.path.name
            try rows.removeLocalFile(at: intent.place)
            try rows.save(file)
            if file.state == .unread { enqueueReading(target, stamp.byteCount) }
            // It may have been seen there before, and not been readable just then.
            clearTrouble(at: target)
            if case .sidecar = file.state { comparison.withSidecars.insert(target.folder) }
            if let asset = file.agreed?.asset {
                try note(StoryCode.renamed, path(target), of: asset, rows)
            }
        }
        clearTrouble(at: intent.place)
        forgetMoves(of: intent)
        // Its other parts follow.
        renaming.needPass()
    }

    /// Nothing came of it.
    private mutating func dropRename(_ intent: Intent, _ rows: any Rows) throws(RowsError) {
        try rows.removeIntent(at: intent.place)
        forgetMoves(of: intent)
    }

    /// What lies at both places is looked at again: somebody may have put other files there.
    private mutating func forgetMoves(of intent: Intent) {
        guard case .rename(let target) = intent.kind else { return }
        downloads.names[target.folder] = nil
        for place in [intent.place, target] {
            downloads.moving.remove(place)
            touch(place)
            if comparison.examining.contains(place) {
                comparison.examineAgain.insert(place)
            } else {
                examine(place)
            }
        }
    }

    private mutating func renamingFailed(_ error: DiskError) {
        if error == .notFound { readMark() }
        renaming.needPass()
        renaming.attempts.fail(error.text, at: now, rule: retryRule)
    }

    // MARK: After a crash

    /// Finishes a rename that an earlier run announced, or takes it back.
    mutating func finishRename(
        _ intent: Intent, to target: Place, atPlace: FileStamp?, elsewhere: FileStamp?,
        _ rows: any Rows
    ) throws(RowsError) {
        let isThere = elsewhere?.isSameFile(as: intent.stamp) ?? false
        let isHere = atPlace?.isSameFile(as: intent.stamp) ?? false
        if isThere, !isHere, let elsewhere {
            removals.locating.insert(intent.place)
            return perform(
                .syncFolder(target.folder), .syncLocatedRename(intent.place, elsewhere))
        }
        // Lost with its name by the power cut: the server has its bytes.
        if atPlace == nil, elsewhere == nil {
            try forgetMoved(intent.place, rows)
            fetchAgainSoon()
        }
        try withdraw(intent, rows)
        renaming.needPass()
        // Both names mean one file where the disk folds case, or kept both: the listing tells.
        if isThere, isHere { enqueue(target.folder, deep: false) }
    }

    mutating func locatedRenameSynced(
        _ place: Place, _ stamp: FileStamp, _ result: Result<DiskOutcome, DiskError>,
        _ rows: any Rows
    ) throws(RowsError) {
        removals.locating.remove(place)
        guard let intent = try rows.intent(at: place) else { return }
        if case .failure(let error) = result { return removalsFailed(error) }
        // What its user had written shortly before a power cut may not be what was read then.
        try renamed(intent, stamp, isOwnDoing: false, rows)
        removals.needPass()
    }
}

extension LocalFile.State {
    /// The same bytes, after a rename gave the file another stamp.
    fileprivate func under(_ stamp: FileStamp) -> LocalFile.State {
        switch self {
        case .read(let content): .read(content.under(stamp))
        case .sidecar(let content): .sidecar(content.under(stamp))
        case .unread, .notIncluded, .unreadable: self
        }
    }
}

extension FileContent {
    fileprivate func under(_ stamp: FileStamp) -> FileContent {
        FileContent(stamp: stamp, digest: digest, mediaType: mediaType, facts: facts)
    }
}

extension SyncEngine {
    /// An asset's record came: its files may have to take another name.
    mutating func noteName(of record: Record, after known: Record?, _ rows: any Rows)
        throws(RowsError)
    {
        if let known, known.isLiveAsset, let name = known.fields?["name"]?.string,
            !record.isNamedOtherwise(than: name)
        {
            return
        }
        if try !rows.localFiles(agreedFor: record.key.id).isEmpty { renaming.needPass() }
    }
}
