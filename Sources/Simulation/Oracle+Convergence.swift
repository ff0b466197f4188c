import Library
import Kernel
import Records
import Status
import SyncEngine

// What must be equal when the world has been kind for long enough.
extension Oracle {
    static let copiedRoles = ["original", "sidecar", "pairedVideo", "alternate"]

    /// What is not yet as it must become; empty when all is well.
    func differences(_ devices: [SimulatedDevice], _ server: SimulatedServer) -> [String] {
        let records = server.listing()
        let assets = records.filter { $0.key.type.rawValue == "asset" && !$0.isDeleted }
        var all = differences(in: assets, server)
        for device in devices {
            all += filesNotSent(device, assets, server)
            all += filesNotHere(device, assets.filter { !$0.isTrashed })
            all += decisionsNotSent(device)
            all += albumDifferences(device, records)
            all += tomorrowDifferences(device, records)
            all += namesNotTaken(device, assets)
            all += previewDifferences(device, assets)
            all += statusDifferences(device)
        }
        return all
    }

    private func differences(in assets: [Record], _ server: SimulatedServer) -> [String] {
        var differences: [String] = []
        for asset in assets {
            for role in asset.blobs.keys.sorted() {
                guard let digest = asset.blobs[role]?.digest else { continue }
                if server.storedContent(digest)?.digest != digest {
                    world.violate("(1) the server lost \(role) \(digest) of \(asset.key.id).")
                }
            }
        }
        for digest in lostOriginals(server) {
            world.violate("(1) the server lost \(digest), which an asset named.")
        }
        let originals = assets.compactMap { $0.blobs["original"]?.digest }.sorted()
        for (one, next) in zip(originals, originals.dropFirst()) where one == next {
            differences.append("(3) two assets have the original \(one)")
        }
        return differences
    }

    /// A user's picture that no asset names.
    ///
    /// An asset has one sidecar: of two that differ, the server keeps the other for 30 days.
    private func filesNotSent(
        _ device: SimulatedDevice, _ assets: [Record], _ server: SimulatedServer
    ) -> [String] {
        // What a person deleted for good is known by what it was.
        let named = Set(assets.flatMap { $0.blobs.values.map(\.digest) } + digestsOfPurged)
        return device.disks.enumerated().flatMap { root, disk in
            disk.files().compactMap { path, node in
                let content = disk.nodes[node].content
                guard path.isImportable, content.byteCount > 0, !named.contains(content.digest)
                else { return nil }
                // An earlier revision of an asset: the server keeps it as such.
                if wasOriginal(content.digest), server.storedContent(content.digest) != nil {
                    return nil
                }
                if isBesideDeleted(path, disk, assets) { return nil }
                if wasSidecar(content.digest), server.storedContent(content.digest) != nil {
                    return nil
                }
                if sharesFate(path, of: root, on: device) { return nil }
                return "\(device.name): \(path) of root \(root) is on no server"
            }
        }
    }

    /// A sidecar whose picture is in Recently Deleted shares that fate (P9).
    private func isBesideDeleted(
        _ path: RelativePath, _ disk: SimulatedDisk, _ assets: [Record]
    ) -> Bool {
        guard SidecarName.stem(of: path.name) != nil else { return false }
        let deleted = Set(
            assets.filter(\.isTrashed).compactMap { $0.blobs["original"]?.digest })
        return disk.files().contains { other, node in
            other.parent == path.parent && deleted.contains(disk.nodes[node].content.digest)
        }
    }

    /// An asset whose bytes are not in a library that keeps them.
    private func filesNotHere(_ device: SimulatedDevice, _ assets: [Record]) -> [String] {
        let disk = device.library
        // What users write without syncing is theirs to lose; the engine's own files are not.
        var here: Set<Digest> = []
        for (path, node) in disk.files() where path.isImportable {
            guard disk.nodes[node].maker == .user || disk.isDurable(path) else { continue }
            here.insert(disk.nodes[node].content.digest)
        }
        return assets.filter { !$0.isTrashed && device.keeps($0.key.id) }.flatMap { asset in
            Self.copiedRoles.compactMap { role in
                guard let digest = asset.blobs[role]?.digest, !here.contains(digest) else {
                    return nil
                }
                return "\(device.name) lacks \(role) \(digest.text.prefix(8)) of \(asset.key.id)"
            }
        }
    }

