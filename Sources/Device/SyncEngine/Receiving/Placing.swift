import Library
import Records

// Giving checked bytes their places in the library, many at a time: folders, one sync of everything,
// then the names, then a sync of those. Only that order makes a name in the library mean good bytes
// after a crash (E4), and a row mean a name: without the last sync, a power cut would look like the
// user's deletion. What a file replaces goes to the trash once its bytes are durable, so that no
// crash leaves neither.

/// A batch on its way.
struct Placement: Sendable {
    enum Step: Sendable {
        case checkingMark, makingFolders, syncing, settingAside, moving, syncingFolders
    }

    var step = Step.checkingMark
    var digests: [Digest]
    var places: [Digest: Place] = [:]
    /// Where the part lay here before: it comes to that place again.
    var earlier: [Digest: EarlierPlace] = [:]
    /// What each asset was called when its file's name was chosen.
    var assetNames: [Digest: String] = [:]
    /// What it replaces is on its way to the trash, or there.
    var hasSetAside = false
    /// Named, but not durably yet; in the order of their moves.
    var landed: [(digest: Digest, place: Place, stamp: FileStamp)] = []
    var numbers: [Digest: Int] = [:]
    /// Results that this step still waits for.
    var pending = 0
    /// A folder could not be made: the disk is full or read-only.
    var failure: DiskError?
    /// Ordered; to be synced when all names are there.
    var changedFolders: [Folder] = []
}

/// A place that a part had on this device, and what it was agreed on as.
struct EarlierPlace: Sendable {
    let place: Place
    /// The asset's name then: another one now is taken over afterwards.
    var assetName: String?
    /// The file's own name then: another one at its place is the user's, and is told.
    var fileName: [UInt8]?
}

extension SyncEngine {
    mutating func advancePlacement(_ rows: any Rows) throws(RowsError) {
        syncFoldersAgain()
        if downloads.batch == nil { beginPlacement() }
        if downloads.batch?.step == .settingAside { try setAside(rows) }
        guard var batch = downloads.batch, batch.step == .checkingMark else { return }
        if let goodAt = library.goodAt, now.uptime - goodAt <= Limits.markFreshMilliseconds {
            batch.step = .makingFolders
            try makeFolders(&batch, rows)
        } else {
            readMark()
        }
    }

    private mutating func beginPlacement() {
        guard !downloads.ready.isEmpty, renaming.batch == nil else { return }
        let isOld = downloads.readySince.map { now.uptime >= $0 + Limits.gatherMilliseconds }
        let isBusy = downloads.transfers > 0 || downloads.localWork > 0
        guard !isBusy || isOld ?? true || downloads.ready.count >= Limits.placementsPerBatchMax
        else { return }
        var digests: [Digest] = []
        while digests.count < Limits.placementsPerBatchMax,
            let digest = downloads.ready.popFirst()
        {
            guard downloads.items[digest]?.stage == .ready else { continue }
            downloads.move(digest, to: .placing, at: now)
            digests.append(digest)
        }
        downloads.readySince = downloads.ready.isEmpty ? nil : now.uptime
        guard !digests.isEmpty else { return }
        downloads.batch = Placement(digests: digests)
    }

    private mutating func makeFolders(
        _ batch: inout Placement, _ rows: any Rows
    ) throws(RowsError) {
        var wanted: [Digest] = []
        for digest in batch.digests {
            guard let item = downloads.items[digest] else { continue }
            guard try isWanted(item, rows), let usual = try folder(for: item, rows) else {
                drop(item)
                continue
            }
            batch.earlier[digest] = try earlierPlace(of: item, rows)
            let folder = batch.earlier[digest]?.place.folder ?? usual
            wanted.append(digest)
            guard downloads.foldersMade.insert(folder).inserted else { continue }
            batch.pending += 1
            perform(.createFolder(folder), .createFolder(folder))
        }
        batch.digests = wanted
        downloads.batch = wanted.isEmpty && batch.pending == 0 ? nil : batch
        if batch.pending == 0, !wanted.isEmpty { syncBatch() }
    }

    private mutating func syncBatch() {
        downloads.batch?.step = .syncing
        downloads.batch?.pending = 1
        syncLibrary(for: .syncLibrary)
    }

