import Library
import Records
import Status

// Edits in place: identified by their bytes first, then by their path.
//
// - Bytes that an asset has already are that asset, wherever they lie.
// - Another picture under the same name (a counter that wrapped) is a new asset; the old one stays
//   and is fetched again.
// - So is a copy that was edited while another file of the library is still what both were: people
//   duplicate a picture to change the duplicate.
// - So is a video where a still was, or a still where a video was.
// - Everything else is a revision of the part that the file was agreed on as.
// - Where the server's part is another by now, both sides changed: the later device's bytes become a
//   new asset, named as a conflicted copy.
// - So do an edit of, and a sidecar for, what a newer Martlet wrote: that is read-only here (P11).
// - What shrank to nothing, or changed while its time did not, is suspicious, not an edit (P5): it
//   is shown, and the good copy stays.

extension SyncEngine {
    /// A file whose bytes its asset had before, changed back to them.
    ///
    /// Not where the asset has others by now than were agreed on: somebody went on from there, and
    /// earlier bytes take nothing from that.
    func isRevision(
        _ file: LocalFile, of asset: RemoteRecord, _ rows: any Rows
    ) throws(RowsError) -> Bool {
        guard let row = try rows.localFile(at: file.place), row.isEdited,
            let agreed = row.agreed, agreed.asset == asset.record.key.id,
            try !isCopy(row, agreed, rows)
        else { return false }
        return asset.record.blob(agreed.role)?.digest == agreed.digest
    }

    /// Whether a file here was edited that had these bytes, or changed and is to be read: until that
    /// is known, and the edit is across, and while it is held, what it was before is not fetched
    /// beside it.
    func isBeingRevised(
        _ digest: Digest, of asset: RecordID, _ rows: any Rows
    ) throws(RowsError) -> Bool {
        try rows.localFiles(agreedFor: asset).contains { file in
            file.place.root.isLibrary && file.agreed?.digest == digest
                && (file.isEdited || file.state == .unread && !isSetAside(file))
        }
    }

    /// The library has more assets than before: what was much of it may be little now.
    mutating func reconsiderHeld() {
        if localChanges.missingCount > 0 { localChanges.commits.isPlanNeeded = true }
        guard localChanges.heldEdits?.isHeld ?? false else { return }
        localChanges.heldEdits = nil
        openPass.isNeeded = true
    }

    /// Edits are held with deletions when there are many (P4).
    mutating func isHeldEdit(_ file: LocalFile, _ rows: any Rows) throws(RowsError) -> Bool {
        guard file.isEdited, file.agreed?.modifiedAt != nil else { return false }
        // Whether they are many is known when all files are read, or soon.
        if reading.isBusy || comparison.isRunning {
            let until = localChanges.editsWaitUntil ?? now.uptime + Limits.missingMilliseconds
            localChanges.editsWaitUntil = until
            guard until <= now.uptime else { return true }
        }
        if let known = localChanges.heldEdits, known.until > now.uptime { return known.isHeld }
        let held = try HeldChanges.summary(rows, at: now.wall).isHeld
        localChanges.heldEdits = (now.uptime + Limits.reportSpacingMilliseconds, held)
        return held
    }

    /// The commit that makes these bytes a revision of the part that one of their files was.
    ///
    /// `asset`: of no other than this one.
    mutating func revision(
        of digest: Digest, onlyOf asset: RecordID? = nil, _ rows: any Rows
    ) throws(RowsError) -> CommitEntry? {
        for file in try rows.localFiles(with: digest)
        where file.isEdited && (asset == nil || file.agreed?.asset == asset) {
            guard case .read(let content) = file.state, let agreed = file.agreed,
                let asset = try rows.remote(RecordKey(type: .asset, id: agreed.asset)),
                asset.record.isLiveAsset, let current = asset.record.blob(agreed.role),
                current.digest == agreed.digest, !isReadOnly(asset.record),
                try !isAnotherPicture(content, agreed, rows), try !isCopy(file, agreed, rows)
            else { continue }
            return try revision(content, agreed, of: asset, rows)
        }
        return nil
    }

    private func revision(
        _ content: FileContent, _ agreed: Agreement, of asset: RemoteRecord, _ rows: any Rows
    ) throws(RowsError) -> CommitEntry {
        let blobs = [agreed.role.rawValue: reference(to: content)]
        var change = RecordChange(key: asset.record.key, base: asset.base, setBlobs: blobs)
        var changes: [RecordChange] = []
        if agreed.role == .original {
            change.set["fileModifiedAt"] = .integer(content.stamp.modifiedAt / 1_000_000)
            change.set["editedBy"] = settings.map { .string($0.deviceName) }
            let facts = FactsOrigin(of: content.digest, by: Self.quickReader)
                .written(into: content.facts)
            if facts.estimatedByteCount < Limits.fieldsByteCountMax / 2 {
                let key = RecordKey(type: .facts, id: asset.record.key.id)
                changes.append(
                    RecordChange(key: key, base: try rows.remote(key)?.base, set: facts))
            }
        }
        return CommitEntry(
            group: ChangeGroup(
                id: groupID(asset.record.key.id, asset.base, blobs, content.digest),
                changes: [change] + changes),
            digests: [content.digest], digest: content.digest,
            revises: agreed.modifiedAt == nil ? nil : asset.record.key.id)
    }

