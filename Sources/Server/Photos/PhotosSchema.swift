package import Kernel
import Library
package import Records
package import Storage

/// What photos add to the kernel: rules for the records of a `photos` zone, and the projections
/// that the timeline and the rendering are read from.
package struct PhotosSchema: RecordSchema {
    /// The number of the renderer of this version; raise it when thumbnails or previews must be
    /// made anew (with a migration, see `migrations`).
    package static let renderer = 1

    /// Exactly the conditions of the partial indexes in `migrations`, which only then serve.
    package static let toRead = "(readBy < 2 OR thumbnailBy < 1)"
    package static let toPreview = "previewBy < 1 AND thumbnailBy >= 1"

    package let zoneKind = ZoneKind.photos
    package let projectionTables = ["photoAsset", "photoMonth"]

    package init() {}

    /// Facts by a higher reader replace those of a lower one whoever was first; those of a lower
    /// reader are answered as saved, without effect.
    package func admission(
        of change: RecordChange, current: Record?
    ) throws(KernelError) -> Admission {
        guard change.key.type == .facts, change.action == .save,
            let fields = current?.fields, let present = fields["by"]?.integer,
            let by = change.set["by"]?.integer, change.set["of"] == fields["of"]
        else { return .compareBase }
        if by > present { return .applyToCurrent }
        return by < present ? .ignore : .compareBase
    }

    package func validate(_ change: RecordChange, current: Record?) throws(KernelError) {
        guard change.action == .save else { return }
        for rule in PhotoFieldRules.rules(of: change.key.type) {
            guard let value = change.set[rule.name], !rule.kind.accepts(value) else { continue }
            throw KernelError(
                .invalidRecord,
                """
                The field \(rule.name) of a record of type \(change.key.type.rawValue) must be \
                \(rule.kind.description).
                """)
        }
        if change.key.type == .asset, current?.fields == nil,
            change.setBlobs[BlobRole.original.rawValue] == nil
        {
            throw KernelError(
                .invalidRecord, "An asset begins with its original: send that blob with it.")
        }
        if change.key.type == .asset, change.unsetBlobs.contains(BlobRole.original.rawValue) {
            throw KernelError(
                .invalidRecord, "An asset keeps an original: replace it, or delete the asset.")
        }
    }

    package func project(
        _ old: Record?, _ new: Record, zone: Zone, in transaction: any Transaction
    ) throws(KernelError) {
        // What only members can read says nothing here.
        guard zone.encryption == .none else { return }
        try PhotosProjection.apply(new, in: zone.id, transaction)
    }

    package func isDerived(_ type: RecordType) -> Bool { type == .rendering }

    package func keepsFirst(_ role: String, of type: RecordType) -> Bool {
        type == .asset && role == BlobRole.original.rawValue
    }

    /// The same picture is the same asset, whoever came to it first.
    package func identifies(_ role: String, _ type: RecordType) -> Bool {
        type == .asset && role == BlobRole.original.rawValue
    }
}
