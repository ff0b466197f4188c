import Kernel
import Records
import Storage

/// The rule of photo zones that devices depend on: facts of a better reader replace those of a
/// lesser one, whatever their base, and lesser ones are taken without effect.
struct SimulatedPhotosSchema: RecordSchema {
    let zoneKind = ZoneKind.photos
    let projectionTables: [String] = []

    func admission(
        of change: RecordChange, current: Record?
    ) throws(KernelError) -> Admission {
        guard change.key.type.rawValue == "facts", let current, !current.isDeleted else {
            return .compareBase
        }
        let before = current.fields?["by"]?.integer ?? 0
        return (change.set["by"]?.integer ?? 0) > before ? .applyToCurrent : .ignore
    }

    func validate(_ change: RecordChange, current: Record?) throws(KernelError) {}

    func project(
        _ old: Record?, _ new: Record, zone: Zone, in transaction: any Transaction
    ) throws(KernelError) {}

    func isDerived(_ type: RecordType) -> Bool { type.rawValue == "rendering" }

    func keepsFirst(_ role: String, of type: RecordType) -> Bool {
        type.rawValue == "asset" && role == "original"
    }

    func identifies(_ role: String, _ type: RecordType) -> Bool {
        type.rawValue == "asset" && role == "original"
    }
}
