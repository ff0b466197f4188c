import Records

extension RecordCoding {
    /// The body of a commit, in the form of `CommitRequest`'s coding; what is empty is left out.
    package static func encode(_ request: CommitRequest) -> [UInt8] {
        var writer = JSONTextWriter()
        writer.raw("{")
        if let after = request.after {
            writer.raw("\"after\":")
            writer.write(after.text)
            writer.raw(",")
        }
        writer.raw("\"groups\":[")
        for (index, group) in request.groups.enumerated() {
            if index > 0 { writer.raw(",") }
            writer.raw("{\"changes\":[")
            for (index, change) in group.changes.enumerated() {
                if index > 0 { writer.raw(",") }
                write(change, to: &writer)
            }
            writer.raw("],\"id\":\"")
            writer.raw(group.id.text)
            writer.raw("\"}")
        }
        writer.raw("]}")
        return writer.bytes
    }

    private static func write(_ change: RecordChange, to writer: inout JSONTextWriter) {
        writer.raw("{\"action\":")
        writer.write(change.action.rawValue)
        write(change.base, named: ",\"base\":", to: &writer)
        write(change.derivedFrom, named: ",\"derivedFrom\":", to: &writer)
        if let id = change.joinedInto {
            writer.raw(",\"joinedInto\":")
            writer.write(id.text)
        }
        writer.raw(",\"key\":{\"id\":")
        writer.write(change.key.id.text)
        writer.raw(",\"type\":")
        writer.write(change.key.type.rawValue)
        writer.raw("}")
        if let requires = change.requires {
            writer.raw(",\"requires\":")
            writer.raw(String(requires))
        }
        if !change.set.isEmpty {
            writer.raw(",\"set\":")
            writer.write(change.set)
        }
        if !change.setBlobs.isEmpty { write(change.setBlobs, to: &writer) }
        if let trashed = change.trashed {
            writer.raw(trashed ? ",\"trashed\":true" : ",\"trashed\":false")
        }
        for (name, values) in [("unset", change.unset), ("unsetBlobs", change.unsetBlobs)]
        where !values.isEmpty {
            writer.raw(",")
            writer.write(name)
            writer.raw(":")
            writer.write(JSONValue.array(values.map(JSONValue.string)))
        }
        writer.raw("}")
    }

    private static func write(
        _ base: Base?, named name: StaticString, to writer: inout JSONTextWriter
    ) {
        guard let base else { return }
        writer.raw(name)
        writer.raw("{\"epoch\":\(base.epoch.rawValue),\"sequence\":\(base.sequence)}" as String)
    }

    private static func write(
        _ blobs: [String: BlobReference], to writer: inout JSONTextWriter
    ) {
        writer.raw(",\"setBlobs\":{")
        for (index, (role, blob)) in blobs.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { writer.raw(",") }
            writer.write(role)
            writer.raw(":{\"byteCount\":\(blob.byteCount),\"digest\":" as String)
            writer.write(blob.digest.text)
            writer.raw(",\"mediaType\":")
            writer.write(blob.mediaType)
            writer.raw("}")
        }
        writer.raw("}")
    }
}
