import Records
import SyncEngine

/// What can still be read from a damaged database, and nothing else knows: who the device is, its
/// sources, and what its user chose and decided.
///
/// What files there are is found by looking, and what the server has by asking: a new database
/// matches both by content, so nothing is sent or fetched again, and without a base nothing counts
/// as deleted (P4).
struct DatabaseSalvage: Sendable {
    let settings: DeviceSettings?
    let sources: [StoredRoot]
    let choices: [RecordID: ItemChoice]
    let freeSpaceTarget: Int64?
    let pause: Pause?
    let photosService: ServiceState
    /// What the server has not heard yet.
    let decisions: [PendingChange]
    /// Files in `.martlet/trash/`: what the user did not want lies nowhere else.
    let trashed: [TrashedFile]

    init(_ path: String) {
        let rows = try? DatabaseRows(salvaging: path)
        settings = try? rows?.settings
        sources = ((try? rows?.storedRoots()) ?? []).filter { !$0.id.isLibrary }
        choices = rows.map(Self.choices) ?? [:]
        freeSpaceTarget = (try? rows?.freeSpaceTarget()) ?? nil
        pause = (try? rows?.pause()) ?? nil
        photosService = (try? rows?.photosService()) ?? .on
        decisions = (try? rows?.pendingChanges(after: nil, limit: .max)) ?? []
        trashed = (try? rows?.allTrashedFiles()) ?? []
    }

    private static func choices(_ rows: DatabaseRows) -> [RecordID: ItemChoice] {
        var choices: [RecordID: ItemChoice] = [:]
        for choice in [ItemChoice.keepHere, .inCloud, .fetch] {
            for asset in (try? rows.assets(chosen: choice, after: nil, limit: .max)) ?? [] {
                choices[asset] = choice
            }
        }
        return choices
    }

    /// Puts what was read into a new database, within its transaction.
    func restore(into rows: DatabaseRows) throws(RowsError) {
        for root in sources { try rows.save(root) }
        for (asset, choice) in choices { try rows.choose(choice, for: asset) }
        if let freeSpaceTarget { try rows.save(freeSpaceTarget: freeSpaceTarget) }
        if let pause { try rows.save(pause: pause) }
        if photosService != .on { try rows.save(photosService: photosService) }
        for decision in decisions { try rows.save(decision) }
        for file in trashed { try rows.save(file) }
    }
}
