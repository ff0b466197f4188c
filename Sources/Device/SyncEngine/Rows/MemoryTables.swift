import Library
import Records

/// A row behind a reference: tables are copied with each commit that is kept, and read over and
/// over.
private final class Boxed<Row: Sendable>: Sendable {
    let row: Row
    init(_ row: Row) { self.row = row }
}

/// Local files with the lookups that a database's indexes give.
struct MemoryFiles: Sendable {
    /// Raised by each change.
    private(set) var changeCount = 0
    /// Those of which `isUnapprovedEdit`.
    private(set) var unapprovedEditCount = 0
    private var byPlace: [Place: Boxed<LocalFile>] = [:]
    private var names: [Folder: [[UInt8]]] = [:]
    private var children: [Folder: [Folder]] = [:]
    private var byDigest: [Digest: [Place]] = [:]
    private var byAgreement: [RecordID: [Place]] = [:]

    subscript(place: Place) -> LocalFile? { byPlace[place]?.row }

    var unordered: some Collection<LocalFile> { byPlace.values.lazy.map(\.row) }

    func sorted() -> [LocalFile] { sorted { _ in true } }

    func sorted(where isWanted: (LocalFile) -> Bool) -> [LocalFile] {
        byPlace.values.filter { isWanted($0.row) }.map(\.row).sorted { $0.place < $1.place }
    }

    func list(in folder: Folder, prefix: [UInt8] = []) -> [LocalFile] {
        guard let all = names[folder] else { return [] }
        let start = all.partitioningIndex { !$0.lexicographicallyPrecedes(prefix) }
        return all[start...].prefix { $0.starts(with: prefix) }.compactMap {
            self[Place(root: folder.root, path: folder.path.appending($0))]
        }
    }

    func subfolders(of folder: Folder) -> [Folder] { children[folder] ?? [] }

    func list(with digest: Digest) -> [LocalFile] {
        (byDigest[digest] ?? []).compactMap { self[$0] }
    }

    func list(agreedFor asset: RecordID) -> [LocalFile] {
        (byAgreement[asset] ?? []).compactMap { self[$0] }
    }

    func contains(_ digest: Digest) -> Bool { byDigest[digest] != nil }

    func isInLibrary(_ digest: Digest) -> Bool {
        byDigest[digest]?.contains { $0.root.isLibrary } ?? false
    }

    func page(
        after place: Place?, limit: Int, where isWanted: (LocalFile) -> Bool
    ) -> [LocalFile] {
        let wanted = sorted { file in isWanted(file) && place.map { $0 < file.place } ?? true }
        return Array(wanted.prefix(limit))
    }

    mutating func save(_ file: LocalFile) {
        changeCount += 1
        let old = byPlace.updateValue(Boxed(file), forKey: file.place)?.row
        unapprovedEditCount += file.isUnapprovedEdit ? 1 : 0
        if let old { unapprovedEditCount -= old.isUnapprovedEdit ? 1 : 0 }
        if old == nil { addName(of: file.place) }
        if old?.agreed?.asset != file.agreed?.asset {
            dropAgreement(old)
            if let asset = file.agreed?.asset {
                byAgreement[asset, default: []].insertSorted(file.place)
            }
        }
        let (before, after) = (old?.content?.digest, file.content?.digest)
        guard before != after else { return }
        if let before { dropDigest(before, at: file.place) }
        if let after { byDigest[after, default: []].insertSorted(file.place) }
    }

    mutating func remove(_ place: Place) {
        changeCount += 1
        guard let old = byPlace.removeValue(forKey: place)?.row else { return }
        unapprovedEditCount -= old.isUnapprovedEdit ? 1 : 0
        if let digest = old.content?.digest { dropDigest(digest, at: place) }
        dropAgreement(old)
        names[place.folder]?.removeSorted(place.path.name, by: { $0.lexicographicallyPrecedes($1) })
        prune(place.folder)
    }

    private mutating func dropDigest(_ digest: Digest, at place: Place) {
        byDigest[digest]?.removeSorted(place, by: <)
        if byDigest[digest]?.isEmpty ?? false { byDigest[digest] = nil }
    }

    private mutating func dropAgreement(_ file: LocalFile?) {
        guard let file, let asset = file.agreed?.asset else { return }
        byAgreement[asset]?.removeSorted(file.place, by: <)
        if byAgreement[asset]?.isEmpty ?? false { byAgreement[asset] = nil }
    }

    private mutating func addName(of place: Place) {
        names[place.folder, default: []]
            .insertSorted(place.path.name, by: { $0.lexicographicallyPrecedes($1) })
        var folder = place.folder
        while let parent = folder.path.parent.map({ Folder(root: folder.root, path: $0) }) {
            guard !(children[parent] ?? []).containsSorted(folder) else { return }
            children[parent, default: []].insertSorted(folder)
            folder = parent
        }
    }

    private mutating func prune(_ start: Folder) {
        var folder = start
        while names[folder]?.isEmpty ?? true, children[folder]?.isEmpty ?? true {
            names[folder] = nil
            children[folder] = nil
            guard let path = folder.path.parent else { return }
            let parent = Folder(root: folder.root, path: path)
            children[parent]?.removeSorted(folder, by: <)
            folder = parent
        }
    }
}

/// The server's records, and which assets name or named which digests.
struct MemoryRemotes: Sendable {
    /// Raised by each change.
    private(set) var changeCount = 0
    private var byKey: [RecordKey: Boxed<RemoteRecord>] = [:]
    /// Live assets.
    private var live: [RecordID: Boxed<LiveAsset>] = [:]
    /// Live assets that are conflicted copies, and of what.
    private(set) var conflicted: [RecordID: RecordID] = [:]
    private var mentions: [Digest: [RecordID]] = [:]
    private var mentioned: [RecordID: [Digest]] = [:]
    private(set) var earlier = MemoryEarlierContents()
    /// Those with a preview, ordered, and what each is made of.
    private(set) var rendered: [RecordID] = []
    private var made: [RecordID: Boxed<MadePreview>] = [:]

