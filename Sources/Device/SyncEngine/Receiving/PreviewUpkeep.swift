import Library
import Records

// Previews that lie here, against what rows say of them and against the space that is left.
//
// - With each comparison their folders are listed, one after another: a preview that somebody
//   deleted loses its row, and so is wanted again. A listing that fails says nothing.
// - While the disk is under its reserve and no original can leave, previews give way, by the steps
//   of every removal: first those beside their original, then those not used for longest. None is
//   fetched before there is room again.

struct PreviewUpkeep: Sendable {
    /// Where the listing goes on; `nil`: all were listed.
    var nextFolder: Int?
    /// What rows have in the folder that is being listed.
    var listing: [RecordID]?
    /// Uptime of the reading of the disk by which previews gave way last.
    var spaceReadAt: Int64?
    /// Uptime when some were last taken away: what was read before says too little.
    var removedAt: Int64?

    var isListing: Bool { nextFolder != nil || listing != nil }
}

extension SyncEngine {
    // MARK: Deleted by hand

    mutating func advancePreviewListing(_ rows: any Rows) throws(RowsError) {
        guard let next = previews.upkeep.nextFolder, previews.upkeep.listing == nil else { return }
        let known = try rows.placedPreviews(from: next)
        guard let first = known.first else {
            previews.upkeep.nextFolder = nil
            return
        }
        let folder = PreviewName.folder(of: first)
        previews.upkeep.nextFolder = folder + 1
        previews.upkeep.listing = known
        perform(.listPreviews(folder: folder), .preview(.listed))
    }

    mutating func previewsListed(
        _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        guard let known = previews.upkeep.listing else { return }
        previews.upkeep.listing = nil
        guard case .success(.previews(let names)) = result, library.isTrusted else {
            // The disk may be away; the next comparison looks again.
            previews.upkeep.nextFolder = nil
            return
        }
        let here = Set(names.map(\.asset))
        for asset in known where !here.contains(asset) {
            // One that is on its way in or out is not somebody's deletion.
            guard try rows.preview(of: asset)?.isPlaced ?? false,
                !(previews.batch?.assets.contains(asset) ?? false)
            else { continue }
            try rows.removePreview(of: asset)
            previews.needPass()
        }
    }

    // MARK: Giving way

    /// What is to be taken away now, because the disk is under its reserve.
    mutating func previewsGivingWay(_ rows: any Rows) throws(RowsError) -> [RecordID] {
        guard let lack = reserveLack, let readAt = circumstances.readAt,
            readAt != previews.upkeep.spaceReadAt, readAt > previews.upkeep.removedAt ?? -1,
            readAt > evictions.endedAt ?? -1, evictions.batch == nil, !evictions.isFreeing
        else { return [] }
        previews.upkeep.spaceReadAt = readAt
        var (assets, byteCount) = ([RecordID](), Int64(0))
        for row in try rows.leastUsedPreviews(limit: Limits.previewsPerBatchMax) {
            guard byteCount < lack else { break }
            assets.append(row.asset)
            byteCount += row.byteCount
        }
        return assets
    }
}
