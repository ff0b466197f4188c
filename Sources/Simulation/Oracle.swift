import Kernel
import Library
import Records
import SyncEngine

/// Watches what happens and knows what must never happen.
///
/// 1. No bytes that were durable at a user's file, or acknowledged by the server, are lost.
/// 2. What the server acknowledged is durable in its store.
/// 3. No second asset for a digest, no second effect of a group id.
/// 4. Every asset's bytes are bytes that a user's file had.
/// 5. What a device's rows believe without having read it survives a power cut.
/// 6. The engine deletes only what its users removed, and never writes into a source.
/// 7. After the last fault everything becomes equal within bounded time, and the status says so;
///    until then the status gives a reason (Oracle+Convergence.swift).
final class Oracle {
    let world: World
    /// What the server has promised; a restore takes it back with the rest.
    var memory = Memory()
    var losses = Losses()
    weak var server: SimulatedServer?
    private var written: Set<Digest> = []
    /// What was ever an asset's sidecar; another one may have replaced it.
    private var sidecars: Set<Digest> = []
    /// What the server ever made.
    var previews: Set<Digest> = []

    /// What users decided themselves: nothing else may.
    var trashedByUsers: Set<RecordID> = []
    private var restoredByUsers: Set<RecordID> = []
    private(set) var purgedByUsers: Set<RecordID> = []
    private var deletedByUsers: Set<RecordKey> = []
    /// Parts, and the assets that they became a part of.
    private var wholes: [RecordID: RecordID] = [:]
    /// Parts of assets that others took the place of.
    private(set) var replaced: Set<Digest> = []
    /// What the server has read back at some time, and said so.
    private var readBack: Set<Digest> = []
    var held = HeldMemory()
    var tomorrow: [RecordKey: Tomorrow] = [:]
    /// The app of tomorrow wrote anything at all.
    var hasTomorrow = false
    /// The server was put back to an earlier state.
    var wasRestored = false
    var everNamed: [RecordID: Set<Digest>] = [:]
    private var everOriginal: [RecordID: [Digest: Naming]] = [:]

    /// When bytes became an asset's original first, and who said so.
    struct Naming {
        let at: Int64
        let by: DeviceID
    }

    struct Memory {
        fileprivate var saved: [GroupID: GroupResult] = [:]
        fileprivate var assetByOriginal: [Digest: RecordID] = [:]
        fileprivate(set) var acknowledged: Set<Digest> = []
        fileprivate var originals: [RecordID: Digest] = [:]
        fileprivate var blobs: [RecordID: [String: Digest]] = [:]
        /// Assets that are no more: others may have their bytes.
        fileprivate var gone: Set<RecordID> = []
    }

    /// All of them, to look at their disks.
    var devices: [SimulatedDevice] = []

    init(world: World) { self.world = world }

    /// A user's file has these bytes now, and would be a picture with them.
    func userWrote(_ content: Content) {
        written.insert(content.digest)
    }

    /// A user decided this about a record.
    func decided(_ change: PendingChange) {
        switch change.action {
        case .patch(let patch):
            if patch.trashed == true { trashedByUsers.insert(change.key.id) }
            if patch.trashed == false { restoredByUsers.insert(change.key.id) }
        case .purge: purgedByUsers.insert(change.key.id)
        case .delete: deletedByUsers.insert(change.key)
        case .join, .split: break
        }
    }

    /// Also when they decided so about what became a part of it.
    func isTrashedByUsers(_ asset: RecordID) -> Bool { isIn(trashedByUsers, asset) }

    private func isIn(_ decided: Set<RecordID>, _ asset: RecordID) -> Bool {
        decided.contains(asset)
            || wholes.contains { part, whole in whole == asset && decided.contains(part) }
    }

    /// How many assets there ever were.
    var assetCount: Int { memory.originals.count }

    func asset(withOriginal digest: Digest) -> RecordID? { memory.assetByOriginal[digest] }

    func receipted(_ digest: Digest) { readBack.insert(digest) }
    func wasReceipted(_ digest: Digest) -> Bool { readBack.contains(digest) }

    /// What photos had that people deleted for good.
    var digestsOfPurged: Set<Digest> {
        purgedByUsers.reduce(into: []) { $0.formUnion(everNamed[$1] ?? []) }
    }

    func written(_ digest: Digest) -> Bool { written.contains(digest) }

    /// Whether a person took these bytes away anywhere.
    func wasRemoved(_ digest: Digest) -> Bool { losses.removedByUsers.contains(digest) }

    /// Whether a person deleted them for good.
    func wasPurged(_ digest: Digest) -> Bool { digestsOfPurged.contains(digest) }

    /// What assets named and nobody deleted for good, and the server has not.
    func lostOriginals(_ server: SimulatedServer) -> [Digest] {
        memory.assetByOriginal.keys.filter {
            !wasPurged($0) && server.storedContent($0)?.digest != $0
        }
        .sorted()
    }

    /// What was ever the original of this asset, also what the server's restore took back.
    func originals(of asset: RecordID) -> Set<Digest> {
        everOriginal[asset].map { Set($0.keys) } ?? []
    }

    func firstNaming(_ digest: Digest, of asset: RecordID) -> Naming? {
        everOriginal[asset]?[digest]
    }

    /// The original of this asset now.
    func original(of asset: RecordID) -> Digest? { memory.originals[asset] }

    func wasOriginal(_ digest: Digest) -> Bool { memory.assetByOriginal[digest] != nil }

    func wasSidecar(_ digest: Digest) -> Bool { sidecars.contains(digest) }

