import Library
import Records
package import Status

// What happened to an item: noted as it happens where nothing else would tell, the rest read off
// the rows.

/// The codes of events; stable, for programs.
package enum StoryCode {
    // Noted as they happen
    package static let sendingFailed = "sendingFailed"
    package static let fetchingFailed = "fetchingFailed"
    package static let readingFailed = "readingFailed"
    package static let changed = "changed"
    package static let gone = "gone"
    package static let trashed = "trashed"
    package static let restored = "restored"
    package static let deleted = "deleted"
    package static let revised = "revised"
    package static let renamed = "renamed"
    package static let setAside = "setAside"
    /// Its user deleted it here, where it is read-only.
    package static let fetchedAgain = "fetchedAgain"
    /// With Optimize Storage; the original stays in the cloud.
    package static let leftDevice = "leftDevice"
    // Read off the rows
    package static let seen = "seen"
    package static let added = "added"
    package static let changedInCloud = "changedInCloud"
}

extension SyncEngine {
    /// Notes what happened to some bytes.
    mutating func note(
        _ event: String, _ detail: String, of digest: Digest, _ rows: any Rows
    ) throws(RowsError) {
        guard let idKey = settings?.idKey else { return }
        let id = AssetIdentity.id(of: digest, idKey: idKey)
        try rows.note(event, detail, of: .item(id), at: now.wall)
    }

    mutating func note(
        _ event: String, _ detail: String, of asset: RecordID, _ rows: any Rows
    ) throws(RowsError) {
        try rows.note(event, detail, of: .item(asset), at: now.wall)
    }

    mutating func note(
        _ event: String, _ detail: String, at place: Place, _ rows: any Rows
    ) throws(RowsError) {
        try rows.note(event, detail, of: .place(place), at: now.wall)
    }

    /// A file that this device knew lies at its place no longer.
    mutating func noteGone(_ row: LocalFile, _ rows: any Rows) throws(RowsError) {
        guard row.content != nil || row.agreed != nil else { return }
        try note(StoryCode.gone, path(row.place), at: row.place, rows)
        if let asset = row.agreed?.asset {
            try note(StoryCode.gone, path(row.place), of: asset, rows)
        } else if let digest = row.content?.digest {
            try note(StoryCode.gone, path(row.place), of: digest, rows)
        }
    }

    /// What became of an asset elsewhere.
    mutating func noteChange(
        of known: RemoteRecord?, to record: Record, _ rows: any Rows
    ) throws(RowsError) {
        guard record.key.type == .asset, let known else { return }
        let (before, id) = (known.record, record.key.id)
        let by =
            record.envelope.changedBy == settings?.device
            ? "this device" : "device \(record.envelope.changedBy.text)"
        if record.isDeleted {
            guard !before.isDeleted else { return }
            return try note(StoryCode.deleted, "for good, by \(by)", of: id, rows)
        }
        if record.isTrashed != before.isTrashed, !before.isDeleted {
            try note(
                record.isTrashed ? StoryCode.trashed : StoryCode.restored, "by \(by)", of: id,
                rows)
        }
        if let old = before.blob(.original), old.digest != record.blob(.original)?.digest {
            try note(StoryCode.revised, "by \(by)", of: id, rows)
        }
        let (old, new) = (before.fields?["name"]?.string, record.fields?["name"]?.string)
        if let old, let new, old != new {
            try note(StoryCode.renamed, "from \(old) to \(new), by \(by)", of: id, rows)
        }
    }

    /// The story of one item; `nil`: nothing is known of it.
    package func story(
        of subject: ItemSubject, at moment: Moment, rows: some Rows
    ) throws(RowsError) -> ItemStory? {
        let evidence = try evidence(at: moment, rows)
        let status = try evidence.status(of: subject)
        let facts = try evidence.facts(of: subject, item: status?.item)
        let history = try evidence.history(facts)
        guard var status = status ?? evidence.formerStatus(subject, history) else { return nil }
        if status.name.isEmpty, let file = facts.files.first {
            status.name = FileName.cleaned(file.place.path.name).text
        }
        return ItemStory(
            status: status, path: facts.files.first.map { evidence.engine.path($0.place) },
            copies: evidence.copies(facts), history: history)
    }
}

