import Library
import Records

// After a crash: what Martlet was about to do to files in their places is finished or put back, by
// looking at both places. Until then nothing else is moved.

extension SyncEngine {
    /// Locates the file of each intent that an earlier run left, once the library is there.
    mutating func advanceIntents(_ rows: any Rows) throws(RowsError) {
        guard !removals.isRecovered, removals.locating.isEmpty, canWriteToLibrary() else { return }
        guard removals.attempts.isDue(at: now) else { return }
        let intents = try rows.intents()
        guard !intents.isEmpty else {
            removals.isRecovered = true
            return removals.forgetFailures()
        }
        for intent in intents.prefix(Limits.removalsPerBatchMax) {
            removals.locating.insert(intent.place)
            perform(.locate(intent.place, intent.target), .locate(intent.place))
        }
    }

    mutating func located(
        _ place: Place, _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        removals.locating.remove(place)
        guard let intent = try rows.intent(at: place) else { return }
        switch result {
        case .success(.located(let atPlace, let elsewhere)):
            try finish(intent, atPlace: atPlace, elsewhere: elsewhere, rows)
        case .success: break
        case .failure(let error): removalsFailed(error)
        }
    }

    private mutating func finish(
        _ intent: Intent, atPlace: FileStamp?, elsewhere: FileStamp?, _ rows: any Rows
    ) throws(RowsError) {
        let isElsewhere = elsewhere?.isSameFile(as: intent.stamp) ?? false
        switch intent.kind {
        case .trash(let name, _):
            if isElsewhere, atPlace?.isSameFile(as: intent.stamp) ?? false {
                // A power cut kept the new name and not the loss of the old one: one file, twice.
                removals.locating.insert(intent.place)
                perform(.removeAside(name), .dropSecondName(intent.place))
            } else if isElsewhere {
                removals.locating.insert(intent.place)
                perform(.syncFolder(name.folder.place), .syncMoved(intent.place))
            } else {
                // Not moved, or lost with its name by the power cut: the server has its bytes.
                if atPlace == nil { try forgetMoved(intent.place, rows) }
                try withdraw(intent, rows)
            }
        case .leave(let name, _):
            try finishLeaving(
                intent, name, isAside: isElsewhere,
                isInPlace: atPlace?.isSameFile(as: intent.stamp) ?? false, isFree: atPlace == nil,
                rows)
        case .rename(let target):
            try finishRename(intent, to: target, atPlace: atPlace, elsewhere: elsewhere, rows)
            examine(target)
        }
    }

    /// The second name of a file is gone, or it is back in its place.
    mutating func putBack(
        _ place: Place, _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        removals.locating.remove(place)
        guard let intent = try rows.intent(at: place) else { return }
        if case .failure(let error) = result { return removalsFailed(error) }
        try withdraw(intent, rows)
    }

    mutating func movedSynced(
        _ place: Place, _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        removals.locating.remove(place)
        guard let intent = try rows.intent(at: place) else { return }
        if case .failure(let error) = result { return removalsFailed(error) }
        try trashed(intent, rows)
    }

    /// Nothing came of it: what lies at the place says what is next.
    mutating func withdraw(_ intent: Intent, _ rows: any Rows) throws(RowsError) {
        try rows.removeIntent(at: intent.place)
        removals.needPass()
        examine(intent.place)
    }

    /// A file that Martlet itself moved away loses its row, and nothing else follows.
    mutating func forgetMoved(_ place: Place, _ rows: any Rows) throws(RowsError) {
        let row = try rows.localFile(at: place)
        try rows.removeLocalFile(at: place)
        touch(place)
        clearTrouble(at: place)
        downloads.names[place.folder] = nil
        if let digest = row?.content?.digest, try rows.localFiles(with: digest).isEmpty {
            uploads.dropIfIdle(digest)
        }
    }
}