    func acknowledged(_ digests: [Digest]) {
        memory.acknowledged.formUnion(digests)
    }

    func committed(_ groups: [ChangeGroup], _ receipt: CommitReceipt, by device: DeviceID) {
        if groups.map(\.id) != receipt.results.map(\.id) {
            world.violate("A commit's results are not those of its groups.")
        }
        var changes: [RecordChange] = []
        for (group, result) in zip(groups, receipt.results) {
            world.counters.add(.server, "group \(result.status.rawValue)")
            world.note("group \(group.id.text.prefix(8)) \(result.status.rawValue)")
            if let first = memory.saved[group.id] {
                if result.status != .saved || result.sequence != first.sequence {
                    world.violate(
                        "(3) group \(group.id), saved before, was answered \(result.status).")
                }
            } else if result.status == .saved {
                memory.saved[group.id] = result
                changes += group.changes
                for change in group.changes {
                    // Split off again, it begins anew.
                    if change.joinedInto != nil { tomorrow[change.key] = nil }
                    check(change, in: group, by: device)
                }
            }
        }
        checkHeld(changes, by: device)
    }

    private func isAsked(_ change: RecordChange, in group: ChangeGroup) -> Bool {
        let key = change.key
        let isJoin = group.changes.contains { $0.joinedInto != nil }
        return switch (change.action, change.trashed) {
        case (.save, nil), (.save, true?): true
        // After a restore the device that had read further says how it was; and what a part of is
        // in nobody's trash is in nobody's trash.
        case (.save, false?):
            isIn(restoredByUsers, key.id) || change.derivedFrom != nil
                || group.changes.contains { $0.joinedInto == key.id }
        case (.purge, _): isIn(purgedByUsers, key.id)
        // A part that became another's; places in albums go with what they are places of.
        case (.delete, _):
            change.joinedInto != nil || deletedByUsers.contains(key)
                || key.type.rawValue == "membership"
                    && (isJoin || group.changes.contains { $0.action == .purge })
        }
    }

    private func check(_ change: RecordChange, in group: ChangeGroup, by device: DeviceID) {
        let isAsked = isAsked(change, in: group)
        if !isAsked {
            world.violate("(6) the engine deletes \(change.key.type.rawValue) \(change.key.id).")
        }
        if change.key.type.rawValue == "asset", change.action != .save {
            memory.gone.insert(change.key.id)
            if let whole = change.joinedInto {
                wholes[change.key.id] = whole
                world.counters.add(.server, "joined")
            }
        }
        if change.trashed == true, !isTrashedByUsers(change.key.id) {
            // After a restore a device says again what another one had deleted.
            if change.derivedFrom == nil { checkDeletion(of: change.key.id, by: device) }
            if !originals(of: change.key.id).contains(where: wasRemoved) {
                world.violate("(7) \(change.key.id) is deleted, and nobody removed its file.")
            }
        }
        for role in change.setBlobs.keys.sorted() {
            guard let digest = change.setBlobs[role]?.digest else { continue }
            if role == "preview" {
                previews.insert(digest)
                continue
            }
            everNamed[change.key.id, default: []].insert(digest)
            if let before = memory.blobs[change.key.id]?[role], before != digest {
                replaced.insert(before)
            }
            memory.blobs[change.key.id, default: [:]][role] = digest
            if !written.contains(digest) {
                world.violate("(4) \(role) of \(change.key.id) is bytes that no user wrote.")
            }
            if !memory.acknowledged.contains(digest) {
                world.violate("(2) \(role) of \(change.key.id) was saved before its bytes.")
            }
        }
        if let sidecar = change.setBlobs["sidecar"]?.digest { sidecars.insert(sidecar) }
        guard let original = change.setBlobs["original"]?.digest else { return }
        memory.gone.remove(change.key.id)
        if let other = memory.assetByOriginal[original], other != change.key.id,
            !memory.gone.contains(other)
        {
            world.violate("(3) \(original) has two assets: \(other) and \(change.key.id).")
        }
        memory.assetByOriginal[original] = change.key.id
        memory.originals[change.key.id] = original
        if everOriginal[change.key.id]?[original] == nil {
            everOriginal[change.key.id, default: [:]][original] = Naming(at: world.now, by: device)
        }
    }

    /// The engine has put a file into the library.
    func placed(_ content: Content, at place: Place, by device: SimulatedDevice) {
        if !written.contains(content.digest) {
            world.violate("(4) \(device.name) put bytes that no user wrote at \(place.path).")
        }
        checkNotHeld(content.digest, at: place, by: device)
        if device.settings.optimizesStorage, !device.wasChosen(content.digest) {
            world.violate("\(device.name) optimizes storage and put \(place.path) there.")
        }
    }

    /// What power cut left: `trusted` are the engine's own files that the rows believe in.
    func powerCut(_ device: SimulatedDevice, trusted: [(place: Place, digest: Digest)]) {
        for (place, digest) in trusted {
            guard let node = device.library.node(at: place.path) else {
                if !device.placesUnsynced.contains(place) {
                    world.violate("(5) \(device.name): \(place.path) is gone after a power cut.")
                }
                continue
            }
            if device.library.nodes[node].content.digest != digest {
                world.violate(
                    "(5) \(device.name): \(place.path) has other bytes after a power cut.")
            }
        }
        // What is left of the users' files is theirs now; also on a disk that is away.
        for node in device.disks.flatMap(\.nodes) where node.kind == .file && node.maker == .user {
            userWrote(node.content)
        }
    }
}
