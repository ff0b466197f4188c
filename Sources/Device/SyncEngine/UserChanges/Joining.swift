import Library
import Records

// Parts of one asset that came as two: the video of a Live Photo, which has the still's content
// identifier, and a RAW beside its JPEG.
//
// - Whoever sees both joins them, in one group; joining twice or in either order ends the same.
// - That they belong together is an observation, kept in rows until it is settled (E1).
// - A join never removes a file: the part's file stays and is agreed on as the still's part.
// - A person's `split` is remembered in the still's record, so that no device joins them again.

extension SyncEngine {
    /// Facts with a content identifier: another asset may have the same.
    mutating func seekPair(ofFacts record: Record, _ rows: any Rows) throws(RowsError) {
        guard record.key.type == .facts, let identifier = record.contentIdentifier else { return }
        for other in try rows.facts(withContentIdentifier: identifier)
        where other.record.key != record.key {
            let isVideo = (record.isOfVideo, other.record.isOfVideo)
            switch isVideo {
            case (true, false):
                try noteJoin(record.key.id, into: other.record.key.id, as: .pairedVideo, rows)
            case (false, true):
                try noteJoin(other.record.key.id, into: record.key.id, as: .pairedVideo, rows)
            case (true, true), (false, false): continue
            }
        }
    }

    /// A picture of this device that is across: a RAW and a JPEG of one moment belong together.
    mutating func seekPair(of asset: RemoteRecord, _ rows: any Rows) throws(RowsError) {
        guard let original = asset.record.blob(.original), asset.record.isLiveAsset else { return }
        for file in try rows.localFiles(with: original.digest) {
            guard case .read(let content) = file.state else { continue }
            let name = file.place.path.name
            let isRaw = SidecarName.isRaw(name)
            let prefix = SidecarName.sidecarPrefix(of: name) + [UInt8(ascii: ".")]
            for other in try rows.localFiles(in: file.place.folder, namePrefix: prefix) {
                guard case .read(let otherContent) = other.state, other.place != file.place,
                    SidecarName.isRaw(other.place.path.name) != isRaw,
                    other.place.path.name.count <= prefix.count + 4,
                    content.isOfSameMoment(as: otherContent),
                    let second = try rows.assets(with: otherContent.digest).first(where: {
                        $0.record.isLiveAsset
                            && $0.record.blob(.original)?.digest == otherContent.digest
                    }), second.record.key != asset.record.key
                else { continue }
                let (raw, still) = isRaw ? (asset, second) : (second, asset)
                try noteJoin(raw.record.key.id, into: still.record.key.id, as: .alternate, rows)
            }
        }
    }

    private mutating func noteJoin(
        _ part: RecordID, into whole: RecordID, as role: BlobRole, _ rows: any Rows
    ) throws(RowsError) {
        let join = PendingChange.join(part, into: whole, as: role, at: now.wall)
        guard try rows.pendingChange(join.key) == nil else { return }
        try rows.save(join)
        userChanges.pass()
    }

    /// A part went into another asset: its file, or its download, is the whole's now.
    mutating func joined(into whole: RecordID, _ rows: any Rows) throws(RowsError) {
        guard let asset = try rows.remote(RecordKey(type: .asset, id: whole)) else { return }
        try agree(on: asset, rows)
        for (role, blob) in asset.record.fileParts where downloads.items[blob.digest] != nil {
            downloads.items[blob.digest]?.asset = whole
            downloads.items[blob.digest]?.role = role
        }
        try wantDownload(of: asset, rows)
    }

    // MARK: What to send

    func plan(
        joining part: RecordID, into whole: RecordID, as role: BlobRole, _ rows: any Rows
    ) throws(RowsError) -> DecisionPlan {
        guard let still = try rows.remote(RecordKey(type: .asset, id: whole)),
            let second = try rows.remote(RecordKey(type: .asset, id: part))
        else { return .waits }
        for record in [still.record, second.record]
        where isReadOnly(record) { return .waits }
        var changes = Joining.changes(
            still: still.record, stillBase: still.base, part: second.record,
            partBase: second.base, as: role)
        guard !changes.isEmpty else { return .done }
        for type in [RecordType.facts, .rendering] {
            guard let remote = try rows.remote(RecordKey(type: type, id: part)),
                !remote.record.isDeleted
            else { continue }
            changes.append(
                RecordChange(
                    key: remote.record.key, action: .delete, base: remote.base, joinedInto: whole))
        }
        try unite(albumsOf: part, with: whole, into: &changes, rows)
        return .send(changes)
    }

    private func unite(
        albumsOf part: RecordID, with whole: RecordID, into changes: inout [RecordChange],
        _ rows: any Rows
    ) throws(RowsError) {
        guard let settings else { return }
        let present = try rows.memberships(of: whole).compactMap(\.record.membership?.album)
        for membership in try rows.memberships(of: part) {
            guard changes.count + 2 <= Limits.recordsPerDecisionMax,
                let album = membership.record.membership?.album
            else { return }
            changes.append(
                RecordChange(
                    key: membership.record.key, action: .delete, base: membership.base))
            guard !present.contains(album) else { continue }
            let united = Membership(album: album, asset: whole)
            let key = united.key(idKey: settings.idKey)
            changes.append(
                RecordChange(key: key, base: try rows.remote(key)?.base, set: united.fields))
        }
    }

    func plan(
        splitting role: BlobRole, of whole: RecordID, _ rows: any Rows
    ) throws(RowsError) -> DecisionPlan {
        guard let settings, let asset = try rows.remote(RecordKey(type: .asset, id: whole)) else {
            return .waits
        }
        guard !isReadOnly(asset.record) else { return .waits }
        guard let blob = asset.record.blob(role) else { return .done }
        let partKey = RecordKey(
            type: .asset, id: AssetIdentity.id(of: blob.digest, idKey: settings.idKey))
        let file = try rows.localFiles(with: blob.digest).first
        let stem = FileName.split(AssetFields(asset.record.fields ?? [:]).name).stem
        let name =
            file.map { FileName.cleaned($0.place.path.name).text }
            ?? stem + (role == .pairedVideo ? ".MOV" : ".RAW")
        let changes = Joining.changes(
            splitting: role, of: asset.record, base: asset.base, partKey: partKey,
            partBase: try rows.remote(partKey)?.base, name: name)
        return changes.isEmpty ? .done : .send(changes)
    }
}

extension Record {
    package var contentIdentifier: String? {
        key.type == .facts ? fields?["contentIdentifier"]?.string : nil
    }

    fileprivate var isOfVideo: Bool { fields?["kind"]?.string == "video" }
}

extension FileContent {
    /// By the same camera at the same moment; without both nobody knows.
    fileprivate func isOfSameMoment(as other: FileContent) -> Bool {
        guard let model = facts["cameraModel"]?.string,
            let time = facts["takenAt"]?.object?["text"]?.string
        else { return false }
        return other.facts["cameraModel"]?.string == model
            && other.facts["takenAt"]?.object?["text"]?.string == time
    }
}
