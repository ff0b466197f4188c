import Library
import Records
import SyncEngine

// What a device may call deleted: nothing that one of its disks still holds.
extension Oracle {
    /// How long ago a file, or the disk that it lies on, must have come for its device to know of
    /// it.
    private static let knownAfterSeconds: Int64 = 900

    /// What went before another device edited the asset into the same bytes was another file.
    private func wentWhileOff(
        _ digest: Digest, of asset: RecordID, on device: SimulatedDevice
    ) -> Bool {
        guard let at = device.tookAwayOnlyWhileOff(digest) else { return false }
        guard let first = firstNaming(digest, of: asset), first.by != device.settings.device
        else { return true }
        return at >= first.at
    }

    /// A device moved an asset to Recently Deleted.
    func checkDeletion(of asset: RecordID, by id: DeviceID) {
        guard let device = devices.first(where: { $0.settings.device == id }) else { return }
        let original = original(of: asset)
        // An edited photo that went while photos were on is deleted, though a source kept what it
        // was before until they were off.
        let isDeletedWhileOn = original.map(device.removedWhileOn.contains) ?? false
        if !isDeletedWhileOn,
            originals(of: asset).contains(where: { wentWhileOff($0, of: asset, on: device) })
        {
            world.violate(
                "(P4) \(device.name) deletes \(asset), whose file went while photos were off.")
        }
        guard let original else { return }
        for (root, disk) in device.disks.enumerated() {
            for (path, node) in disk.files()
            where path.isImportable && disk.nodes[node].content.digest == original {
                var hereSince = disk.nodes[node].changedAt / 1_000_000
                if root > 0 { hereSince = max(hereSince, device.sourcesCameAt.milliseconds) }
                let age = world.wall().milliseconds - hereSince
                guard age > Self.knownAfterSeconds * 1_000 else { continue }
                world.violate(
                    "(6) \(device.name) deletes \(asset), which lies at \(path) of root \(root).")
            }
        }
    }
}
