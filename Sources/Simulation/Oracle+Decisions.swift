import Library
import Records
import Status
import SyncEngine

// What people decided, against what came of it.
extension Oracle {
    /// When the world has been kind for long, only decisions about photos that are on their way
    /// still wait.
    func decisionsNotSent(_ device: SimulatedDevice) -> [String] {
        device.rows.current.pendingChanges(after: nil, limit: .max).compactMap { change in
            guard let remote = device.rows.current.remote(change.key), !remote.record.isDeleted
            else { return nil }
            return "\(device.name) has not sent \(change)"
        }
    }

    /// A sidecar whose picture was deleted is left where it lies, and not sent (P9).
    func sharesFate(_ path: RelativePath, of root: Int, on device: SimulatedDevice) -> Bool {
        let place = Place(root: RootID(rawValue: Int64(root)), path: path)
        return device.rows.current.localFile(at: place)?.state
            == .notIncluded(code: ReasonCode.deletedBefore.rawValue)
    }
}
