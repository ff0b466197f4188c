import Library
package import Records
import Status

/// Pictures whose bytes were changed on two devices: both versions are kept, as two assets.
///
/// The later device's says in its record whose copy it is, so that every device can show both and
/// anybody can answer. The conflict lasts until the answer, or until only one of the two is left.
/// What the answer lets go of is moved to Recently Deleted, from where it can be restored.
package enum Conflicts {
    /// One side of it.
    package struct Version: Hashable, Sendable {
        package let asset: RecordID
        package let name: String
        /// The device that made these bytes; `nil`: nobody said.
        package let device: String?
        /// When the file was changed.
        package let changedAt: Timestamp
        package let byteCount: Int64
        package let digest: Digest
        /// Written by a newer Martlet (P11).
        package let isReadOnly: Bool
    }

    package struct Conflict: Hashable, Sendable {
        /// What the other devices had by then.
        package let original: Version
        /// The later device's, as an asset of its own.
        package let copy: Version
        package let since: Timestamp

        package var versions: [Version] { [original, copy] }
    }

    package enum Choice: Hashable, Sendable {
        case both
        /// One of the two assets.
        case version(RecordID)
    }

    /// All that nobody has answered yet, ordered by the copy's id.
    package static func list(
        _ rows: any Rows, limit: Int = .max
    ) throws(RowsError) -> [Conflict] {
        var found: [Conflict] = []
        for copy in try rows.conflictedCopies(of: nil, limit: limit) {
            if let conflict = try conflict(of: copy.record, rows) { found.append(conflict) }
        }
        return found
    }

    /// The first that this asset is one side of.
    package static func conflict(
        about asset: Record, _ rows: any Rows
    ) throws(RowsError) -> Conflict? {
        if asset.conflictsWith != nil { return try conflict(of: asset, rows) }
        for copy in try rows.conflictedCopies(of: asset.key.id, limit: Limits.itemReasonsMax) {
            if let conflict = try conflict(of: copy.record, rows) { return conflict }
        }
        return nil
    }

    /// As this device's user sees it, with what was decided and not sent yet.
    private static func conflict(
        of copy: Record, _ rows: any Rows
    ) throws(RowsError) -> Conflict? {
        guard let copy = try decided(copy, rows), let other = copy.conflictsWith,
            var original = try rows.remote(RecordKey(type: .asset, id: other))?.record
        else { return nil }
        // It became a part of another one.
        if let whole = original.joinedInto,
            let joined = try rows.remote(RecordKey(type: .asset, id: whole))?.record
        {
            original = joined
        }
        guard let original = try decided(original, rows), original.key != copy.key,
            let left = version(original), let right = version(copy)
        else { return nil }
        return Conflict(original: left, copy: right, since: copy.envelope.createdAt)
    }

    private static func decided(_ record: Record, _ rows: any Rows) throws(RowsError) -> Record? {
        let pending = try rows.pendingChange(record.key)
        let decided = pending.map { $0.applied(to: record) } ?? record
        return decided.flatMap { $0.isLiveAsset ? $0 : nil }
    }

    private static func version(_ record: Record) -> Version? {
        guard let blob = record.blob(.original) else { return nil }
        let asset = AssetFields(record.fields ?? [:])
        return Version(
            asset: record.key.id, name: asset.name, device: asset.editedBy,
            changedAt: asset.fileModifiedAt ?? record.envelope.changedAt,
            byteCount: blob.byteCount, digest: blob.digest,
            isReadOnly: record.envelope.requires > WireProtocol.current)
    }

    // MARK: Answering

    /// Notes what the user decided; it is sent like any other decision.
    package static func keep(
        _ choice: Choice, of conflict: Conflict, _ rows: any Rows, at now: Timestamp
    ) throws(RowsError) {
        let (original, copy) = (conflict.original.asset, conflict.copy.asset)
        var patch = RecordPatch(set: ["conflictsWith": .null])
        switch choice {
        case .both: break
        case .version(copy):
            try takePlace(of: original, &patch, copy, rows, at: now)
            try note(RecordPatch(trashed: true), original, keeping: copy, rows, at: now)
        case .version: patch.trashed = true
        }
        try note(
            patch, copy, keeping: patch.trashed == true ? original : nil, rows, at: now)
    }

    /// The copy gets what people decided about the original: name, favorite, words, albums.
    private static func takePlace(
        of original: RecordID, _ patch: inout RecordPatch, _ copy: RecordID, _ rows: any Rows,
        at now: Timestamp
    ) throws(RowsError) {
        guard let remote = try rows.remote(RecordKey(type: .asset, id: original))?.record,
            let fields = try decided(remote, rows)?.fields
        else { return }
        for name in ["name", "favorite", "hidden", "title", "caption", "takenAtCorrected"] {
            if let value = fields[name] { patch.set[name] = value }
        }
        patch.set["nameBytes"] = fields["nameBytes"] ?? .null
        let keywords = AssetFields(fields).keywords
        if !keywords.isEmpty { patch.added["keywords"] = keywords }
        let idKey = try rows.settings.idKey
        for membership in try rows.memberships(of: original) {
            guard let album = membership.record.membership?.album else { continue }
            let own = Membership(album: album, asset: copy)
            try rows.note(
                PendingChange(
                    key: own.key(idKey: idKey), action: .patch(RecordPatch(set: own.fields)),
                    madeAt: now))
        }
        // A third version stands against the one that is left.
        for other in try rows.conflictedCopies(of: original, limit: .max)
        where other.record.key.id != copy {
            try note(
                RecordPatch(set: ["conflictsWith": .string(copy.text)]), other.record.key.id, rows,
                at: now)
        }
    }

    private static func note(
        _ patch: RecordPatch, _ asset: RecordID, keeping: RecordID? = nil, _ rows: any Rows,
        at now: Timestamp
    ) throws(RowsError) {
        try rows.note(
            PendingChange(
                key: RecordKey(type: .asset, id: asset), action: .patch(patch), madeAt: now,
                keeping: keeping))
    }
}

extension Conflicts.Conflict {
    /// Both versions, side by side; the server's clock may be ahead.
    func reason(at moment: Moment) -> Reason {
        Reason(
            .conflict,
            [
                "name": original.name, "device": original.device ?? "another device",
                "version": original.words, "other": copy.device ?? "another device",
                "otherVersion": copy.words,
            ], since: min(since, moment.wall))
    }
}

extension Conflicts.Version {
    fileprivate var words: String {
        "\(EvidenceText.bytes(byteCount)), \(EvidenceText.day(changedAt))"
    }
}
