package import Records

/// Two assets that turn out to be parts of one, such as a still and the video that arrived later.
package enum Joining {
    /// The changes of one group that makes `part`'s original a role of `still`: what people decided
    /// about either is united, and `part` becomes a tombstone that names where it went.
    ///
    /// Joining twice, or in either order, ends the same.
    ///
    /// Every other part that it has goes along, also those that only a newer Martlet knows: a join
    /// loses no bytes.
    ///
    /// Empty when there is nothing to do: already joined, deleted, not two assets, or both have a
    /// part of the same role.
    package static func changes(
        still: Record, stillBase: Base, part: Record, partBase: Base, as role: BlobRole
    ) -> [RecordChange] {
        guard still.key != part.key, !isSplit(part.key.id, from: still),
            let stillFields = still.fields, let partFields = part.fields,
            let blob = part.blob(.original), still.blob(role) == nil
        else { return [] }
        let united = unite(AssetFields(stillFields), AssetFields(partFields))
        var set: Fields = [:]
        for (name, value) in united.fields where stillFields[name] != value { set[name] = value }
        for name in Resending.unknown(partFields) where stillFields[name] == nil {
            set[name] = partFields[name]
        }
        var setBlobs = [role.rawValue: blob]
        for name in part.blobs.keys.sorted() where name != BlobRole.original.rawValue {
            guard let other = part.blobs[name] else { continue }
            guard let present = still.blobs[name] ?? setBlobs[name] else {
                setBlobs[name] = other
                continue
            }
            guard present.digest == other.digest else { return [] }
        }
        let (stays, joins) = (still.envelope.requires, part.envelope.requires)
        return [
            RecordChange(
                key: still.key, base: stillBase, set: set, setBlobs: setBlobs,
                trashed: still.isTrashed && !part.isTrashed ? false : nil,
                requires: joins > stays ? joins : nil),
            RecordChange(key: part.key, action: .delete, base: partBase, joinedInto: still.key.id),
        ]
    }

    /// Whether a person has said that they don't belong together.
    package static func isSplit(_ part: RecordID, from still: Record) -> Bool {
        still.fields?["splitFrom"]?.array?.contains(.string(part.text)) ?? false
    }

    /// The changes of one group that makes the part in `role` an asset of its own again, and
    /// remembers it.
    ///
    /// `part`: its record, a tombstone since it was joined; `nil`: not known here. Empty when there
    /// is no such part.
    package static func changes(
        splitting role: BlobRole, of whole: Record, base: Base, partKey: RecordKey,
        partBase: Base?, name: String
    ) -> [RecordChange] {
        guard let fields = whole.fields, let blob = whole.blob(role), role != .original else {
            return []
        }
        var asset = AssetFields(fields)
        let expects = asset.expects.filter { $0 != role }
        asset.name = name
        asset.nameBytes = nil
        asset.conflictsWith = nil
        asset.expects = [.original]
        let splitFrom = RecordPatch(added: ["splitFrom": [partKey.id.text]])
        var set = splitFrom.differences(from: fields)
        if AssetFields(fields).expects != expects {
            set["expects"] = .array(expects.map { .string($0.rawValue) })
        }
        return [
            RecordChange(key: whole.key, base: base, set: set, unsetBlobs: [role.rawValue]),
            RecordChange(
                key: partKey, base: partBase, set: asset.fields,
                setBlobs: [BlobRole.original.rawValue: blob]),
        ]
    }

    private static func unite(_ still: AssetFields, _ part: AssetFields) -> AssetFields {
        var united = still
        united.favorite = still.favorite || part.favorite
        united.hidden = still.hidden || part.hidden
        united.title = still.title ?? part.title
        united.caption = still.caption ?? part.caption
        united.takenAtCorrected = still.takenAtCorrected ?? part.takenAtCorrected
        united.keywords = Set(still.keywords).union(part.keywords).sorted()
        united.expects = still.expects + part.expects.filter { !still.expects.contains($0) }
        return united
    }
}
