import SyncEngine

/// What can still be read from a damaged database, and nothing else knows: who the device is, and
/// its sources.
///
/// What files there are is found by looking, and what the server has by asking: a new database
/// matches both by content, so nothing is sent or fetched again, and without a base nothing counts
/// as deleted (P4).
struct DatabaseSalvage: Sendable {
    let settings: DeviceSettings?
    let sources: [StoredRoot]

    init(_ path: String) {
        let rows = try? DatabaseRows(salvaging: path)
        settings = try? rows?.settings
        sources = ((try? rows?.storedRoots()) ?? []).filter { !$0.id.isLibrary }
    }
}
