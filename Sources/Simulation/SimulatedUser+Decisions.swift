import Library
import Records
import SyncEngine

// What people decide about photos that the device knows of, beside their files.
extension SimulatedDevice {
    /// The user decides something about one of the photos that they see.
    func decide(_ decision: UserDecision, _ random: inout RandomStream) {
        let assets = rows.current.allRemotes.filter {
            $0.record.key.type == .asset && isShown($0.record, for: decision)
        }
        guard !assets.isEmpty else { return }
        let asset = assets[random.below(assets.count)].record
        let patch: RecordPatch
        switch decision {
        case .favorite:
            let value = !random.oneIn(4)
            patch = RecordPatch(set: ["favorite": value ? .bool(true) : .null])
        case .keywords:
            let words = ["a", "b", "c"]
            patch =
                random.oneIn(3)
                ? RecordPatch(removed: ["keywords": [random.pick(words)]])
                : RecordPatch(added: ["keywords": [random.pick(words)]])
        case .trash: patch = RecordPatch(trashed: true)
        case .restore: patch = RecordPatch(trashed: false)
        case .purge:
            return note(
                PendingChange(
                    key: asset.key, action: .purge(original: asset.blob(.original)?.digest),
                    madeAt: moment.wall))
        }
        note(PendingChange(key: asset.key, action: .patch(patch), madeAt: moment.wall))
    }

    private func isShown(_ record: Record, for decision: UserDecision) -> Bool {
        var seen = record
        if let pending = rows.current.pendingChange(record.key) {
            guard let patched = pending.applied(to: record) else { return false }
            seen = patched
        }
        guard !seen.isDeleted else { return false }
        switch decision {
        case .favorite, .keywords, .trash: return !seen.isTrashed
        case .restore, .purge: return seen.isTrashed
        }
    }

    /// As a command does it: on the disk before it says so, then the agent is told.
    func note(_ change: PendingChange) {
        world.note("\(name) decides \(change)")
        do {
            try rows.transaction { (rows) throws(RowsError) in try rows.note(change) }
        } catch {
            world.violate("\(name) cannot note what its user decided: \(error.message)")
        }
        rows.syncAll()
        oracle.decided(change)
        if isRunning { tell(.command(.userDecided), kind: "command") }
    }
}

enum UserDecision: String, CaseIterable {
    case favorite, keywords, trash, restore, purge
}
