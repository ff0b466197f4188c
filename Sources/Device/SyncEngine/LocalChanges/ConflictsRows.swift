import Library
package import Records

/// Pictures that were changed on two devices.
///
/// The part of `Rows` that finds them.
package protocol ConflictsRows: AnyObject {
    /// Live assets that name this one as what they are a conflicted copy of, or any one, ordered by
    /// id.
    func conflictedCopies(of asset: RecordID?, limit: Int) throws(RowsError) -> [RemoteRecord]
}

extension MemoryRows {
    package func conflictedCopies(of asset: RecordID?, limit: Int) -> [RemoteRecord] {
        current.remotes.assets(after: nil, limit: limit) { remote in
            guard let other = remote.record.conflictsWith else { return false }
            return asset.map { $0 == other } ?? true
        }
    }
}

extension Record {
    /// What it is a conflicted copy of, until somebody answers.
    package var conflictsWith: RecordID? { fields.flatMap { AssetFields($0).conflictsWith } }
}
