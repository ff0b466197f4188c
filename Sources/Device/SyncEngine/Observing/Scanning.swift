import Library
import Records
import Status

// Comparing folders with rows: what is new, changed, or gone.

/// A folder that could not be read.
struct RootTrouble: Sendable {
    let folder: Folder
    let error: DiskError
    let since: Timestamp
}

/// One pass over all folders.
struct Comparison: Sendable {
    var queue = Queue<PendingFolder>()
    var queued: Set<Folder> = []
    var reading: [Folder: FolderReading] = [:]
    var watched: Set<Folder> = []
    var isRunning = false
    /// The library's folders belong to this pass.
    var includesLibrary = false
    /// One whole pass over the library is done since the start.
    var hasComparedLibrary = false
    var nextAt: Int64?
    var examining: Set<Place> = []
    var examineAgain: Set<Place> = []
    /// Roots whose disk lists a name in the letters that it was given in, as a listing has shown.
    var keepsNames: Set<RootID> = []
    /// Folders in which a sidecar lies.
    var withSidecars: Set<Folder> = []

    var isIdle: Bool {
        queue.isEmpty && reading.isEmpty && examining.isEmpty && !isRunning
    }
}

/// A folder's reading under way.
///
/// What is learnt of its names meanwhile is newer than its listing.
struct FolderReading: Sendable {
    var again = false
    let deep: Bool
    var touched: Set<[UInt8]> = []
}

struct PendingFolder: Sendable {
    let folder: Folder
    /// Also the folders below it.
    let deep: Bool
}

extension SyncEngine {
    mutating func startComparison() {
        comparison.isRunning = true
        comparison.nextAt = nil
        lookForPreviews()
        previews.upkeep.nextFolder = 0
        for root in roots where !root.id.isLibrary {
            enqueue(Folder(root: root.id, path: .root), deep: true)
        }
        guard library.isUsable else { return }
        comparison.includesLibrary = true
        enqueue(Folder(root: .library, path: .root), deep: true)
    }

    mutating func enqueue(_ folder: Folder, deep: Bool) {
        if comparison.reading[folder] != nil {
            // What it saw may be older than this: once more after it.
            comparison.reading[folder]?.again = true
            return
        }
        guard comparison.queued.insert(folder).inserted else { return }
        comparison.queue.append(PendingFolder(folder: folder, deep: deep))
    }

    mutating func advanceFolders() {
        while comparison.reading.count < Limits.folderReadsAtOnce,
            let next = comparison.queue.popFirst()
        {
            comparison.queued.remove(next.folder)
            if next.folder.root.isLibrary, !library.isUsable { continue }
            comparison.reading[next.folder] = FolderReading(deep: next.deep)
            if !options.once, comparison.watched.insert(next.folder).inserted {
                effects.append(.watch(next.folder))
            }
            effects.append(.readFolder(next.folder))
        }
        guard comparison.isRunning, comparison.queue.isEmpty, comparison.reading.isEmpty,
            !library.isReading
        else { return }
        comparison.isRunning = false
        if comparison.includesLibrary { comparison.hasComparedLibrary = true }
        comparison.includesLibrary = false
        comparison.nextAt = now.uptime + Limits.fullComparisonSeconds * 1_000
        openPass.isNeeded = true
        downloads.isPassNeeded = true
        // Originals may have been found gone since it began.
        previews.needPass()
    }

    mutating func folderRead(
        _ folder: Folder, _ result: Result<[Entry], DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        guard let reading = comparison.reading.removeValue(forKey: folder) else { return }
        switch result {
        case .failure(let error):
            noteTrouble(folder, error)
            comparison.watched.remove(folder)
        case .success(let entries):
            clearTrouble(folder)
            if !comparison.keepsNames.contains(folder.root),
                entries.contains(where: { FileName.hasComposedLetter($0.name) })
            {
                comparison.keepsNames.insert(folder.root)
            }
            if !folder.root.isLibrary || library.isUsable {
                try compare(entries, in: folder, reading, rows)
            }
        }
        if reading.again { enqueue(folder, deep: reading.deep) }
    }

