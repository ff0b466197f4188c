import Library
package import Records

/// A preview that the server has and this device lacks.
package struct WantedPreview: Hashable, Sendable {
    package let asset: RecordID
    /// The original that it was made of.
    package let madeOf: Digest
    package let digest: Digest
    package let byteCount: Int64
    /// The newest are fetched first.
    package let shownAt: Timestamp

    package init(
        asset: RecordID, madeOf: Digest, digest: Digest, byteCount: Int64, shownAt: Timestamp
    ) {
        self.asset = asset
        self.madeOf = madeOf
        self.digest = digest
        self.byteCount = byteCount
        self.shownAt = shownAt
    }
}

/// A preview in the library's `.martlet/previews/`, or on its way there or away.
package struct PreviewRow: Hashable, Sendable {
    package let asset: RecordID
    package let madeOf: Digest
    package let digest: Digest
    package let byteCount: Int64
    /// Its name is durable; else nobody knows what lies there.
    package var isPlaced: Bool

    package init(
        asset: RecordID, madeOf: Digest, digest: Digest, byteCount: Int64, isPlaced: Bool
    ) {
        self.asset = asset
        self.madeOf = madeOf
        self.digest = digest
        self.byteCount = byteCount
        self.isPlaced = isPlaced
    }
}

/// Previews: those that are wanted, and those that lie here.
///
/// The part of `Rows` that keeps them.
package protocol PreviewsRows: AnyObject {
    /// Previews of live assets whose original lies nowhere on this device, made by the server of
    /// that very original and not placed here; by `shownAt`, the newest first, then by asset.
    func previewsWanted(
        after last: WantedPreview?, limit: Int
    ) throws(RowsError) -> [WantedPreview]
    /// The same of one asset.
    func wantedPreview(of asset: RecordID) throws(RowsError) -> WantedPreview?

    func preview(of asset: RecordID) throws(RowsError) -> PreviewRow?
    func save(_ preview: PreviewRow) throws(RowsError)
    func removePreview(of asset: RecordID) throws(RowsError)
    /// Those of which nobody needs the file: not placed, or of an asset that is gone for good; if
    /// the device `keepsOriginals`, also those whose original lies in the library, first of all.
    /// Then by asset.
    func previewsToRemove(
        keepsOriginals: Bool, limit: Int
    ) throws(RowsError) -> [PreviewRow]
    /// Placed ones, ordered by asset: all of the first folder (`PreviewName.folder`), from this one
    /// on, that has any.
    func placedPreviews(from folder: Int) throws(RowsError) -> [RecordID]
    /// Placed ones of assets that are not gone: first those whose original lies in the library, then
    /// those whose asset was not opened for longest, never before ever; then by the time that
    /// `shownAt` is, the oldest first, and by asset.
    func leastUsedPreviews(limit: Int) throws(RowsError) -> [PreviewRow]
}

/// The same in memory.
struct MemoryPreviews: Sendable {
    var byAsset: [RecordID: PreviewRow] = [:]
}

extension MemoryRows {
    package func previewsWanted(after last: WantedPreview?, limit: Int) -> [WantedPreview] {
        var wanted = current.remotes.rendered.compactMap(wantedPreview)
        wanted.sort { (-$0.shownAt.milliseconds, $0.asset) < (-$1.shownAt.milliseconds, $1.asset) }
        guard let last else { return Array(wanted.prefix(limit)) }
        let rest = wanted.drop {
            (-$0.shownAt.milliseconds, $0.asset) <= (-last.shownAt.milliseconds, last.asset)
        }
        return Array(rest.prefix(limit))
    }

    package func wantedPreview(of asset: RecordID) -> WantedPreview? {
        guard let original = current.remotes.original(of: asset),
            // Most often it is here.
            !current.files.contains(original),
            let made = current.remotes.madePreview(of: asset), made.of == original,
            let fileTime = current.remotes.fileTime(of: asset)
        else { return nil }
        let here = current.previews.byAsset[asset]
        if let here, here.isPlaced, here.madeOf == original, here.digest == made.preview.digest {
            return nil
        }
        return WantedPreview(
            asset: asset, madeOf: original, digest: made.preview.digest,
            byteCount: made.preview.byteCount,
            shownAt: fileTime)
    }

    package func preview(of asset: RecordID) -> PreviewRow? { current.previews.byAsset[asset] }
    package func save(_ preview: PreviewRow) { current.previews.byAsset[preview.asset] = preview }
    package func removePreview(of asset: RecordID) { current.previews.byAsset[asset] = nil }

    package func previewsToRemove(keepsOriginals: Bool, limit: Int) -> [PreviewRow] {
        var removable: [(standing: Int, row: PreviewRow)] = []
        for row in current.previews.byAsset.values {
            let asset = remote(RecordKey(type: .asset, id: row.asset))?.record
            let original = (asset?.isLiveAsset ?? false) ? asset?.blob(.original)?.digest : nil
            if !row.isPlaced || asset?.isDeleted ?? true {
                removable.append((2, row))
            } else if keepsOriginals, let original, current.files.isInLibrary(original) {
                removable.append((1, row))
            }
        }
        removable.sort { ($0.standing, $0.row.asset) < ($1.standing, $1.row.asset) }
        return removable.prefix(limit).map(\.row)
    }

    package func placedPreviews(from folder: Int) -> [RecordID] {
        let placed = current.previews.byAsset.values
            .filter { $0.isPlaced && PreviewName.folder(of: $0.asset) >= folder }
            .map(\.asset).sorted()
        guard let first = placed.first.map(PreviewName.folder(of:)) else { return [] }
        return Array(placed.prefix { PreviewName.folder(of: $0) == first })
    }

    package func leastUsedPreviews(limit: Int) -> [PreviewRow] {
        typealias Order = (Int, Int64, Int64, RecordID)
        var here: [(order: Order, row: PreviewRow)] = []
        for row in current.previews.byAsset.values where row.isPlaced {
            guard let asset = remote(RecordKey(type: .asset, id: row.asset))?.record,
                let fields = asset.fields
            else { continue }
            let original = asset.isLiveAsset ? asset.blob(.original)?.digest : nil
            let isBeside = original.map(current.files.isInLibrary) ?? false
            let usedAt = current.optimizing.uses[row.asset]?.milliseconds ?? 0
            let shownAt = AssetFields(fields).fileTime.milliseconds
            here.append(((isBeside ? 0 : 1, usedAt, shownAt, row.asset), row))
        }
        return here.sorted { $0.order < $1.order }.prefix(limit).map(\.row)
    }

    /// Every row, ordered by asset: for comparisons in tests.
    package var allPreviews: [PreviewRow] {
        current.previews.byAsset.values.sorted { $0.asset < $1.asset }
    }
}
