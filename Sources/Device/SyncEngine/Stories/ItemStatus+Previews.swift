import Library
package import Records
import Status

// What can be seen of a picture whose original is not here.

/// How it is with a picture's preview on this device, in the words of its reason.
enum PreviewStanding: String {
    case here = "a preview here"
    case onItsWay = "its preview is on its way"
    case failing = "its preview could not be fetched yet"
    case withoutSpace = "there is no space for its preview"
    /// The server makes it as soon as it can.
    case notMade = "its preview is not made yet"
    /// What the file is can't be shown.
    case none = "and has no preview"
    /// Another part of it is what lacks.
    case notNeeded = "and here too"
}

extension ItemEvidence {
    func preview(of asset: Record) throws(RowsError) -> PreviewStanding {
        let id = asset.key.id
        guard let original = asset.blob(.original) else { return .none }
        guard try rows.localFiles(with: original.digest).isEmpty else { return .notNeeded }
        if try rows.shownPreview(of: asset) != nil { return .here }
        if let item = engine.previews.items[id], item.stage == .waiting { return .failing }
        if let wanted = try rows.wantedPreview(of: id) {
            return engine.hasRoom(for: wanted) ? .onItsWay : .withoutSpace
        }
        let key = RecordKey(type: .rendering, id: id)
        guard original.isMedia else { return .none }
        guard let rendering = try rows.remote(key)?.record, let fields = rendering.fields,
            fields["of"]?.string == original.digest.text
        else { return .notMade }
        return fields["problem"] == nil ? .notMade : .none
    }

    /// The original is to be here, and until then its preview is what there is.
    func previewOnly(_ state: ItemState, since: Timestamp) -> Reason {
        let original =
            switch state {
            case .downloading, .waiting: "is on its way"
            default: "can't be fetched now"
            }
        return Reason(.previewOnly, ["original": original], since: since)
    }
}

extension PreviewsRows {
    /// The preview that lies here, if it was made of the asset's present original.
    package func shownPreview(of asset: Record) throws(RowsError) -> PreviewRow? {
        guard let row = try preview(of: asset.key.id), row.isPlaced,
            row.madeOf == asset.blob(.original)?.digest
        else { return nil }
        return row
    }
}