    private mutating func noteTrouble(_ folder: Folder, _ error: DiskError) {
        // A folder that vanished is its parent's matter; only a root has none.
        if error == .notFound, folder.path != .root { return clearTrouble(folder) }
        let known = library.troubles.first { $0.folder == folder }
        clearTrouble(folder)
        let trouble = RootTrouble(folder: folder, error: error, since: known?.since ?? now.wall)
        guard library.troubles.count < Limits.itemReasonsMax else { return }
        library.troubles.insertSorted(trouble) { $0.folder < $1.folder }
        if !options.once, library.nextReading == nil {
            library.nextReading = now.uptime + Limits.markSeconds * 1_000
        }
    }

    private mutating func clearTrouble(_ folder: Folder) {
        guard !library.troubles.isEmpty else { return }
        library.troubles.removeAll { $0.folder == folder }
    }

    /// A folder that is gone took its troubles with it, and those of all folders below.
    private mutating func clearTroubles(below folder: Folder, except foldersHere: Set<[UInt8]>) {
        guard !library.troubles.isEmpty else { return }
        let prefix = folder.path.bytes + (folder.path == .root ? [] : [UInt8(ascii: "/")])
        library.troubles.removeAll { trouble in
            let path = trouble.folder.path.bytes
            guard trouble.folder.root == folder.root, path.count > prefix.count,
                path.starts(with: prefix)
            else { return false }
            let child = path[prefix.count...].prefix { $0 != UInt8(ascii: "/") }
            return !foldersHere.contains(Array(child))
        }
    }

    /// Walks the folder's entries and its rows side by side, both ordered by name.
    private mutating func compare(
        _ entries: [Entry], in folder: Folder, _ reading: FolderReading, _ rows: any Rows
    ) throws(RowsError) {
        let touched = reading.touched
        let entries = entries.filter { !touched.contains($0.name) }
            .sorted { $0.name.lexicographicallyPrecedes($1.name) }
        let known = try rows.knownFiles(in: folder).filter { !touched.contains($0.name) }
        let sighting = Sighting(deep: reading.deep, event: false)
        var index = 0
        var foldersHere: Set<[UInt8]> = []
        for entry in entries {
            while index < known.count, known[index].name.lexicographicallyPrecedes(entry.name) {
                try vanished(known[index], from: folder, rows)
                index += 1
            }
            var before: KnownFile?
            if index < known.count, known[index].name == entry.name {
                before = known[index]
                index += 1
            }
            if let before, Self.isUnchanged(entry, before) { continue }
            if entry.kind == .folder { foldersHere.insert(entry.name) }
            if before == nil { downloads.names[folder] = nil }
            let place = Place(root: folder.root, path: folder.path.appending(entry.name))
            let row = before == nil ? nil : try rows.localFile(at: place)
            try observe(entry.kind, at: place, row: row, sighting, rows)
        }
        for file in known[index...] { try vanished(file, from: folder, rows) }
        clearTroubles(below: folder, except: foldersHere)
        for child in try rows.subfolders(of: folder)
        where !foldersHere.contains(child.path.name) && !touched.contains(child.path.name) {
            try forget(child, rows)
        }
    }

    /// Whether the file was read as it is now, so that `observe` would have nothing to do: true of
    /// nearly every file of nearly every comparison, and said without its whole row.
    private static func isUnchanged(_ entry: Entry, _ before: KnownFile) -> Bool {
        guard case .file(let stamp) = entry.kind, before.state == .read, before.stamp == stamp
        else { return false }
        return stamp.byteCount > 0 && entry.name.first != UInt8(ascii: ".")
            && SidecarName.stem(of: entry.name) == nil
            && ItemBound(name: entry.name, byteCount: stamp.byteCount) == nil
    }

    private mutating func vanished(
        _ file: KnownFile, from folder: Folder, _ rows: any Rows
    ) throws(RowsError) {
        let place = Place(root: folder.root, path: folder.path.appending(file.name))
        guard let row = try rows.localFile(at: place) else { return }
        try vanished(row, rows)
    }

