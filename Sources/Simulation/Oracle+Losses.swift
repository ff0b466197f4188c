import Records
import SyncEngine

/// What may be gone, and why.
struct Losses {
    /// Bytes that a person deleted, overwrote or took out of their place.
    var removedByUsers: Set<Digest> = []
    /// Bytes that were on the server, and that its restore took back.
    var takenByRestore: Set<Digest> = []
}

// Rule 1: bytes that were safe stay on some durable disk until a person takes them away.
extension Oracle {
    /// A user deletes or replaces what a file holds.
    func userRemoves(_ content: Content) {
        losses.removedByUsers.insert(content.digest)
    }

    /// Whether it is a part of something that people deleted: by hand, or one of its other parts.
    private func sharesFate(_ digest: Digest) -> Bool {
        everNamed.contains { asset, digests in
            digests.contains(digest)
                && (isTrashedByUsers(asset) || purgedByUsers.contains(asset)
                    || digests.contains(where: wasRemoved)
                    // Another device's revision took its place.
                    || replaced.contains(digest))
        }
    }

    /// The engine takes a file out of its place, as something deleted elsewhere.
    func checkSetAside(_ content: Content, at place: Place, by device: SimulatedDevice) {
        // A sidecar that another device's replaced goes the same way.
        guard !wasRemoved(content.digest), !wasSidecar(content.digest), !sharesFate(content.digest)
        else { return }
        world.violate("(7) \(device.name) takes \(place.path) away, which nobody deleted.")
    }

    /// The engine unlinks a file.
    ///
    /// Its bytes must be durable elsewhere, or deleted for good by a person.
    func checkUnlink(_ content: Content, _ what: String, by device: SimulatedDevice) {
        guard content.byteCount > 0, written(content.digest), !wasPurged(content.digest),
            !losses.takenByRestore.contains(content.digest),
            server?.storedContent(content.digest) == nil,
            !isDurableElsewhere(content, on: device)
        else { return }
        world.violate("(1) \(device.name) unlinks \(what), the last copy of \(content.digest).")
    }

    private func isDurableElsewhere(_ content: Content, on device: SimulatedDevice) -> Bool {
        device.disks.contains { disk in
            disk.files().contains { path, node in
                disk.nodes[node].content == content && disk.isDurable(path)
            }
        }
    }

    /// What the server's restore took back, it cannot be asked for.
    func restored(from before: Set<Digest>, to after: Set<Digest>) {
        losses.takenByRestore.formUnion(before.subtracting(after))
    }
}
