import Library
import Records
import SyncEngine

/// What people were asked, and what they said.
struct HeldMemory {
    /// By device: seen in a list, and not answered since.
    var seen: [Int: [RecordID: HeldChanges.Item]] = [:]
    /// By device: the user said yes to its deletion.
    var approved: [Int: Set<RecordID>] = [:]
    /// By device: the user wants its file back.
    var refused: [Int: Set<RecordID>] = [:]
}

// Many deletions wait for a person (P4).
extension Oracle {
    /// Somebody looks at the list of what is held.
    func sawHeld(_ list: HeldChanges.List, on device: SimulatedDevice) {
        held.seen[device.index] = Dictionary(
            list.items.map { ($0.asset, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// `isSending`: something may be on its way that was not held when it was sent.
    func answered(
        _ assets: [RecordID], isYes: Bool, on device: SimulatedDevice, isSending: Bool
    ) {
        held.seen[device.index] = nil
        if isYes {
            held.approved[device.index, default: []].formUnion(assets)
        } else if !isSending {
            held.refused[device.index, default: []].formUnion(assets)
        }
    }

    /// The device's files are others now, by its user's hand or by a power cut: what was seen and
    /// said of the earlier ones binds nobody.
    func filesChanged(on device: SimulatedDevice) {
        held.seen[device.index] = nil
        held.refused[device.index] = nil
    }

    /// The server tells the device that these are deleted already: nobody is asked any more.
    func told(_ records: [Record], to device: SimulatedDevice) {
        for record in records where !record.isLiveAsset {
            held.seen[device.index]?[record.key.id] = nil
        }
    }

    /// A file came back whose absence the user has been asked about.
    ///
    /// What only a newer Martlet may delete comes back as soon as the list is shorter; what became a
    /// part of another asset comes with that; what the server's restore took, its deletion with it,
    /// comes back when another device sends it again. What lies elsewhere on the device, as it is or
    /// as it was before it was edited, is not deleted at all; of what another file took the place
    /// nobody can say whether it was; nor is a change held any more of what turned out to be another
    /// picture, or a part beside the file that was changed.
    func checkNotHeld(_ digest: Digest, at place: Place, by device: SimulatedDevice) {
        guard let seen = held.seen[device.index], let asset = asset(withOriginal: digest),
            let item = seen[asset], mayDelete(asset, on: device),
            !losses.takenByRestore.contains(digest),
            !device.holds(originals(of: asset), elsewhereThan: place)
        else { return }
        if item.change == .deleted, let node = device.library.node(at: item.place.path),
            device.library.nodes[node].content.digest != digest
        {
            return
        }
        if item.change == .changed,
            !device.rows.current.localFiles(agreedFor: asset).contains(where: {
                $0.isEdited && $0.agreed?.digest == digest
            })
        {
            return
        }
        world.violate("(P4) \(device.name) fetches \(place.path), whose deletion is held.")
    }

    /// One commit's deletions: many at once are somebody's decision, or nobody's.
    func checkHeld(_ changes: [RecordChange], by id: DeviceID) {
        guard let device = devices.first(where: { $0.settings.device == id }) else { return }
        let trashed = changes.filter { $0.trashed == true }
        // What it has sent it holds no longer: somebody may want it back, also of those that a
        // person trashed or restored before.
        for change in trashed { held.seen[device.index]?[change.key.id] = nil }
        let deleted = trashed.filter { $0.derivedFrom == nil && !isTrashedByUsers($0.key.id) }
            .map(\.key.id)
        for asset in deleted where held.refused[device.index]?.contains(asset) ?? false {
            world.violate("(P4) \(device.name) deletes \(asset), which its user wanted back.")
        }
        for asset in deleted {
            for index in held.seen.keys.sorted() { held.seen[index]?[asset] = nil }
        }
        let unasked = deleted.filter { !(held.approved[device.index]?.contains($0) ?? false) }
        if HeldChanges.isMany(unasked.count, of: assetCount) {
            world.violate("(P4) \(device.name) deletes \(unasked.count) photos unasked.")
        }
    }
}