    /// What is asked of all live assets again and again.
    struct LiveAsset: Sendable {
        let remote: RemoteRecord
        let parts: [BlobReference]
        let original: Digest?
        let fileTime: Timestamp
    }

    struct MadePreview: Sendable {
        let of: Digest
        let preview: BlobReference
    }

    subscript(key: RecordKey) -> RemoteRecord? { byKey[key]?.row }

    var liveAssets: some Collection<LiveAsset> { live.values.lazy.map(\.row) }

    /// Of a live asset, what file its preview is made of.
    func original(of asset: RecordID) -> Digest? { live[asset]?.row.original }
    func fileTime(of asset: RecordID) -> Timestamp? { live[asset]?.row.fileTime }
    func madePreview(of asset: RecordID) -> MadePreview? { made[asset]?.row }

    func sorted() -> [RemoteRecord] { sorted { _ in true } }

    func sorted(where isWanted: (RemoteRecord) -> Bool) -> [RemoteRecord] {
        byKey.values.filter { isWanted($0.row) }.map(\.row)
            .sorted { $0.record.key < $1.record.key }
    }

    func names(_ digest: Digest) -> Bool { !(mentions[digest] ?? []).isEmpty }

    func assets(with digest: Digest) -> [RemoteRecord] {
        (mentions[digest] ?? []).compactMap { self[RecordKey(type: .asset, id: $0)] }
    }

    func assets(
        after id: RecordID?, limit: Int, where isWanted: (LiveAsset) -> Bool
    ) -> [RemoteRecord] {
        let wanted = live.filter { asset in
            (id.map { $0 < asset.key } ?? true) && isWanted(asset.value.row)
        }
        return wanted.sorted { $0.key < $1.key }.prefix(limit).map(\.value.row.remote)
    }

    mutating func save(_ remote: RemoteRecord) {
        changeCount += 1
        byKey[remote.record.key] = Boxed(remote)
        noteLive(remote.record.key, remote.record.isLiveAsset ? remote : nil)
        noteRendering(
            remote.record.key, remote.record.madePreview.map { MadePreview(of: $0, preview: $1) })
        guard remote.record.key.type == .asset else { return }
        for (_, blob) in remote.record.blobs {
            let id = remote.record.key.id
            if !(mentions[blob.digest] ?? []).containsSorted(id) {
                mentions[blob.digest, default: []].insertSorted(id)
                mentioned[id, default: []].append(blob.digest)
            }
        }
        earlier.note(mentioned[remote.record.key.id] ?? [], of: remote.record)
    }

    /// Also forgets what the record named.
    mutating func remove(_ key: RecordKey) {
        changeCount += 1
        noteRendering(key, nil)
        noteLive(key, nil)
        guard byKey.removeValue(forKey: key) != nil, key.type == .asset else { return }
        for digest in mentioned.removeValue(forKey: key.id) ?? [] {
            drop(EarlierContent(digest: digest, asset: key.id))
        }
    }

    mutating func forget(_ content: EarlierContent) {
        guard earlier.contains(content) else { return }
        changeCount += 1
        mentioned[content.asset]?.removeAll { $0 == content.digest }
        drop(content)
    }

    mutating func keep(_ content: EarlierContent) { earlier.forget(content) }

    private mutating func drop(_ content: EarlierContent) {
        earlier.forget(content)
        mentions[content.digest]?.removeSorted(content.asset, by: <)
        if mentions[content.digest]?.isEmpty ?? false { mentions[content.digest] = nil }
    }
}

extension MemoryRemotes {
    private mutating func noteLive(_ key: RecordKey, _ remote: RemoteRecord?) {
        guard key.type == .asset else { return }
        live[key.id] = remote.map { remote in
            Boxed(
                LiveAsset(
                    remote: remote, parts: remote.record.fileParts.map(\.blob),
                    original: remote.record.blob(.original)?.digest,
                    fileTime: AssetFields(remote.record.fields ?? [:]).fileTime))
        }
        conflicted[key.id] = remote?.record.conflictsWith
    }

    private mutating func noteRendering(_ key: RecordKey, _ preview: MadePreview?) {
        guard key.type == .rendering else { return }
        made[key.id] = preview.map(Boxed.init)
        guard (preview != nil) != rendered.containsSorted(key.id) else { return }
        if preview != nil {
            rendered.insertSorted(key.id)
        } else {
            rendered.removeSorted(key.id, by: <)
        }
    }
}

extension Array {
    /// The first index whose element is `true`, all before it being `false`.
    func partitioningIndex(where belongsToSecond: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = low + (high - low) / 2
            if belongsToSecond(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    mutating func insertSorted(_ element: Element, by precedes: (Element, Element) -> Bool) {
        if let last, precedes(last, element) { return append(element) }
        insert(element, at: partitioningIndex { !precedes($0, element) })
    }

    mutating func removeSorted(_ element: Element, by precedes: (Element, Element) -> Bool)
    where Element: Equatable {
        let index = partitioningIndex { !precedes($0, element) }
        if index < count, self[index] == element { remove(at: index) }
    }
}

extension Array where Element: Comparable {
    mutating func insertSorted(_ element: Element) { insertSorted(element, by: <) }

    func containsSorted(_ element: Element) -> Bool {
        let index = partitioningIndex { $0 >= element }
        return index < count && self[index] == element
    }
}
