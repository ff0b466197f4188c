package import Records

/// What people decided and a server has lost, because it was restored from a backup or rolled back:
/// as a patch to what it has now.
package enum Resending {
    /// Fields of an asset that hold one value that a person decided.
    private static let values = [
        "name", "favorite", "hidden", "title", "caption", "takenAtCorrected",
    ]
    /// What devices said of its bytes, and a person may have answered.
    private static let versions = ["editedBy", "conflictsWith"]
    private static let sets = ["keywords", "splitFrom"]
    /// What comes with an asset's bytes.
    private static let ofBytes = [
        "name", "nameBytes", "importedAt", "fileModifiedAt", "expects",
    ]

    /// The server has nothing of it any more: all that was decided.
    ///
    /// An asset's name comes with its bytes; other records are sent whole.
    package static func patch(_ known: Record) -> RecordPatch {
        guard let fields = known.fields else { return RecordPatch() }
        let requires = known.envelope.requires > 1 ? known.envelope.requires : nil
        guard known.key.type == .asset else { return RecordPatch(set: fields, requires: requires) }
        var patch = RecordPatch(trashed: known.isTrashed ? true : nil, requires: requires)
        for name in values + versions where name != "name" { patch.set[name] = fields[name] }
        for name in unknown(fields) { patch.set[name] = fields[name] }
        for name in sets {
            let texts = fields[name]?.array?.compactMap(\.string) ?? []
            if !texts.isEmpty { patch.added[name] = texts }
        }
        return patch
    }

    /// The server's is an ancestor of `known`: what came after it, again.
    package static func patch(_ known: Record, overAncestor listed: Record) -> RecordPatch {
        guard let fields = known.fields, let present = listed.fields else { return RecordPatch() }
        var patch = RecordPatch(
            trashed: known.isTrashed == listed.isTrashed ? nil : known.isTrashed,
            requires: known.envelope.requires > listed.envelope.requires
                ? known.envelope.requires : nil)
        guard known.key.type == .asset else {
            for (name, value) in fields where present[name] != value { patch.set[name] = value }
            return patch
        }
        for name in values + versions where fields[name] != present[name] {
            patch.set[name] = fields[name] ?? .null
        }
        for name in unknown(fields) where fields[name] != present[name] {
            patch.set[name] = fields[name]
        }
        for name in sets {
            let (ours, theirs) = (texts(fields[name]), texts(present[name]))
            let (added, removed) = (ours.subtracting(theirs), theirs.subtracting(ours))
            if !added.isEmpty { patch.added[name] = added.sorted() }
            if !removed.isEmpty { patch.removed[name] = removed.sorted() }
        }
        return patch
    }

    /// Both were changed, and nobody knows from what: sets are united, and what only one side
    /// decided stays.
    package static func patch(_ known: Record, mergedWith listed: Record) -> RecordPatch {
        guard known.key.type == .asset, let fields = known.fields, let present = listed.fields
        else { return RecordPatch() }
        var patch = RecordPatch()
        for name in values + unknown(fields) where present[name] == nil {
            patch.set[name] = fields[name]
        }
        for name in sets {
            let added = texts(fields[name]).subtracting(texts(present[name]))
            if !added.isEmpty { patch.added[name] = added.sorted() }
        }
        return patch
    }

    /// Of an asset's fields those that a newer Martlet wrote: relayed as they are (P11).
    static func unknown(_ fields: Fields) -> [String] {
        let known = Set(values + versions + sets + ofBytes)
        return fields.keys.filter { !known.contains($0) }.sorted()
    }

    private static func texts(_ value: JSONValue?) -> Set<String> {
        Set(value?.array?.compactMap(\.string) ?? [])
    }
}
