import Library
package import Records
package import SyncEngine

extension DatabaseRows {
    /// Where an asset's original lies on this device: in the library, else in a source.
    package func originalPath(of asset: RecordID) throws(RowsError) -> String? {
        let record = try remote(RecordKey(type: .asset, id: asset))?.record
        guard let digest = record?.blob(.original)?.digest else { return nil }
        guard let place = try localFiles(with: digest).first?.place,
            let root = try storedRoots().first(where: { $0.id == place.root })
        else { return nil }
        return String(
            decoding: root.disk.path + [UInt8(ascii: "/")] + place.path.bytes, as: UTF8.self)
    }
}