    mutating func folderMade(
        _ folder: Folder, _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        if case .failure(let error) = result {
            downloads.foldersMade.remove(folder)
            // Items of that folder fail when they are moved there; a full disk stops them now.
            if error.concernsLibrary { downloads.batch?.failure = error }
        }
        guard stepDone(.makingFolders) else { return }
        if let error = downloads.batch?.failure { return try abandonBatch(error, rows) }
        if downloads.batch?.digests.isEmpty ?? true {
            downloads.batch = nil
        } else {
            syncBatch()
        }
    }

    mutating func librarySynced(
        _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        guard stepDone(.syncing), let batch = downloads.batch else { return }
        if case .failure(let error) = result {
            try abandonBatch(error, rows)
            return distrustTemporaries()
        }
        // The sync before this one failed: it may have dropped pages that this one then missed.
        for digest in batch.digests {
            if let item = downloads.items[digest], item.isDistrusted {
                writeAgain(item)
                downloads.batch?.digests.removeAll { $0 == digest }
            }
        }
        guard downloads.batch?.digests.isEmpty == false else {
            downloads.batch = nil
            return
        }
        if batch.earlier.isEmpty { return try beginMoving(rows) }
        downloads.batch?.step = .settingAside
        try setAside(rows)
    }

    /// Moves what the batch replaces to the trash: its bytes are durable by now.
    private mutating func setAside(_ rows: any Rows) throws(RowsError) {
        guard let batch = downloads.batch, removals.isRecovered else { return }
        if batch.hasSetAside {
            if removals.batch?.isForPlacement ?? false { return }
            return try beginMoving(rows)
        }
        guard removals.batch == nil else { return }
        downloads.batch?.hasSetAside = true
        var intents: [Intent] = []
        for digest in batch.digests {
            guard let item = downloads.items[digest], let file = try replaced(by: item, rows)
            else { continue }
            intents += [try announce(file, .replaced, rows)].compactMap { $0 }
        }
        if intents.isEmpty { return try beginMoving(rows) }
        beginRemoving(intents, forPlacement: true)
    }

    /// The file in the item's earlier place that has the bytes of an earlier revision still.
    private func replaced(
        by item: DownloadItem, _ rows: any Rows
    ) throws(RowsError) -> LocalFile? {
        guard let place = downloads.batch?.earlier[item.blob.digest]?.place,
            let file = try rows.localFile(at: place), let agreed = file.agreed,
            agreed.asset == item.asset, agreed.role == item.role,
            file.content?.digest == agreed.digest
        else { return nil }
        return file
    }

    private mutating func beginMoving(_ rows: any Rows) throws(RowsError) {
        guard let batch = downloads.batch else { return }
        downloads.batch?.step = .moving
        downloads.batch?.pending = batch.digests.count
        for digest in batch.digests {
            if let item = downloads.items[digest], try replaced(by: item, rows) != nil {
                // What it replaces could not be moved away.
                try failed(item, removals.failure ?? .alreadyExists, rows)
                try moveEnded(rows)
            } else {
                try moveNext(digest, rows)
            }
        }
    }

    /// Tries the next name that is free as far as rows know.
    private mutating func moveNext(_ digest: Digest, _ rows: any Rows) throws(RowsError) {
        guard let item = downloads.items[digest] else { return try moveEnded(rows) }
        guard let usual = try folder(for: item, rows) else {
            // Joined to a picture meanwhile that is on its way itself: after it.
            drop(item)
            return try moveEnded(rows)
        }
        let earlier = downloads.batch?.earlier[digest]
        let folder = earlier?.place.folder ?? usual
        try loadNames(of: folder, rows)
        var number = downloads.batch?.numbers[digest] ?? 0
        var place: Place
        repeat {
            number += 1
            let name = try self.name(of: item, number: number, like: earlier?.place, rows)
            place = Place(root: .library, path: folder.path.appending(name))
            if downloads.names[folder]?.insert(FileName.key(name)).inserted ?? true,
                try !isMissedByAnother(place, than: item.asset, rows)
            {
                break
            }
        } while number < Limits.namesTriedMax
        let remote = try rows.remote(RecordKey(type: .asset, id: item.asset))
        downloads.batch?.assetNames[digest] =
            earlier?.assetName ?? AssetFields(remote?.record.fields ?? [:]).name
        downloads.batch?.numbers[digest] = number
        downloads.batch?.places[digest] = place
        downloads.moving.insert(place)
        perform(.moveIntoPlace(item.temporary, place), .move(digest, to: place))
    }

