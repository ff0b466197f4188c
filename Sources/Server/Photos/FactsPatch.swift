import Library
import Media
import Records

/// The change that brings a `facts` record from what it says to what was read.
enum FactsPatch {
    /// The fields that a reader writes; others are somebody else's and stay (P11).
    private static let ours: Set<String> = [
        "of", "by", "sidecar", "kind", "mediaType", "width", "height", "orientation", "duration",
        "takenAt", "latitude", "longitude", "altitude", "cameraMake", "cameraModel", "lens",
        "contentIdentifier", "rating", "title", "caption", "keywords", "thumbhash", "damaged",
    ]

    /// `nil` when the record says all of it already.
    static func change(
        to facts: Facts, of job: RenderingJob, current: Record?, base: Base?
    ) -> RecordChange? {
        var fields = facts.record(of: job.original, by: Facts.fullReader)
        if let sidecar = job.sidecar { fields["sidecar"] = .string(sidecar.text) }
        return change(to: fields, id: job.id, current: current, base: base)
    }

    /// Adds the thumbhash that was drawn to facts that stay.
    static func change(
        thumbhash: [UInt8], of job: RenderingJob, current: Record?, base: Base?
    ) -> RecordChange? {
        guard var fields = current?.fields, fields["of"] == .string(job.original.text) else {
            return nil
        }
        fields["thumbhash"] = .string(Hexadecimal.encode(thumbhash))
        return change(to: fields, id: job.id, current: current, base: base)
    }

    private static func change(
        to fields: Fields, id: RecordID, current: Record?, base: Base?
    ) -> RecordChange? {
        let old = current?.fields ?? [:]
        let set = fields.filter { old[$0.key] != $0.value }
        let unset = old.keys.filter { ours.contains($0) && fields[$0] == nil }.sorted()
        guard !set.isEmpty || !unset.isEmpty else { return nil }
        return RecordChange(
            key: RecordKey(type: .facts, id: id), base: base, set: set, unset: unset)
    }
}
