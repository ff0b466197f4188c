import Library
import Records
import SyncEngine

// What an older Martlet has no word for is stored and relayed, and never rewritten (P11).
extension Oracle {
    /// What the app of tomorrow wrote last.
    struct Tomorrow {
        var fields: Fields
        var requires: Int
        var roles: [String: Digest]
    }

    func wroteFromTomorrow(_ change: RecordChange) {
        hasTomorrow = true
        let before = tomorrow[change.key]
        tomorrow[change.key] = Tomorrow(
            fields: change.set, requires: max(change.requires ?? 1, before?.requires ?? 1),
            roles: (before?.roles ?? [:]).merging(change.setBlobs.mapValues(\.digest)) { $1 })
    }

    /// A part that became another's, or a record that was deleted, is not looked for any more; nor is
    /// anything that a restore may have taken away before a device read it.
    func tomorrowDifferences(_ device: SimulatedDevice, _ records: [Record]) -> [String] {
        guard hasTomorrow else { return [] }
        var byKey: [RecordKey: Record] = [:]
        for record in records { byKey[record.key] = record }
        // Also of what was joined and split again.
        let changeable = records.filter { !$0.isDeleted }.compactMap { there -> String? in
            guard let here = device.rows.current.remote(there.key)?.record,
                here.envelope.requires != there.envelope.requires
            else { return nil }
            return "\(device.name) does not know who may change \(there.key)"
        }
        return changeable
            + tomorrow.keys.sorted().compactMap { key in
                guard let wanted = tomorrow[key], let there = byKey[key], !there.isDeleted else {
                    return nil
                }
                let here = device.rows.current.remote(key)?.record
                if here?.fields != there.fields || here?.blobs != there.blobs {
                    return
                        "\(device.name) has another \(key.type.rawValue) \(key.id) than the server"
                }
                guard !wasRestored else { return nil }
                for (name, value) in wanted.fields where there.fields?[name] != value {
                    return "(11) \(name) of \(key) is \(there.fields?[name] ?? .null), not \(value)"
                }
                for (role, digest) in wanted.roles where there.blobs[role]?.digest != digest {
                    return "(11) \(role) of \(key) is another"
                }
                return there.envelope.requires < wanted.requires
                    ? "(11) \(key) may be changed by older devices again" : nil
            }
    }

    /// Whether only newer devices than this one may change the record.
    func isReadOnly(_ record: Record, on device: SimulatedDevice) -> Bool {
        record.envelope.requires > device.protocolNumber
    }

    /// Whether an asset, as the device knows it, is there to be deleted, and by this device.
    func mayDelete(_ asset: RecordID, on device: SimulatedDevice) -> Bool {
        device.rows.current.remote(RecordKey(type: .asset, id: asset))
            .map { $0.record.isLiveAsset && !isReadOnly($0.record, on: device) } ?? false
    }
}