    mutating func moved(
        _ digest: Digest, to place: Place, _ result: Result<DiskOutcome, DiskError>,
        _ rows: any Rows
    ) throws(RowsError) {
        guard let item = downloads.items[digest] else {
            downloads.moving.remove(place)
            examine(place)
            return try moveEnded(rows)
        }
        if case .success(.moved(let stamp)) = result {
            downloads.batch?.landed.append((digest, place, stamp))
            if !(downloads.batch?.changedFolders.containsSorted(place.folder) ?? true) {
                downloads.batch?.changedFolders.insertSorted(place.folder)
            }
            return try moveEnded(rows)
        }
        downloads.moving.remove(place)
        switch result {
        case .failure(.alreadyExists):
            // A file that rows don't know yet: it keeps its name.
            examine(place)
            if (downloads.batch?.numbers[digest] ?? 1) < Limits.namesTriedMax {
                return try moveNext(digest, rows)
            }
            try failed(item, .alreadyExists, rows)
        case .success: try failed(item, .changed, rows)
        case .failure(let error):
            downloads.foldersMade.remove(place.folder)
            downloads.names[place.folder] = nil
            try failed(item, error, rows)
        }
        try moveEnded(rows)
    }

    private mutating func placed(
        _ item: DownloadItem, at place: Place, _ stamp: FileStamp, _ rows: any Rows
    ) throws(RowsError) {
        let content = FileContent(
            stamp: stamp, digest: item.blob.digest, mediaType: item.blob.mediaType, facts: [:])
        let asset = try rows.remote(RecordKey(type: .asset, id: item.asset))
        var agreed = Agreement(
            asset: item.asset, role: item.role, digest: item.blob.digest,
            byteCount: item.blob.byteCount,
            name: downloads.batch?.assetNames[item.blob.digest] ?? item.name,
            fileName: place.path.name, modifiedAt: stamp.modifiedAt)
        if let earlier = downloads.batch?.earlier[item.blob.digest], earlier.place == place,
            let name = earlier.fileName
        {
            agreed.fileName = name
            if name != place.path.name { localChanges.commits.isPlanNeeded = true }
        }
        if asset?.record.isNamedOtherwise(than: agreed.name) ?? false { renaming.needPass() }
        try rows.save(
            LocalFile(
                place: place, stamp: stamp,
                state: item.role == .sidecar ? .sidecar(content) : .read(content),
                since: now.wall, agreed: agreed))
        clearTrouble(at: place)
        if item.role == .sidecar { comparison.withSidecars.insert(place.folder) }
        touch(place)
        if comparison.examining.contains(place) { comparison.examineAgain.insert(place) }
        downloads.remove(item.blob.digest)
        downloads.gate.open()
        if let name = item.reclaimed { try rows.removeTrashedFile(name) }
        removals.needPass()
        guard item.role == .original else { return }
        if !optimizing.isOn { previews.needRemoval(at: now) }
        if let asset { try wantDownload(of: asset, rows) }
    }

    private mutating func moveEnded(_ rows: any Rows) throws(RowsError) {
        guard stepDone(.moving), let folders = downloads.batch?.changedFolders else { return }
        guard !folders.isEmpty else {
            downloads.batch = nil
            return
        }
        downloads.batch?.step = .syncingFolders
        downloads.batch?.pending = folders.count
        for folder in folders { perform(.syncFolder(folder), .syncFolder(folder)) }
    }

