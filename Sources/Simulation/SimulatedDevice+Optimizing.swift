import Library
import Records
import SyncEngine

// Optimize Storage: what the user chooses, and what must be true when an original is unlinked (P2).
extension SimulatedDevice {
    /// The user says something about one of the items that this device knows of.
    func choose(_ choice: ItemChoice?, at index: Int) {
        let assets = rows.current.allRemotes.filter(\.record.isLiveAsset)
        guard !assets.isEmpty else { return }
        let asset = assets[index % assets.count].record.key.id
        do {
            try rows.transaction { rows throws(RowsError) in rows.choose(choice, for: asset) }
        } catch {
            world.violate("\(name) cannot choose: \(error.message)")
        }
        chosen.insert(asset)
        tell(.command(.choicesChanged), kind: "command")
    }

    func wasChosen(_ digest: Digest) -> Bool {
        rows.current.assets(with: digest).contains { chosen.contains($0.record.key.id) }
    }

    func giveUp(_ name: AsideName, _ stamp: FileStamp) throws(DiskError) {
        let path = Self.path(of: name)
        guard let node = library.node(at: path) else { throw .notFound }
        guard library.stamp(of: node).isSameFile(as: stamp),
            !library.openForWriting.contains(node)
        else { throw .changed }
        checkMayLeave(library.nodes[node].content.digest, name)
        try disks[0].remove(path)
        world.counters.add(.effect, "original left")
    }

    /// The engine asks for an original to be unlinked: what it knows of that asset now.
    func noteParts(at name: AsideName) {
        let intent = rows.current.intents().first { $0.aside == name }
        let asset = intent?.agreed.flatMap {
            rows.current.remote(RecordKey(type: .asset, id: $0.asset))
        }
        partsLeaving[name] = Set(asset?.record.blobs.values.map(\.digest) ?? [])
    }

    /// Receipts for every part that the device knew of when it began, of the epoch that it knows, at
    /// most an hour old; and the server does have the bytes, unless it was restored since.
    private func checkMayLeave(_ digest: Digest, _ name: AsideName) {
        guard let intent = rows.current.intents().first(where: { $0.aside == name }),
            case .leave(_, let receipts) = intent.kind, let agreed = intent.agreed
        else { return world.violate("\(self.name): \(name.text) leaves without an intent.") }
        if agreed.digest != digest {
            world.violate("\(self.name): other bytes than were agreed on leave: \(intent.place)")
        }
        let asset = rows.current.remote(RecordKey(type: .asset, id: agreed.asset))
        var blobs = asset?.record.blobs.values.map { $0 } ?? []
        // It became a part of another asset after it had been moved aside.
        if let whole = asset?.record.joinedInto {
            let parts = rows.current.remote(RecordKey(type: .asset, id: whole))?.record.blobs
            blobs = parts?.values.filter { $0.digest == digest } ?? []
        }
        for blob in blobs where partsLeaving[name]?.contains(blob.digest) ?? true {
            guard receipts.contains(blob.digest),
                let stored = rows.current.receipt(for: blob.digest),
                stored.receipt.epoch == rows.current.feed().token?.epoch
            else {
                world.violate("(P2) \(self.name) gives up \(intent.place) without a receipt.")
                continue
            }
            if !oracle.wasReceipted(blob.digest) {
                world.violate("(P2) \(self.name) gives up \(intent.place), never read back.")
            }
            let age = moment.wall.milliseconds - stored.askedAt.milliseconds
            if age > Limits.receiptAgeMaxSeconds * 1_000,
                !world.faults.enabled.contains(.clockJump)
            {
                world.violate("(P2) \(self.name) gives up \(intent.place) by an old receipt.")
            }
        }
        if blobs.isEmpty { world.violate("(P2) \(self.name) gives up what no record names.") }
    }

    /// Moved aside, on its way out.
    func isLeaving(_ node: Int, in root: Int) -> Bool {
        guard root == 0, let folder = library.node(at: Self.leaving) else { return false }
        return library.nodes[folder].entries.values.contains { $0.node == node }
    }

    /// Whether the asset's files belong into this library.
    func keeps(_ asset: RecordID) -> Bool {
        switch rows.current.choice(for: asset) {
        case .keepHere, .fetch: true
        case .inCloud: false
        case nil: !settings.optimizesStorage
        }
    }
}
