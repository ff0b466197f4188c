import Library
package import Records

/// What the user decided about records: favorites, albums, trash, joins.
///
/// The part of `Rows` that keeps it.
package protocol UserChangesRows: AnyObject {
    func pendingChange(_ key: RecordKey) throws(RowsError) -> PendingChange?
    /// Ordered by key.
    func pendingChanges(after key: RecordKey?, limit: Int) throws(RowsError) -> [PendingChange]
    /// Replaces an earlier one of the same record.
    func save(_ change: PendingChange) throws(RowsError)
    func removePendingChange(_ key: RecordKey) throws(RowsError)

    /// Live records of type `facts` with this content identifier, ordered by key.
    func facts(withContentIdentifier identifier: String) throws(RowsError) -> [RemoteRecord]
    /// The records of type `membership` that say this asset is in an album, ordered by key.
    func memberships(of asset: RecordID) throws(RowsError) -> [RemoteRecord]
    /// Those that say what is in this album, ordered by key.
    func memberships(
        in album: RecordID, after id: RecordID?, limit: Int
    ) throws(RowsError) -> [RemoteRecord]
}

/// The same in memory.
struct MemoryUserChanges: Sendable {
    var pending: [RecordKey: PendingChange] = [:]
}

extension MemoryRows {
    package func pendingChange(_ key: RecordKey) -> PendingChange? {
        current.userChanges.pending[key]
    }

    package func pendingChanges(after key: RecordKey?, limit: Int) -> [PendingChange] {
        let wanted = current.userChanges.pending.values.filter { change in
            key.map { $0 < change.key } ?? true
        }
        return Array(wanted.sorted { $0.key < $1.key }.prefix(limit))
    }

    package func save(_ change: PendingChange) {
        current.userChanges.pending[change.key] = change
    }

    package func removePendingChange(_ key: RecordKey) {
        current.userChanges.pending[key] = nil
    }

    package func facts(withContentIdentifier identifier: String) -> [RemoteRecord] {
        current.remotes.sorted { $0.record.contentIdentifier == identifier }
    }

    package func memberships(of asset: RecordID) -> [RemoteRecord] {
        current.remotes.sorted { $0.record.membership?.asset == asset }
    }

    package func memberships(
        in album: RecordID, after id: RecordID?, limit: Int
    ) -> [RemoteRecord] {
        Array(
            current.remotes.sorted { remote in
                remote.record.membership?.album == album
                    && id.map { $0 < remote.record.key.id } ?? true
            }.prefix(limit))
    }

    /// How many live assets have something that the server has not heard.
    func pendingAssetCount() -> Int {
        current.userChanges.pending.values.count {
            $0.key.type == .asset && remote($0.key)?.record.isLiveAsset ?? false
        }
    }
}