    mutating func folderSynced(
        _ folder: Folder, _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        for (digest, place, stamp) in downloads.batch?.landed ?? [] where place.folder == folder {
            downloads.moving.remove(place)
            guard let item = downloads.items[digest] else { continue }
            switch result {
            case .success: try placed(item, at: place, stamp, rows)
            case .failure(.notFound):
                downloads.remove(digest)
                examine(place)
            case .failure:
                // Without a row until its name is durable: a power cut must not look like a deletion.
                downloads.moving.insert(place)
                downloads.unsynced.append((digest, place))
            }
        }
        downloads.batch?.landed.removeAll { $0.place.folder == folder }
        if case .failure(let error) = result, error != .notFound {
            // Again with the next batch, or soon.
            if !downloads.unsyncedFolders.containsSorted(folder) {
                downloads.unsyncedFolders.insertSorted(folder)
            }
            downloads.folderSyncs.fail(error.text, at: now, rule: retryRule)
        } else {
            observeUnsynced(in: folder)
        }
        if stepDone(.syncingFolders) {
            downloads.batch = nil
            if downloads.unsyncedFolders.isEmpty { downloads.folderSyncs = Attempts() }
        }
    }

    /// Their names are durable by now, or gone with their folder: like any file that appeared there.
    private mutating func observeUnsynced(in folder: Folder) {
        for (digest, place) in downloads.unsynced where place.folder == folder {
            downloads.moving.remove(place)
            downloads.remove(digest)
            examine(place)
        }
        downloads.unsynced.removeAll { $0.place.folder == folder }
    }

    /// Folders whose sync failed, when their next try is due.
    private mutating func syncFoldersAgain() {
        guard !downloads.unsyncedFolders.isEmpty, downloads.batch == nil,
            let due = downloads.folderSyncs.nextTry, due <= now.uptime
        else { return }
        var batch = Placement(digests: [])
        batch.step = .syncingFolders
        batch.pending = downloads.unsyncedFolders.count
        for folder in downloads.unsyncedFolders {
            perform(.syncFolder(folder), .syncFolder(folder))
        }
        downloads.unsyncedFolders = []
        downloads.batch = batch
    }

    /// Counts a result of the running step; `true` for its last.
    private mutating func stepDone(_ step: Placement.Step) -> Bool {
        guard downloads.batch?.step == step else { return false }
        downloads.batch?.pending -= 1
        return downloads.batch?.pending == 0
    }

    private mutating func abandonBatch(
        _ error: DiskError, _ rows: any Rows
    ) throws(RowsError) {
        guard let batch = downloads.batch else { return }
        downloads.batch = nil
        downloads.foldersMade.removeAll()
        for digest in batch.digests {
            if let item = downloads.items[digest] { try failed(item, error, rows) }
        }
    }

    // MARK: Names

    /// Where an earlier revision lies in the library, or where the part lay before it was moved to
    /// the trash.
    private func earlierPlace(
        of item: DownloadItem, _ rows: any Rows
    ) throws(RowsError) -> EarlierPlace? {
        let files = try rows.localFiles(agreedFor: item.asset)
        let standing = files.first { file in
            file.place.root.isLibrary && file.agreed?.role == item.role
                && file.content?.digest == file.agreed?.digest
        }
        if let standing {
            return EarlierPlace(
                place: standing.place, assetName: standing.agreed?.name,
                fileName: standing.agreed?.fileName)
        }
        let trashed = try rows.trashedFiles(of: item.asset).filter { $0.agreed.role == item.role }
        let same = trashed.first { $0.agreed.digest == item.blob.digest }
        if let file = same ?? trashed.max(by: { $0.at < $1.at }) {
            return EarlierPlace(place: file.place, assetName: file.agreed.name)
        }
        return try placeBesideCopy(of: item, rows)
    }

    /// The file that lay here became a conflicted copy: the other version comes to its folder.
    private func placeBesideCopy(
        of item: DownloadItem, _ rows: any Rows
    ) throws(RowsError) -> EarlierPlace? {
        guard item.role == .original,
            let remote = try rows.remote(RecordKey(type: .asset, id: item.asset))
        else { return nil }
        for copy in try rows.conflictedCopies(of: item.asset, limit: Limits.itemReasonsMax) {
            let files = try rows.localFiles(agreedFor: copy.record.key.id)
            guard let file = files.first(where: { $0.place.root.isLibrary }) else { continue }
            let name = LibraryPath.name(
                of: .original, mediaType: item.blob.mediaType,
                asset: AssetFields(remote.record.fields ?? [:]))
            return EarlierPlace(
                place: Place(root: .library, path: file.place.folder.path.appending(name)))
        }
        return nil
    }

