import Library
package import Records
package import Status

// The states of all that is open, for lists: what rows alone can't tell.

extension SyncEngine {
    /// By item, as `status(of:)` has them; at most `Limits.openStatesMax` of each direction.
    package func openStates() -> [RecordID: ItemState] {
        guard let idKey = settings?.idKey else { return [:] }
        var states: [RecordID: ItemState] = [:]
        let canSend = allowsRequests && !uploads.gate.isClosed
        for digest in uploads.items.keys.sorted().prefix(Limits.openStatesMax) {
            guard let item = uploads.items[digest] else { continue }
            let id = AssetIdentity.id(of: digest, idKey: idKey)
            switch item.stage {
            case .unasked, .asking, .missing: states[id] = canSend ? .waiting : .onlyHere
            case .sending, .stored, .committing, .committed: states[id] = .uploading
            case .waitingForOriginal, .deferred: states[id] = .waiting
            case .waiting: states[id] = .failed
            }
        }
        let canReceive = allowsRequests && !downloads.gate.isClosed && library.isUsable
        for digest in downloads.items.keys.sorted().prefix(Limits.openStatesMax) {
            guard let item = downloads.items[digest] else { continue }
            switch item.stage {
            case .queued, .deferred: states[item.asset] = canReceive ? .waiting : .onlyInCloud
            case .waiting: states[item.asset] = .failed
            default: states[item.asset] = .downloading
            }
        }
        for aside in asides.list {
            guard case .bytes(let digest) = aside.key else { continue }
            states[AssetIdentity.id(of: digest, idKey: idKey)] = .failed
        }
        return states
    }
}
