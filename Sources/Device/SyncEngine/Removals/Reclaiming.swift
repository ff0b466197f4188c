import Library
import Records

// What was deleted elsewhere and is restored comes back from the local trash, without a download.

extension SyncEngine {
    mutating func reclaim(_ file: TrashedFile, for item: DownloadItem) {
        downloads.move(item.blob.digest, to: .copying, at: now)
        downloads.localWork += 1
        downloads.gate.pass()
        perform(
            .reclaim(file.name, file.stamp, item.blob.digest, to: item.temporary),
            .reclaim(item.blob.digest, file.name))
    }

    mutating func reclaimed(
        _ digest: Digest, _ name: AsideName, _ result: Result<DiskOutcome, DiskError>,
        _ rows: any Rows
    ) throws(RowsError) {
        downloads.localWork -= 1
        guard var item = downloads.items[digest] else { return }
        // Its row goes when the file has its place, which the row remembers.
        item.reclaimed = name
        downloads.items[digest] = item
        switch result {
        case .success:
            if item.isDistrusted { return writeAgain(item) }
            downloads.move(digest, to: .ready, at: now)
        case .failure(.notFound), .failure(.changed):
            // Taken in an earlier run, somebody else's by now, or not what it was after a power cut:
            // it stays where it is.
            downloads.move(digest, to: .queued, at: now)
        case .failure(let error):
            try failed(item, error, rows)
        }
    }
}