    /// A start clears what an earlier process left half done.
    func checkLeftovers(_ device: SimulatedDevice) {
        let left = device.library.files(below: SimulatedDevice.incoming)
        if !left.isEmpty { world.violate("\(device.name) keeps \(left.count) temporary files.") }
    }

    private func statusDifferences(_ device: SimulatedDevice) -> [String] {
        // What only a newer Martlet may change waits for the upgrade, and says so.
        let awaitsUpgrade = device.rows.current.pendingChanges(after: nil, limit: .max).contains {
            device.rows.current.remote($0.key).map { isReadOnly($0.record, on: device) } ?? false
        }
        if device.runsOnce {
            guard device.outcome != .inSync, !awaitsUpgrade else { return [] }
            let outcome = device.outcome.map { "\($0)" } ?? "none"
            return ["\(device.name) ended with \(outcome)"]
        }
        guard let status = device.status() else { return ["\(device.name) does not run"] }
        guard !status.isAllDone || status.counts.waiting > 0 || status.counts.failed > 0
        else { return [] }
        if awaitsUpgrade, status.reasons.contains(where: { $0.code == .newerItem }) { return [] }
        let codes = status.reasons.map(\.code.rawValue).joined(separator: ", ")
        return ["\(device.name) says \(status.state) (\(codes)) \(status.counts)"]
    }

    /// Until a broken connection is noticed, 2 s; and 5 s to show it.
    private static let millisecondsToMissServer: Int64 = 7_000

    /// At any moment: the counts are a partition, and whatever is not in sync has a reason.
    func checkStatus(_ device: SimulatedDevice) {
        guard let status = device.status() else { return }
        world.counters.add(.reason, status.state.rawValue)
        device.said(status.state)
        if status.counts.held > 0 { sawHeld(device.heldList(), on: device) }
        if world.plantedBug == .holdHealedByDownload || world.plantedBug == .holdNotKept {
            device.forgetHold()
        }
        for reason in status.reasons { world.counters.add(.reason, reason.code.rawValue) }
        let counts = status.counts
        let parts =
            counts.inSync + counts.onlyHere + counts.onlyInCloud + counts.waiting
            + counts.uploading + counts.downloading + counts.failed + counts.held
        if parts != counts.items {
            world.violate("\(device.name): the counts are no partition: \(counts)")
        }
        let isBehind = counts.waiting + counts.uploading + counts.downloading + counts.failed > 0
        if isBehind, status.reasons.isEmpty, status.state == .upToDate {
            world.violate("\(device.name): items wait without a reason: \(counts)")
        }
        checkServerIsMissed(device, status)
        for reason in status.reasons {
            if reason.since > device.moment.wall, !world.faults.enabled.contains(.clockJump) {
                world.violate("\(device.name): \(reason.code) began in the future.")
            }
            if reason.code == .libraryRestored || reason.code == .deviceCloned {
                world.violate("\(device.name): \(reason.code), and nothing was restored or copied.")
            }
            if reason.message.isEmpty || reason.clearsWhen.isEmpty {
                world.violate("\(device.name): \(reason.code) has no words.")
            }
        }
    }

    /// A running device says that its server is gone, though it has nothing to ask.
    private func checkServerIsMissed(_ device: SimulatedDevice, _ status: LibraryStatus) {
        guard !device.runsOnce, let since = server?.downSince,
            world.now - max(since, device.onWaySince) > Self.millisecondsToMissServer
        else { return }
        let codes: Set<ReasonCode> = [
            .serverUnreachable, .serverDown, .signInNeeded, .offline, .captivePortal,
        ]
        if !status.reasons.contains(where: { codes.contains($0.code) }) {
            world.violate("\(device.name): the server is gone, and its status does not say so.")
        }
    }
}