    /// Something is known of a place by now that listings under way don't have.
    mutating func touch(_ place: Place) {
        guard !comparison.reading.isEmpty else { return }
        var path = place.path
        while let parent = path.parent {
            let folder = Folder(root: place.root, path: parent)
            if comparison.reading[folder] != nil {
                comparison.reading[folder]?.touched.insert(path.name)
                comparison.reading[folder]?.again = true
            }
            path = parent
        }
    }

    /// How something was seen.
    struct Sighting {
        /// As part of a comparison that goes on below.
        let deep: Bool
        /// An event said that its writer closed it, so it need not settle.
        let event: Bool
    }

    /// `lost+found` at the root of a disk: only root may read it, and it is nobody's album.
    private static func isFileSystems(_ path: RelativePath) -> Bool {
        path.bytes == Array("lost+found".utf8)
    }

    /// Takes in what lies at a place now, against the row of what lay there before.
    mutating func observe(
        _ kind: Entry.Kind, at place: Place, row: LocalFile?, _ sighting: Sighting,
        _ rows: any Rows
    ) throws(RowsError) {
        // One of our own downloads: its row comes with the move's result.
        guard !downloads.moving.contains(place) else { return }
        let isHidden = place.path.name.first == UInt8(ascii: ".")
        switch kind {
        case .folder:
            if let row { try vanished(row, rows) }
            let folder = Folder(root: place.root, path: place.path)
            guard !isHidden, !Self.isFileSystems(place.path) else { return }
            if sighting.deep || !comparison.watched.contains(folder) {
                enqueue(folder, deep: true)
            }
        case .symbolicLink, .other:
            let stamp = FileStamp(inode: 0, byteCount: 0, modifiedAt: 0, changedAt: 0)
            try exclude(place, stamp, row, ReasonCode.notIncluded, rows)
        case .file(let stamp):
            if isHidden { return try exclude(place, stamp, row, .notIncluded, rows) }
            if stamp.byteCount == 0 {
                // What had content shrank to nothing: nobody edits a picture so (P5).
                let code = row?.agreed == nil ? ReasonCode.emptyFile : .suspiciousChange
                return try exclude(place, stamp, row, code, rows)
            }
            if SidecarName.stem(of: place.path.name) != nil {
                comparison.withSidecars.insert(place.folder)
            }
            if let bound = ItemBound(name: place.path.name, byteCount: stamp.byteCount) {
                return try exclude(place, stamp, row, bound.code, rows)
            }
            if let row, row.stamp == stamp {
                switch row.state {
                case .unread, .unreadable: settleOrRead(place, stamp, sighting)
                case .read, .sidecar, .notIncluded: break
                }
                return
            }
            let agreed = try agreement(of: row, at: place, rows)
            try rows.save(
                LocalFile(
                    place: place, stamp: stamp, state: .unread, since: now.wall, agreed: agreed))
            try bytesWent(row, rows)
            settleOrRead(place, stamp, sighting)
        }
    }

    /// A file's bytes are others now: those of before need no turn any more, unless they lie
    /// elsewhere too.
    private mutating func bytesWent(_ row: LocalFile?, _ rows: any Rows) throws(RowsError) {
        guard let row, let digest = row.content?.digest else { return }
        try note(StoryCode.changed, "its bytes are others now", at: row.place, rows)
        if try rows.localFiles(with: digest).isEmpty { try forget(digest, rows) }
    }

    /// No file here has these bytes any more.
    private mutating func forget(_ digest: Digest, _ rows: any Rows) throws(RowsError) {
        uploads.dropIfIdle(digest)
        try clear(.bytes(digest), rows)
        if !comparison.isRunning { previews.needPassSoon(at: now) }
    }

    private mutating func exclude(
        _ place: Place, _ stamp: FileStamp, _ row: LocalFile?, _ code: ReasonCode,
        _ rows: any Rows
    ) throws(RowsError) {
        clearTrouble(at: place)
        var state = LocalFile.State.notIncluded(code: code.rawValue)
        if let row, row.stamp == stamp, row.state == state { return }
        let agreed = try agreement(of: row, at: place, rows)
        if agreed != nil, row?.agreed == nil, code == .emptyFile {
            // It was missed, and came back as nothing.
            state = .notIncluded(code: ReasonCode.suspiciousChange.rawValue)
        }
        try rows.save(
            LocalFile(place: place, stamp: stamp, state: state, since: now.wall, agreed: agreed))
        try bytesWent(row, rows)
    }

