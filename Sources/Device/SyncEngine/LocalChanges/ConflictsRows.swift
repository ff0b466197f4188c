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
        let copies = current.remotes.conflicted.filter { copy in
            asset.map { $0 == copy.value } ?? true
        }
        return copies.keys.sorted().prefix(limit).compactMap {
            remote(RecordKey(type: .asset, id: $0))
        }
    }
}

extension Record {
    /// What it is a conflicted copy of, until somebody answers.
    package var conflictsWith: RecordID? { fields.flatMap { AssetFields($0).conflictsWith } }
}
