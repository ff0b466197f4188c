import Library
import Media
import Records
package import Status
package import SyncEngine

/// What `martlet photos list` says: the server's assets as this device last heard of them, then
/// files that wait to be sent.
package struct PhotoListing {
    private let rows: DatabaseRows
    private let roots: [RootID: DiskRoot]
    private let idKey: [UInt8]
    private let albums: [RecordID: [String]]
    private let hasPending: Bool

    /// What the running agent says of open items: for them rows alone would not know.
    private let openStates: [String: ItemState]

    package init(
        _ rows: DatabaseRows, openStates: [String: ItemState] = [:]
    ) throws(RowsError) {
        self.rows = rows
        self.openStates = openStates
        idKey = try rows.settings.idKey
        var roots: [RootID: DiskRoot] = [:]
        for root in try rows.storedRoots() { roots[root.id] = root.disk }
        self.roots = roots
        albums = try PhotoAlbums(rows).namesByAsset()
        hasPending = try !rows.pendingChanges(after: nil, limit: 1).isEmpty
    }

    /// Calls `body` for each photo, page by page, so that memory does not grow with the library.
    package func forEach(
        _ body: (ListedPhoto) throws(RowsError) -> Void
    ) throws(RowsError) {
        var id: RecordID?
        var facts = FactsPages(rows)
        while true {
            let page = try rows.records(of: .asset, after: id, limit: Limits.recordsPerPageMax)
            for asset in page {
                guard let record = try shown(asset.record) else { continue }
                try body(try listed(record, try facts.fields(of: record.key.id)))
            }
            guard let last = page.last, page.count == Limits.recordsPerPageMax else { break }
            id = last.record.key.id
        }
        try forEachUnsent(body)
    }

    /// As its user sees it: with what they decided since the server was heard last.
    private func shown(_ record: Record) throws(RowsError) -> Record? {
        guard hasPending, let pending = try rows.pendingChange(record.key) else { return record }
        return pending.applied(to: record)
    }

    private func listed(_ asset: Record, _ facts: Fields?) throws(RowsError) -> ListedPhoto {
        let fields = AssetFields(asset.fields ?? [:])
        let digest = asset.blob(.original)?.digest
        let original = try digest.flatMap { digest throws(RowsError) in
            try rows.localFiles(with: digest).first
        }
        let parts = asset.fileParts
        var isHere = !parts.isEmpty
        for part in parts where isHere {
            isHere =
                part.blob.digest == digest
                ? original != nil : try !rows.localFiles(with: part.blob.digest).isEmpty
        }
        var photo = ListedPhoto(
            id: asset.key.id, name: fields.name,
            state: asset.isTrashed
                ? .recentlyDeleted
                : isHere ? .inSync : openStates[asset.key.id.text] ?? .onlyInCloud)
        if let facts { photo.take(Facts(fields: facts)) }
        if asset.blob(.pairedVideo) != nil { photo.kind = Facts.Kind.live.rawValue }
        if let corrected = fields.takenAtCorrected { photo.correct(corrected) }
        photo.favorite = fields.favorite
        photo.hidden = fields.hidden
        photo.trashedAt = asset.envelope.trashedAt
        photo.albums = albums[asset.key.id] ?? []
        photo.digest = digest
        photo.path = original.flatMap { path(of: $0.place) }
        if photo.path == nil, try rows.shownPreview(of: asset) != nil {
            let place = Place(root: .library, path: PreviewName(asset.key.id).path)
            // Its own folder is Martlet's; still, somebody may have emptied it.
            let entry = try? DeviceDisk(roots: roots).entry(at: place)
            if entry != nil { photo.preview = path(of: place) }
        }
        return photo
    }

    private func forEachUnsent(
        _ body: (ListedPhoto) throws(RowsError) -> Void
    ) throws(RowsError) {
        var (place, seen): (Place?, Set<Digest>) = (nil, [])
        while true {
            let page = try rows.openLocalFiles(after: place, limit: Limits.recordsPerPageMax)
            for file in page {
                guard case .read(let content) = file.state, seen.insert(content.digest).inserted
                else { continue }
                let id = AssetIdentity.id(of: content.digest, idKey: idKey)
                var photo = ListedPhoto(
                    id: id, name: FileName.cleaned(file.place.path.name).text,
                    state: openStates[id.text] ?? .onlyHere)
                photo.take(Facts(fields: content.facts))
                photo.digest = content.digest
                photo.path = path(of: file.place)
                try body(photo)
            }
            guard let last = page.last, page.count == Limits.recordsPerPageMax else { return }
            place = last.place
        }
    }

    private func path(of place: Place) -> String? {
        roots[place.root].map {
            String(decoding: $0.path, as: UTF8.self) + "/" + place.path.text
        }
    }
}

/// What was read from photos, for ids that ascend: page by page, instead of a question for each.
private struct FactsPages {
    private let rows: DatabaseRows
    private var page: [RemoteRecord] = []
    private var index = 0
    /// Nothing up to it is needed any more.
    private var passed: RecordID?
    private var isEnded = false

    init(_ rows: DatabaseRows) { self.rows = rows }

    /// `id`: greater than that of every earlier call.
    mutating func fields(of id: RecordID) throws(RowsError) -> Fields? {
        defer { passed = id }
        while true {
            while index < page.count {
                let record = page[index].record
                guard record.key.id < id else {
                    return record.key.id == id ? record.fields : nil
                }
                passed = record.key.id
                index += 1
            }
            if isEnded { return nil }
            page = try rows.records(of: .facts, after: passed, limit: Limits.recordsPerPageMax)
            index = 0
            isEnded = page.count < Limits.recordsPerPageMax
        }
    }
}
