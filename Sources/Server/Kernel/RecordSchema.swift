package import Records
package import Storage

/// How a change is to be taken whose base is, or is not, the record's latest state.
package enum Admission: Hashable, Sendable {
    /// Saved only on the record's latest state.
    case compareBase
    /// Saved whatever its base was.
    case applyToCurrent
    /// Answered as saved, without effect.
    case ignore
}

/// What a service adds to the kernel for its kind of zone: validation, and tables of its own that
/// are written in the same transaction as the records and can be rebuilt from them.
package protocol RecordSchema: Sendable {
    var zoneKind: String { get }

    /// The tables that `project` writes; each has a `zone` column, and nothing else writes them.
    var projectionTables: [String] { get }

    /// How to take a change; `compareBase` unless the type has a rule of its own.
    func admission(
        of change: RecordChange, current: Record?
    ) throws(KernelError) -> Admission

    /// Throws `invalidRecord` for what the service cannot accept. `current` is the record before.
    func validate(_ change: RecordChange, current: Record?) throws(KernelError)

    /// Brings the projections from `old` to `new`, which may be a tombstone. Must depend on
    /// nothing but the two and the zone's projections, so that a rebuild gives the same.
    func project(
        _ old: Record?, _ new: Record, zone: Zone, in transaction: any Transaction
    ) throws(KernelError)

    /// Whether records of this type can be made anew (thumbnails): their bytes don't count for the
    /// quota, leave no retained revision, and need no trash.
    func isDerived(_ type: RecordType) -> Bool

    /// Whether the first blob in this role stays retained until the record is deleted.
    func keepsFirst(_ role: String, of type: RecordType) -> Bool

    /// Whether the same bytes in this role are the same record, also when they are its earlier ones:
    /// no second record of a zone begins to have them.
    func identifies(_ role: String, _ type: RecordType) -> Bool
}

extension RecordSchema {
    package var projectionTables: [String] { [] }

    package func admission(
        of change: RecordChange, current: Record?
    ) throws(KernelError) -> Admission { .compareBase }

    package func validate(_ change: RecordChange, current: Record?) throws(KernelError) {}

    package func project(
        _ old: Record?, _ new: Record, zone: Zone, in transaction: any Transaction
    ) throws(KernelError) {}

    package func isDerived(_ type: RecordType) -> Bool { false }

    package func keepsFirst(_ role: String, of type: RecordType) -> Bool { false }

    package func identifies(_ role: String, _ type: RecordType) -> Bool { false }
}
