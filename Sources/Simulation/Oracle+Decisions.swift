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
            guard let remote = device.rows.current.remote(change.key), !remote.record.isDeleted,
                !isReadOnly(remote.record, on: device)
            else { return nil }
            return "\(device.name) has not sent \(change)"
        }
    }

    /// Albums and what is in them, as the server has them.
    func albumDifferences(_ device: SimulatedDevice, _ records: [Record]) -> [String] {
        func isOfAlbums(_ record: Record) -> Bool {
            !record.isDeleted && (record.key.type == .album || record.key.type == .membership)
        }
        let here = device.rows.current.allRemotes { isOfAlbums($0.record) }.map(\.record)
        let there = records.filter(isOfAlbums)
        guard here.map(\.key) != there.map(\.key) || here.map(\.fields) != there.map(\.fields)
        else { return [] }
        return ["\(device.name) has other albums: \(here.count) records for \(there.count)"]
    }

    /// A sidecar whose picture was deleted is left where it lies, and not sent (P9).
    func sharesFate(_ path: RelativePath, of root: Int, on device: SimulatedDevice) -> Bool {
        let place = Place(root: RootID(rawValue: Int64(root)), path: path)
        return device.rows.current.localFile(at: place)?.state
            == .notIncluded(code: ReasonCode.deletedBefore.rawValue)
    }
}
