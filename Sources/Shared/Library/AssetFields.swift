package import Records

/// An `asset` record's fields, typed.
///
/// Unknown fields stay in the record: changes are patches (P11).
package struct AssetFields: Hashable, Sendable {
    /// The file's name as people see it: cleaned, always valid text.
    package var name: String
    /// The name's bytes, only when they aren't UTF-8.
    package var nameBytes: [UInt8]?
    package var importedAt: Timestamp
    package var fileModifiedAt: Timestamp?
    package var favorite = false
    package var hidden = false
    package var title: String?
    package var caption: String?
    /// Sorted, each once.
    package var keywords: [String] = []
    package var takenAtCorrected: LocalTime?
    /// The device that changed the original's bytes last, by its name.
    package var editedBy: String?
    /// Changed on two devices: the asset that this one is a conflicted copy of, until somebody
    /// answers.
    package var conflictsWith: RecordID?
    /// The roles that the asset is complete with.
    package var expects: [BlobRole] = []

    package init(
        name: String, nameBytes: [UInt8]? = nil, importedAt: Timestamp,
        fileModifiedAt: Timestamp? = nil
    ) {
        self.name = name
        self.nameBytes = nameBytes
        self.importedAt = importedAt
        self.fileModifiedAt = fileModifiedAt
    }

    /// Takes a file's name as the disk has it.
    package init(fileName: [UInt8], importedAt: Timestamp, fileModifiedAt: Timestamp?) {
        self.init(name: "", importedAt: importedAt, fileModifiedAt: fileModifiedAt)
        takeName(of: fileName)
    }

    /// The same of an asset that is called otherwise.
    package mutating func takeName(of fileName: [UInt8]) {
        let cleaned = FileName.cleaned(fileName)
        (name, nameBytes) = (cleaned.text, cleaned.isExact ? nil : fileName)
    }

    /// Reads what is there; what is missing or of another type is left as if absent.
    package init(_ fields: Fields) {
        name = fields["name"]?.string ?? ""
        nameBytes = fields["nameBytes"]?.string.flatMap {
            Hexadecimal.decode($0, byteCount: $0.utf8.count / 2)
        }
        importedAt = Timestamp(milliseconds: fields["importedAt"]?.integer ?? 0)
        fileModifiedAt = fields["fileModifiedAt"]?.integer.map { Timestamp(milliseconds: $0) }
        favorite = fields["favorite"]?.bool ?? false
        hidden = fields["hidden"]?.bool ?? false
        title = fields["title"]?.string
        caption = fields["caption"]?.string
        keywords = Set(fields["keywords"]?.array?.compactMap(\.string) ?? []).sorted()
        takenAtCorrected = LocalTime(fields["takenAtCorrected"])
        editedBy = fields["editedBy"]?.string
        conflictsWith = fields["conflictsWith"]?.string.flatMap { try? RecordID(parsing: $0) }
        expects =
            fields["expects"]?.array?.compactMap(\.string).map { BlobRole(rawValue: $0) } ?? []
    }

    /// The time by which originals and previews come to a device, the newest first.
    package var fileTime: Timestamp { fileModifiedAt ?? importedAt }

    /// Writes what differs from its default.
    package var fields: Fields {
        var fields: Fields = [
            "name": .string(name), "importedAt": .integer(importedAt.milliseconds),
        ]
        if let nameBytes { fields["nameBytes"] = .string(Hexadecimal.encode(nameBytes)) }
        if let fileModifiedAt {
            fields["fileModifiedAt"] = .integer(fileModifiedAt.milliseconds)
        }
        if favorite { fields["favorite"] = .bool(true) }
        if hidden { fields["hidden"] = .bool(true) }
        if let title { fields["title"] = .string(title) }
        if let caption { fields["caption"] = .string(caption) }
        if !keywords.isEmpty { fields["keywords"] = .array(keywords.map(JSONValue.string)) }
        if let takenAtCorrected { fields["takenAtCorrected"] = takenAtCorrected.json }
        if let editedBy { fields["editedBy"] = .string(editedBy) }
        if let conflictsWith { fields["conflictsWith"] = .string(conflictsWith.text) }
        if !expects.isEmpty { fields["expects"] = .array(expects.map { .string($0.rawValue) }) }
        return fields
    }
}

/// The two fields of `facts` that decide which of two readings stays.
package struct FactsOrigin: Hashable, Sendable {
    /// The digest of the bytes that were read.
    package let of: Digest
    /// The reader's number: a higher one replaces a lower.
    package let by: Int

    package init(of: Digest, by: Int) {
        self.of = of
        self.by = by
    }

    package init?(_ fields: Fields) {
        guard let text = fields["of"]?.string, let digest = try? Digest(parsing: text),
            let by = fields["by"]?.integer.flatMap({ Int(exactly: $0) })
        else { return nil }
        self.init(of: digest, by: by)
    }

    /// `facts` as they are read from a file, with their origin written into them.
    package func written(into facts: Fields) -> Fields {
        var fields = facts
        fields["of"] = .string(of.text)
        fields["by"] = .integer(Int64(by))
        return fields
    }

    /// Whether these facts replace `current` of an asset whose original is `original`.
    package func replaces(_ current: FactsOrigin?, original: Digest?) -> Bool {
        guard of == original else { return false }
        guard let current, current.of == original else { return true }
        return by > current.by
    }
}
