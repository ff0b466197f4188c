import Library
import Records

/// What an `asset` record says about a picture.
struct AssetPart: Hashable {
    var name: String
    var original: BlobReference?
    var sidecar: Digest?
    var importedAt: Int64
    var fileModifiedAt: Int64?
    var corrected: LocalTime?
    var isFavorite: Bool
    var isHidden: Bool
    var isTrashed: Bool

    init?(_ record: Record) {
        guard let fields = record.fields else { return nil }
        name = fields["name"]?.string ?? ""
        original = record.blob(.original)
        sidecar = record.blob(.sidecar)?.digest
        importedAt = fields["importedAt"]?.integer ?? record.envelope.createdAt.milliseconds
        fileModifiedAt = fields["fileModifiedAt"]?.integer
        corrected = LocalTime(fields["takenAtCorrected"])
        isFavorite = fields["favorite"]?.bool ?? false
        isHidden = fields["hidden"]?.bool ?? false
        isTrashed = record.isTrashed
    }
}

/// What a `facts` record says: read from the file `of` by the reader `by`.
struct FactsPart: Hashable {
    var of: Digest?
    var by: Int64
    /// The sidecar that was read beside it.
    var sidecar: Digest?
    var kind: String?
    var width: Int64?
    var height: Int64?
    var duration: Double?
    var takenAt: LocalTime?
    var thumbhash: [UInt8]?

    init?(_ record: Record) {
        guard let fields = record.fields else { return nil }
        of = Digest(field: fields["of"])
        by = fields["by"]?.integer ?? 0
        sidecar = Digest(field: fields["sidecar"])
        kind = fields["kind"]?.string
        width = fields["width"]?.integer
        height = fields["height"]?.integer
        duration = fields["duration"]?.number
        takenAt = LocalTime(fields["takenAt"])
        thumbhash = fields["thumbhash"]?.string.flatMap {
            Hexadecimal.decode($0, byteCount: $0.utf8.count / 2)
        }
    }
}

/// What a `rendering` record says: made from the file `of` by the renderer `by`.
struct RenderingPart: Hashable {
    var of: Digest?
    var by: Int64
    var thumbnail: Digest?
    var preview: Digest?
    /// Why there is no picture.
    var problem: String?

    init?(_ record: Record) {
        guard let fields = record.fields else { return nil }
        of = Digest(field: fields["of"])
        by = fields["by"]?.integer ?? 0
        thumbnail = record.blob(.thumbnail)?.digest
        preview = record.blob(.preview)?.digest
        problem = fields["problem"]?.string
    }
}

extension Digest {
    init?(field: JSONValue?) {
        guard let text = field?.string, let digest = try? Digest(parsing: text) else { return nil }
        self = digest
    }
}
