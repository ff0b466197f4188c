import Library
import Records
import Status

// What is to be known of an item, though nothing waits because of it.

extension ItemEvidence {
    func informing(
        _ remote: RemoteRecord, _ asset: AssetFields
    ) throws(RowsError) -> [Reason] {
        let record = remote.record
        let since = record.envelope.changedAt
        var reasons = versionReasons(record, asset.name)
        reasons += engine.leavingReasons(of: record.key.id)
        if asset.hidden { reasons.append(Reason(.hiddenItem, since: since)) }
        // Only pictures and films are analysed; a sidecar without a picture is kept as it is.
        guard let original = record.blob(.original), original.isMedia else { return reasons }
        let facts = try rows.remote(RecordKey(type: .facts, id: record.key.id))?.record
        if facts?.fields?["damaged"]?.bool ?? false {
            reasons.append(
                Reason(
                    .damagedFile, ["name": asset.name],
                    since: facts?.envelope.changedAt ?? since))
        } else if try isBeingAnalysed(record, original) {
            reasons.append(Reason(.analysing, since: since))
        }
        return reasons
    }

    /// A file that is a part of an item, its film or its sidecar, is shown with it and not by itself.
    func otherView(of digest: Digest, in record: Record) -> [Reason] {
        guard record.blob(.original)?.digest != digest,
            record.blobs.values.contains(where: { $0.digest == digest })
        else { return [] }
        let name = AssetFields(record.fields ?? [:]).name
        return [
            Reason(.otherView, ["view": "the item \(name)"], since: record.envelope.changedAt)
        ]
    }

    /// The server has not made its pictures yet, or only of earlier bytes.
    private func isBeingAnalysed(
        _ asset: Record, _ original: BlobReference
    ) throws(RowsError) -> Bool {
        let key = RecordKey(type: .rendering, id: asset.key.id)
        guard let fields = try rows.remote(key)?.record.fields else { return true }
        guard let of = fields["of"]?.string else { return false }
        return of != original.digest.text
    }

    private func versionReasons(_ record: Record, _ name: String) -> [Reason] {
        let since = record.envelope.changedAt
        if engine.isReadOnly(record) { return [engine.newerItem(record)] }
        let isUnderstood = record.blobs.keys.allSatisfy { BlobRole.known.contains($0) }
        return isUnderstood ? [] : [Reason(.fromNewerVersion, ["name": name], since: since)]
    }
}

extension BlobReference {
    /// A picture or a film.
    var isMedia: Bool { mediaType.hasPrefix("image/") || isVideo }

    var isVideo: Bool { mediaType.hasPrefix("video/") }
}

extension BlobRole {
    /// Of assets, to this version.
    fileprivate static let known = Set(
        [original, pairedVideo, alternate, edited, adjustment, sidecar].map(\.rawValue))
}
