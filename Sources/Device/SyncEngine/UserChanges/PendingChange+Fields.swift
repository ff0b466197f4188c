import Library
package import Records

// How a pending change is written down: in a database, and in the id of its group.

extension PendingChange {
    /// What was decided and when, without what became of it.
    package var fields: Fields {
        var fields: Fields = ["madeAt": .integer(madeAt.milliseconds)]
        if let derivedFrom {
            fields["derivedFrom"] = .array([
                .integer(derivedFrom.epoch.rawValue), .integer(derivedFrom.sequence),
            ])
        }
        if let keeping { fields["keeping"] = .string(keeping.text) }
        switch action {
        case .patch(let patch): fields["patch"] = .object(patch.fields)
        case .delete: fields["delete"] = .bool(true)
        case .purge(let original):
            fields["purge"] = original.map { .string($0.text) } ?? .bool(true)
        case .join(let whole, let role):
            fields["join"] = .array([.string(whole.text), .string(role.rawValue)])
        case .split(let role): fields["split"] = .string(role.rawValue)
        }
        return fields
    }

    /// `nil`: these were not written by `fields`.
    package init?(key: RecordKey, fields: Fields, attempt: Attempt) {
        guard let madeAt = fields["madeAt"]?.integer else { return nil }
        let action: Action
        if let patch = fields["patch"]?.object {
            action = .patch(RecordPatch(fields: patch))
        } else if fields["delete"] != nil {
            action = .delete
        } else if let purge = fields["purge"] {
            action = .purge(original: purge.string.flatMap { try? Digest(parsing: $0) })
        } else if let join = fields["join"]?.array?.compactMap(\.string), join.count == 2,
            let whole = try? RecordID(parsing: join[0])
        {
            action = .join(into: whole, as: BlobRole(rawValue: join[1]))
        } else if let role = fields["split"]?.string {
            action = .split(BlobRole(rawValue: role))
        } else {
            return nil
        }
        self.init(
            key: key, action: action, madeAt: Timestamp(milliseconds: madeAt), attempt: attempt)
        keeping = fields["keeping"]?.string.flatMap { try? RecordID(parsing: $0) }
        if let base = fields["derivedFrom"]?.array?.compactMap(\.integer), base.count == 2 {
            derivedFrom = Base(epoch: Epoch(rawValue: base[0]), sequence: base[1])
        }
    }
}

extension RecordPatch {
    fileprivate var fields: Fields {
        var fields: Fields = [:]
        if !set.isEmpty { fields["set"] = .object(set) }
        if !added.isEmpty { fields["added"] = Self.object(added) }
        if !removed.isEmpty { fields["removed"] = Self.object(removed) }
        if let trashed { fields["trashed"] = .bool(trashed) }
        if let requires { fields["requires"] = .integer(Int64(requires)) }
        return fields
    }

    fileprivate init(fields: Fields) {
        self.init(
            set: fields["set"]?.object ?? [:], added: Self.texts(fields["added"]),
            removed: Self.texts(fields["removed"]), trashed: fields["trashed"]?.bool,
            requires: fields["requires"]?.integer.flatMap { Int(exactly: $0) })
    }

    private static func object(_ texts: [String: [String]]) -> JSONValue {
        .object(texts.mapValues { .array($0.map(JSONValue.string)) })
    }

    private static func texts(_ value: JSONValue?) -> [String: [String]] {
        (value?.object ?? [:]).mapValues { $0.array?.compactMap(\.string) ?? [] }
    }
}
