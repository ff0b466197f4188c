import Agent
import Library
import Records
import SyncEngine

/// Items as people name them on the command line: by a file's path, by id, or by digest.
enum PhotosItems {
    /// The assets that are meant, each once, in the order in which they were named.
    ///
    /// Throws for a name that means none.
    static func assets(named names: [String], _ rows: DatabaseRows) throws -> [RemoteRecord] {
        let lookup = try ItemLookup(rows)
        var found: [RemoteRecord] = []
        for name in names {
            guard let asset = try asset(named: name, lookup, rows) else {
                throw Complaint(
                    .incomplete, "unknownItem",
                    "\(name) is no item of this account's library that this device knows of.")
            }
            if !found.contains(where: { $0.record.key == asset.record.key }) {
                found.append(asset)
            }
        }
        return found
    }

    private static func asset(
        named name: String, _ lookup: ItemLookup, _ rows: DatabaseRows
    ) throws -> RemoteRecord? {
        for spelling in WhyCommand.names(of: name) {
            for subject in lookup.subjects(named: spelling) {
                if let asset = try asset(of: subject, rows), asset.record.isLiveAsset {
                    return asset
                }
            }
        }
        return nil
    }

    private static func asset(
        of subject: ItemSubject, _ rows: DatabaseRows
    ) throws -> RemoteRecord? {
        switch subject {
        case .asset(let id): return try rows.remote(RecordKey(type: .asset, id: id))
        case .digest(let digest):
            return try rows.assets(with: digest).first { $0.record.isLiveAsset }
        case .place(let place):
            guard let file = try rows.localFile(at: place) else { return nil }
            if let agreed = file.agreed {
                return try rows.remote(RecordKey(type: .asset, id: agreed.asset))
            }
            guard let digest = file.content?.digest else { return nil }
            return try rows.assets(with: digest).first { $0.record.isLiveAsset }
        }
    }
}