/// The rows that an item's story is told from.
struct StoryFacts {
    var subjects: [StorySubject] = []
    /// The original's first; with the place that was asked about before others.
    var files: [LocalFile] = []
    var roles: [Digest: BlobRole] = [:]
    var remote: RemoteRecord?
    /// Of its original, in the library's own folder.
    var preview: PreviewRow?
}

extension ItemEvidence {
    func facts(of subject: ItemSubject, item: RecordID?) throws(RowsError) -> StoryFacts {
        var facts = StoryFacts()
        var digests: [Digest] = []
        if let item, let remote = try rows.remote(RecordKey(type: .asset, id: item)) {
            facts.remote = remote
            facts.preview = try rows.shownPreview(of: remote.record)
            facts.subjects.append(.item(item))
            for (role, blob) in remote.record.blobs.sorted(by: { $0.key < $1.key }) {
                facts.roles[blob.digest] = facts.roles[blob.digest] ?? BlobRole(rawValue: role)
            }
            digests = remote.record.fileParts.map(\.blob.digest)
        }
        switch subject {
        case .asset(let id):
            if item == nil { facts.subjects.append(.item(id)) }
        case .digest(let digest): if !digests.contains(digest) { digests.append(digest) }
        case .place(let place):
            facts.subjects.append(.place(place))
            if let file = try rows.localFile(at: place) {
                facts.files.append(file)
                if let digest = file.content?.digest, !digests.contains(digest) {
                    digests.append(digest)
                }
            }
        }
        for digest in digests {
            if let idKey = engine.settings?.idKey {
                facts.subjects.append(.item(AssetIdentity.id(of: digest, idKey: idKey)))
            }
            for file in try rows.localFiles(with: digest)
            where !facts.files.contains(where: { $0.place == file.place }) {
                facts.files.append(file)
                facts.subjects.append(.place(file.place))
            }
        }
        return facts
    }

    func copies(_ facts: StoryFacts) -> [ItemStory.Copy] {
        var copies: [ItemStory.Copy] = facts.files.map { file in
            let digest = file.content?.digest
            let role = digest.flatMap { facts.roles[$0] } ?? (file.isSidecar ? .sidecar : .original)
            return ItemStory.Copy(
                where: engine.path(file.place), role: role.rawValue,
                verifiedAt: digest == nil ? nil : file.since)
        }
        if let preview = facts.preview {
            copies.append(
                ItemStory.Copy(
                    where: engine.pathText(.library, PreviewName(preview.asset).path),
                    role: BlobRole.preview.rawValue, verifiedAt: nil))
        }
        if let remote = facts.remote, !remote.record.isDeleted {
            for (role, _) in remote.record.fileParts {
                copies.append(
                    ItemStory.Copy(
                        where: engine.settings?.server ?? "the server", role: role.rawValue,
                        verifiedAt: nil))
            }
        }
        return copies
    }

    func history(_ facts: StoryFacts) throws(RowsError) -> [ItemStory.Event] {
        var events: [ItemStory.Event] = []
        var told: Set<StorySubject> = []
        for file in facts.files {
            events.append(
                ItemStory.Event(
                    at: file.since, event: StoryCode.seen, detail: engine.path(file.place)))
        }
        if let record = facts.remote?.record, !record.isDeleted {
            let envelope = record.envelope
            events.append(
                ItemStory.Event(
                    at: envelope.createdAt, event: StoryCode.added, detail: "to the cloud"))
            if envelope.changedAt != envelope.createdAt {
                let isOwn = envelope.changedBy == engine.settings?.device
                events.append(
                    ItemStory.Event(
                        at: envelope.changedAt, event: StoryCode.changedInCloud,
                        detail: isOwn
                            ? "by this device" : "by device \(envelope.changedBy.text)"))
            }
        }
        for subject in facts.subjects where told.insert(subject).inserted {
            for event in try rows.history(of: subject) where !events.contains(event) {
                events.append(event)
            }
        }
        return events.enumerated()
            .sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
            .map(\.element)
    }

    /// Of what is known by its history only.
    func formerStatus(_ subject: ItemSubject, _ history: [ItemStory.Event]) -> ItemStatus? {
        guard !history.isEmpty, case .place(let place) = subject else { return nil }
        return ItemStatus(
            item: nil, name: FileName.cleaned(place.path.name).text, state: .notIncluded)
    }
}

extension LocalFile {
    var isSidecar: Bool { if case .sidecar = state { true } else { false } }
}
