import Library
package import Records

/// Names that other devices gave.
///
/// The part of `Rows` that finds them.
package protocol RenamingRows: AnyObject {
    /// Library files whose asset is live and has another name than when they were agreed on, ordered
    /// by place.
    func filesNamedOtherwise(after place: Place?, limit: Int) throws(RowsError) -> [LocalFile]
}

extension MemoryRows {
    package func filesNamedOtherwise(after place: Place?, limit: Int) -> [LocalFile] {
        current.files.page(after: place, limit: limit) { file in
            guard let agreed = file.agreed, file.place.root.isLibrary,
                let remote = remote(RecordKey(type: .asset, id: agreed.asset))
            else { return false }
            return remote.record.isNamedOtherwise(than: agreed.name)
        }
    }
}

extension Record {
    /// Byte for byte: names that only look the same are two.
    package func isNamedOtherwise(than name: String) -> Bool {
        guard isLiveAsset, let own = fields?["name"]?.string else { return false }
        return !own.utf8.elementsEqual(name.utf8)
    }
}