    /// Whether another file of the library is still what this one was agreed on as.
    ///
    /// Not when the user said yes to the change: then it may be the good copy, fetched meanwhile.
    private func isCopy(
        _ file: LocalFile, _ agreed: Agreement, _ rows: any Rows
    ) throws(RowsError) -> Bool {
        guard agreed.modifiedAt != nil else { return false }
        return try rows.localFiles(agreedFor: agreed.asset).contains { other in
            other.place != file.place && other.place.root.isLibrary
                && other.agreed?.role == agreed.role && other.content?.digest == agreed.digest
        }
    }

    /// Whether the new bytes are another photo or film than the one that was agreed on.
    private func isAnotherPicture(
        _ content: FileContent, _ agreed: Agreement, _ rows: any Rows
    ) throws(RowsError) -> Bool {
        let asset = try rows.remote(RecordKey(type: .asset, id: agreed.asset))?.record
        if let before = asset?.blob(agreed.role), before.isVideo != reference(to: content).isVideo {
            return true
        }
        guard agreed.role == .original,
            let facts = try rows.remote(RecordKey(type: .facts, id: agreed.asset))?.record.fields
        else { return false }
        return PictureIdentity(facts).isAnother(than: PictureIdentity(content.facts))
    }

    /// Both sides changed the same part: this device is the later one.
    func isConflict(_ file: LocalFile, _ rows: any Rows) throws(RowsError) -> Bool {
        guard file.isEdited, let agreed = file.agreed, let content = file.content,
            let asset = try rows.remote(RecordKey(type: .asset, id: agreed.asset)),
            asset.record.isLiveAsset, let current = asset.record.blob(agreed.role)
        else { return false }
        guard current.digest != agreed.digest, current.digest != content.digest else {
            return false
        }
        return try !isAnotherPicture(content, agreed, rows)
    }

    /// Shrank or changed as no program edits pictures (P5).
    func isSuspicious(
        _ content: FileContent, _ agreed: Agreement?, _ rows: any Rows
    ) throws(RowsError) -> Bool {
        guard let agreed, agreed.digest != content.digest,
            agreed.modifiedAt == content.stamp.modifiedAt, try isLive(agreed.asset, rows)
        else { return false }
        // A picture that can be read and has half the bytes at least was edited by a program that
        // keeps times.
        let isPicture = content.facts["width"]?.integer ?? 0 > 0
        return !(isPicture && content.stamp.byteCount * 2 >= agreed.byteCount)
    }

    func isLive(_ asset: RecordID, _ rows: any Rows) throws(RowsError) -> Bool {
        try rows.remote(RecordKey(type: .asset, id: asset))?.record.isLiveAsset ?? false
    }

    /// A picture has one sidecar: another one beside it, which is no edit of it, is an asset of its
    /// own, so that both survive.
    func isSecondSidecar(
        _ file: LocalFile, _ content: FileContent, of asset: RemoteRecord, _ rows: any Rows
    ) throws(RowsError) -> Bool {
        if isReadOnly(asset.record) { return asset.record.blob(.sidecar)?.digest != content.digest }
        guard let current = asset.record.blob(.sidecar), current.digest != content.digest,
            file.agreed?.digest != current.digest
        else { return false }
        if file.place.root.isLibrary, file.agreed == nil { return true }
        return try rows.localFiles(with: current.digest).contains { $0.place != file.place }
    }
}

/// What tells one photo from another under the same name.
struct PictureIdentity {
    let contentIdentifier: String?
    let camera: String?
    let takenAt: JSONValue?

    init(_ facts: Fields) {
        contentIdentifier = facts["contentIdentifier"]?.string
        camera = facts["cameraModel"]?.string ?? facts["cameraMake"]?.string
        takenAt = facts["takenAt"]
    }

    /// What only one of the two says, tells nothing: programs that edit drop it.
    func isAnother(than other: PictureIdentity) -> Bool {
        if let mine = contentIdentifier, let theirs = other.contentIdentifier {
            return mine != theirs
        }
        guard let mine = takenAt, let theirs = other.takenAt, let camera, let its = other.camera
        else { return false }
        return mine != theirs || camera != its
    }
}

/// `NAME (conflicted copy DEVICE DATE).EXT`.
enum ConflictName {
    static func of(_ name: String, device: String, at moment: Timestamp) -> String {
        let (stem, ending) = split(name)
        let day = EvidenceText.day(moment)
        return "\(stem) (conflicted copy \(device) \(day))\(ending)"
    }

    private static func split(_ name: String) -> (stem: Substring, ending: Substring) {
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else {
            return (name[...], "")
        }
        return (name[..<dot], name[dot...])
    }
}