    /// Absent is not deleted (P4): this device only no longer has it here.
    mutating func vanished(_ row: LocalFile, _ rows: any Rows) throws(RowsError) {
        guard !downloads.moving.contains(row.place) else { return }
        // Martlet's own doing: the row goes with the move's result.
        guard try rows.intent(at: row.place) == nil else { return }
        try noteGone(row, rows)
        try rows.removeLocalFile(at: row.place)
        try noteMissing(row, rows)
        clearTrouble(at: row.place)
        downloads.names[row.place.folder] = nil
        if let digest = row.content?.digest, try rows.localFiles(with: digest).isEmpty {
            try forget(digest, rows)
        }
        try clear(.file(row.place), rows)
        try decideSidecars(beside: row.place, rows)
        if row.place.root.isLibrary { fetchAgainSoon() }
    }

    /// What left the library comes back: soon, but not before a file that was only moved has been
    /// seen at its new place.
    mutating func fetchAgainSoon() {
        guard !comparison.isRunning else { return }
        downloads.isPassNeeded = true
        if !downloads.isPassRunning {
            downloads.passContinuesAt = now.uptime + Limits.vanishedMilliseconds
        }
    }

    /// Drops the rows below a folder that its parent, read without error, no longer has.
    mutating func forget(_ folder: Folder, _ rows: any Rows) throws(RowsError) {
        comparison.watched.remove(folder)
        comparison.withSidecars.remove(folder)
        clearTrouble(folder)
        for child in try rows.subfolders(of: folder) { try forget(child, rows) }
        for row in try rows.localFiles(in: folder) { try vanished(row, rows) }
    }

    mutating func examine(_ place: Place) {
        guard !downloads.moving.contains(place) else { return }
        if place.root.isLibrary, !library.isUsable { return }
        guard comparison.examining.insert(place).inserted else {
            comparison.examineAgain.insert(place)
            return
        }
        effects.append(.examine(place))
    }

    mutating func placeExamined(
        _ place: Place, _ result: Result<Entry?, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        comparison.examining.remove(place)
        // What was seen may be older than what is known.
        if comparison.examineAgain.remove(place) != nil { return examine(place) }
        missingExamined(place, result)
        if place.root.isLibrary, !library.isUsable { return }
        touch(place)
        let row = try rows.localFile(at: place)
        let isUnknown = row == nil ? try mayBeListedOtherwise(place, rows) : false
        switch result {
        case .success(let entry?):
            if isUnknown {
                // Under two names it would be two files, and one of them would be missed.
                return enqueue(place.folder, deep: false)
            }
            if row == nil { downloads.names[place.folder] = nil }
            try observe(entry.kind, at: place, row: row, Sighting(deep: false, event: true), rows)
        case .success(nil), .failure(.notFound):
            clearTrouble(at: place)
            if let row { return try vanished(row, rows) }
            let folder = Folder(root: place.root, path: place.path)
            let files = try rows.localFiles(in: folder)
            let subfolders = try rows.subfolders(of: folder)
            if isUnknown || !files.isEmpty || !subfolders.isEmpty {
                enqueue(place.folder, deep: false)
            }
        case .failure(let error):
            guard var row else { return }
            row.state = .unreadable(error)
            row.since = now.wall
            try rows.save(row)
        }
    }

    /// Whether a listing may have in other letters what was asked for by this name: an event names a
    /// file as its writer did, and a disk may keep another spelling.
    private func mayBeListedOtherwise(
        _ place: Place, _ rows: any Rows
    ) throws(RowsError) -> Bool {
        // Most names end here, and ask no row.
        guard place.path.name.contains(where: { $0 >= 0x80 }),
            !comparison.keepsNames.contains(place.root),
            !comparison.watched.contains(Folder(root: place.root, path: place.path))
        else { return false }
        return try rows.missingFile(at: place) == nil
    }
}
