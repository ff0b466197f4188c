package import Records

/// What a person decided about one record, field by field.
///
/// It says what they did, not what came out: a value was set, some words were added to a set or
/// taken from it. So it can be laid over whatever the record has become meanwhile, and both sides'
/// decisions come together: of a value the later commit wins, sets are united.
package struct RecordPatch: Hashable, Sendable {
    /// By field; `null` takes the field away.
    package var set: Fields
    /// Of fields that are sets of texts, sorted, each once.
    package var added: [String: [String]]
    package var removed: [String: [String]]
    /// `true` moves to Recently Deleted, `false` restores.
    package var trashed: Bool?
    /// The oldest protocol that may change the record from then on; never lowered (P11).
    package var requires: Int?

    package init(
        set: Fields = [:], added: [String: [String]] = [:], removed: [String: [String]] = [:],
        trashed: Bool? = nil, requires: Int? = nil
    ) {
        self.set = set
        self.added = added.mapValues { Set($0).sorted() }
        self.removed = removed.mapValues { Set($0).sorted() }
        self.trashed = trashed
        self.requires = requires
    }

    package var isEmpty: Bool {
        self.set.isEmpty && added.isEmpty && removed.isEmpty && trashed == nil
            && requires == nil
    }

    /// Both in one: `newer` wins where both say something of the same field.
    package func followed(by newer: RecordPatch) -> RecordPatch {
        var patch = self
        for (name, value) in newer.set {
            patch.set[name] = value
            patch.added[name] = nil
            patch.removed[name] = nil
        }
        for name in Swift.Set(newer.added.keys).union(newer.removed.keys) {
            let adds = Swift.Set(newer.added[name] ?? [])
            let removes = Swift.Set(newer.removed[name] ?? [])
            if let texts = patch.set[name]?.texts {
                patch.set[name] = JSONValue(texts: texts.subtracting(removes).union(adds))
                continue
            }
            let allAdded = Swift.Set(patch.added[name] ?? []).subtracting(removes).union(adds)
            let allRemoved = Swift.Set(patch.removed[name] ?? []).subtracting(adds).union(removes)
            patch.added[name] = allAdded.isEmpty ? nil : allAdded.sorted()
            patch.removed[name] = allRemoved.isEmpty ? nil : allRemoved.sorted()
        }
        patch.trashed = newer.trashed ?? trashed
        patch.requires = [requires, newer.requires].compactMap { $0 }.max()
        return patch
    }

    /// What the fields become; only those that differ from `fields`, `null` for those that go.
    package func differences(from fields: Fields) -> Fields {
        var result: Fields = [:]
        for (name, value) in set {
            if value == .null {
                if fields[name] != nil { result[name] = .null }
            } else if fields[name] != value {
                result[name] = value
            }
        }
        for name in Swift.Set(added.keys).union(removed.keys) {
            let present = fields[name]?.texts ?? []
            let wanted = present.subtracting(removed[name] ?? []).union(added[name] ?? [])
            if wanted != present { result[name] = JSONValue(texts: wanted) }
        }
        return result
    }

    /// The record as its person sees it at once, before the server has heard of it.
    package func applied(to record: Record, at moment: Timestamp) -> Record {
        guard let fields = record.fields else { return record }
        var patched = record
        patched.fields = fields.merging(differences(from: fields)) { $1 }
            .filter { $0.value != .null || fields[$0.key] == .null }
        patched.envelope.requires = max(record.envelope.requires, requires ?? 0)
        switch trashed {
        case true?: patched.envelope.trashedAt = record.envelope.trashedAt ?? moment
        case false?: patched.envelope.trashedAt = nil
        case nil: break
        }
        return patched
    }
}

extension JSONValue {
    /// A set of texts; anything else in it is left out.
    fileprivate var texts: Set<String>? { array.map { Set($0.compactMap(\.string)) } }

    fileprivate init(texts: Set<String>) {
        self = .array(texts.sorted().map(JSONValue.string))
    }
}
