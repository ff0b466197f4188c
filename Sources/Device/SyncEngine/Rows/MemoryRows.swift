import Library
package import Records

/// `Rows` in memory, for tests and the simulator: the same promises, no disk.
///
/// Every event is handled between `begin` and `commit`; `kept` and `restore` play a crash that goes
/// back to an earlier commit. Lists are ordered, so that a run repeats exactly.
package final class MemoryRows: Rows {
    /// All rows at one moment; a value, so that keeping one costs nothing until rows change.
    package struct Snapshot: Sendable {
        package var settings: DeviceSettings
        package var roots: [RootRow]
        var files = MemoryFiles()
        var remotes = MemoryRemotes()
        var feed = FeedState()
        var uploads: [Digest: UploadRow] = [:]
        var localChanges = MemoryLocalChanges()
        var removals = MemoryRemovals()
        var optimizing = MemoryOptimizing()
        var conditions = MemoryConditions()
        var stories = MemoryStories()
        var userChanges = MemoryUserChanges()
        var previews = MemoryPreviews()
    }

    /// Rows that are kept: many a transaction changes none, and then has the same as the one before.
    package final class Kept: Sendable {
        package let rows: Snapshot
        init(_ rows: Snapshot) { self.rows = rows }
    }

    var current: Snapshot { didSet { unchanged = nil } }
    /// `current`, once it was kept, until it changes.
    private var unchanged: Kept?
    private var saved: Kept?
    private var counted: Counted?

    /// What files and remote records come to, until one changes.
    private struct Counted {
        let fileChanges: Int
        let remoteChanges: Int
        let statistics: RowStatistics
    }

    package init(settings: DeviceSettings, roots: [RootRow]) {
        current = Snapshot(settings: settings, roots: roots)
    }

    package func begin() {
        precondition(saved == nil, "One transaction at a time.")
        saved = kept()
    }

    package func commit() { saved = nil }

    package func rollback() {
        guard let saved else { return }
        restore(saved)
    }

    package func kept() -> Kept {
        if let unchanged { return unchanged }
        let kept = Kept(current)
        unchanged = kept
        return kept
    }

    package func restore(_ kept: Kept) {
        current = kept.rows
        unchanged = kept
        saved = nil
        counted = nil
    }

    package var settings: DeviceSettings {
        get { current.settings }
        set { current.settings = newValue }
    }

    package var roots: [RootRow] {
        get { current.roots }
        set { current.roots = newValue.sorted { $0.id < $1.id } }
    }

    /// Every row, ordered by place: for comparisons in tests.
    package var allFiles: [LocalFile] { current.files.sorted() }
    /// Every record, ordered by key: for comparisons in tests.
    package var allRemotes: [RemoteRecord] { current.remotes.sorted() }

    /// The same of those that are wanted.
    package func allRemotes(where isWanted: (RemoteRecord) -> Bool) -> [RemoteRecord] {
        current.remotes.sorted(where: isWanted)
    }

    package func localFiles(in folder: Folder) -> [LocalFile] { current.files.list(in: folder) }

    package func knownFiles(in folder: Folder) -> [KnownFile] {
        localFiles(in: folder).map(KnownFile.init)
    }

    package func localFiles(in folder: Folder, namePrefix: [UInt8]) -> [LocalFile] {
        current.files.list(in: folder, prefix: namePrefix)
    }

    package func subfolders(of folder: Folder) -> [Folder] { current.files.subfolders(of: folder) }

    package func localFile(at place: Place) -> LocalFile? { current.files[place] }

    package func localFiles(with digest: Digest) -> [LocalFile] {
        current.files.list(with: digest)
    }

    package func localFiles(agreedFor asset: RecordID) -> [LocalFile] {
        current.files.list(agreedFor: asset)
    }

    package func openLocalFiles(after place: Place?, limit: Int) -> [LocalFile] {
        current.files.page(after: place, limit: limit) { isOpen($0) }
    }

    package func save(_ file: LocalFile) { current.files.save(file) }
    package func removeLocalFile(at place: Place) { current.files.remove(place) }

    package func remote(_ key: RecordKey) -> RemoteRecord? { current.remotes[key] }

    package func assets(with digest: Digest) -> [RemoteRecord] {
        current.remotes.assets(with: digest)
    }

    package func assetsNotInLibrary(after id: RecordID?, limit: Int) -> [RemoteRecord] {
        current.remotes.assets(after: id, limit: limit) { asset in
            asset.parts.contains { !current.files.isInLibrary($0.digest) }
        }
    }

    package func remotesNotListed(since listing: Int64, limit: Int) -> [RemoteRecord] {
        Array(current.remotes.sorted { $0.listing < listing }.prefix(limit))
    }

    package func save(_ remote: RemoteRecord) { current.remotes.save(remote) }
    package func removeRemote(_ key: RecordKey) { current.remotes.remove(key) }

    package func feed() -> FeedState { current.feed }
    package func save(_ feed: FeedState) { current.feed = feed }

    package func upload(of digest: Digest) -> UploadRow? { current.uploads[digest] }
    package func save(_ upload: UploadRow) { current.uploads[upload.digest] = upload }
    package func removeUpload(of digest: Digest) { current.uploads[digest] = nil }

    package func statistics() -> RowStatistics {
        var statistics = statisticsOfFilesAndRemotes()
        statistics.assetsPending = pendingAssetCount()
        count(choicesInto: &statistics)
        return statistics
    }

    private func statisticsOfFilesAndRemotes() -> RowStatistics {
        let (fileChanges, remoteChanges) = (current.files.changeCount, current.remotes.changeCount)
        if let counted, counted.fileChanges == fileChanges, counted.remoteChanges == remoteChanges {
            return counted.statistics
        }
        let statistics = countFilesAndRemotes()
        counted = Counted(
            fileChanges: fileChanges, remoteChanges: remoteChanges, statistics: statistics)
        return statistics
    }

    private func countFilesAndRemotes() -> RowStatistics {
        var statistics = RowStatistics()
        for asset in current.remotes.liveAssets {
            statistics.assets += 1
            let isHere = asset.parts.allSatisfy { current.files.contains($0.digest) }
            statistics.assetsHere += isHere ? 1 : 0
            for part in asset.parts where !current.files.isInLibrary(part.digest) {
                statistics.byteCountNotInLibrary += part.byteCount
            }
        }
        for file in current.files.unordered {
            switch file.state {
            case .unread:
                statistics.filesUnread += 1
                statistics.byteCountUnread += file.stamp.byteCount
            case .unreadable: statistics.filesUnreadable += 1
            case .notIncluded(let code): statistics.filesNotIncluded[code, default: 0] += 1
            case .read, .sidecar: break
            }
        }
        var counted: Set<Digest> = []
        for file in current.files.sorted(where: { isOpen($0) }) {
            guard let digest = file.content?.digest, counted.insert(digest).inserted
            else { continue }
            statistics.digestsOnlyHere += 1
            statistics.byteCountOnlyHere += file.stamp.byteCount
        }
        return statistics
    }

    private func isOpen(_ file: LocalFile) -> Bool {
        switch file.state {
        case .unread: true
        case .read(let content), .sidecar(let content):
            file.isEdited || !current.remotes.names(content.digest)
        case .notIncluded, .unreadable: false
        }
    }
}