    /// The month's folder for an original; for its other parts the folder that it lies in.
    private func folder(
        for item: DownloadItem, _ rows: any Rows
    ) throws(RowsError) -> Folder? {
        if item.role != .original { return try original(of: item, rows)?.place.folder }
        guard let remote = try rows.remote(RecordKey(type: .asset, id: item.asset)) else {
            return nil
        }
        let facts = try rows.remote(RecordKey(type: .facts, id: item.asset))
        let date = ShownDate.of(
            asset: AssetFields(remote.record.fields ?? [:]), facts: facts?.record.fields)
        return Folder(root: .library, path: LibraryPath.folder(for: date))
    }

    private func name(
        of item: DownloadItem, number: Int, like earlier: Place?, _ rows: any Rows
    ) throws(RowsError) -> [UInt8] {
        if let earlier, number == 1 { return earlier.path.name }
        let remote = try rows.remote(RecordKey(type: .asset, id: item.asset))
        var asset = AssetFields(remote?.record.fields ?? [:])
        if let earlier, item.role == .original {
            asset.takeName(of: earlier.path.name)
        } else if item.role != .original, let original = try original(of: item, rows) {
            asset.takeName(of: original.place.path.name)
        }
        return LibraryPath.name(
            of: item.role, mediaType: item.blob.mediaType, asset: asset, number: number)
    }

    private func original(
        of item: DownloadItem, _ rows: any Rows
    ) throws(RowsError) -> LocalFile? {
        let remote = try rows.remote(RecordKey(type: .asset, id: item.asset))
        guard let blob = remote?.record.blob(.original) else { return nil }
        return try rows.localFiles(with: blob.digest).first { $0.place.root.isLibrary }
    }

    mutating func loadNames(of folder: Folder, _ rows: any Rows) throws(RowsError) {
        guard downloads.names[folder] == nil else { return }
        if downloads.names.count >= Limits.foldersWithNamesMax { downloads.names.removeAll() }
        var names: Set<String> = []
        for file in try rows.localFiles(in: folder) {
            names.insert(FileName.key(file.place.path.name))
        }
        for child in try rows.subfolders(of: folder) {
            names.insert(FileName.key(child.path.name))
        }
        // Names that moves under way are taking.
        for place in downloads.batch?.places.values ?? [:].values where place.folder == folder {
            names.insert(FileName.key(place.path.name))
        }
        downloads.names[folder] = names
    }

    // MARK: Results of disk operations

    mutating func diskDone(
        _ id: OperationID, _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        guard let work = operations.removeValue(forKey: id) else { return }
        switch work {
        case .listTemporaries: try temporariesListed(result, rows)
        case .removeTemporary(let name): temporaryRemoved(name, result)
        case .copy(let digest, let place): try copied(digest, from: place, result, rows)
        case .renew(let digest): renewed(digest, result)
        case .setTime(let digest): try timeSet(digest, result, rows)
        case .createFolder(let folder): try folderMade(folder, result, rows)
        case .syncLibrary:
            try librarySynced(result, rows)
            librarySyncEnded()
        case .syncFound:
            foundSynced(result)
            librarySyncEnded()
        case .move(let digest, let place): try moved(digest, to: place, result, rows)
        case .syncFolder(let folder): try folderSynced(folder, result, rows)
        case .syncRun: try runSynced(result, rows)
        case .announceMark(let generation): markAnnounced(generation, result)
        case .writeMark(let generation): try markWritten(generation, result, rows)
        case .locate(let place): try located(place, result, rows)
        case .evicting(let work): try eviction(work, result, rows)
        case .preview(let work): try preview(work, result, rows)
        case .dropSecondName(let place):
            try putBack(place, result, rows)
        case .syncMoved(let place): try movedSynced(place, result, rows)
        case .syncRemovals: try removalsAnnounced(result, rows)
        case .moveAside(let place): try movedAside(place, result, rows)
        case .syncRemoved: try removedSynced(result, rows)
        case .purge(let name): try purged(name, result, rows)
        case .reclaim(let digest, let name): try reclaimed(digest, name, result, rows)
        case .syncRenames: try renamesAnnounced(result, rows)
        case .rename(let place): try renameDone(place, result, rows)
        case .syncRenamed: try renamesSynced(result, rows)
        case .syncLocatedRename(let place, let stamp):
            try locatedRenameSynced(place, stamp, result, rows)
        }
    }
}
