import Library
import Records

// What an earlier run left in `.martlet/incoming/`: a download goes on where it stopped.
//
// A disk without a journal of names may keep both names of a move through a power cut: what was left
// is then a file of the library, perhaps by a name that its user gave it since and nobody has read
// yet. So nothing is ever written into a leftover: a copy takes its name, and that is gone on with.

extension SyncEngine {
    mutating func temporariesListed(
        _ result: Result<DiskOutcome, DiskError>, _ rows: any Rows
    ) throws(RowsError) {
        downloads.hasTemporaries = true
        guard case .success(.temporaries(let names)) = result else {
            downloads.listsTemporariesAgain = true
            return
        }
        downloads.knowsLeftovers = true
        for name in names.sorted() {
            // What may be gone on with stays: a download of it resumes where it stopped.
            if let digest = try? Digest(parsing: name.text),
                try isWanted(digest, rows), try !isInLibrary(digest, rows)
            {
                downloads.leftovers.insert(name)
                continue
            }
            removeTemporary(name)
        }
    }

    /// All that is wanted is known by now: the library had the others after all.
    mutating func removeUnwantedLeftovers() {
        for name in downloads.leftovers.sorted() {
            if let digest = try? Digest(parsing: name.text), downloads.items[digest] != nil {
                continue
            }
            downloads.leftovers.remove(name)
            removeTemporary(name)
        }
    }

    /// Whether an earlier run may have left this item's temporary file.
    func mayBeLeftover(_ item: DownloadItem) -> Bool {
        downloads.leftovers.contains(item.temporary)
            || !downloads.knowsLeftovers && !item.hasTemporary
    }

    mutating func renew(_ item: DownloadItem) {
        let digest = item.blob.digest
        downloads.leftovers.remove(item.temporary)
        downloads.move(digest, to: .copying, at: now)
        downloads.localWork += 1
        downloads.gate.pass()
        perform(.renew(item.temporary), .renew(digest))
    }

    /// Where it could not be copied, its download begins anew: that meets the disk's fault, if there
    /// is one.
    mutating func renewed(_ digest: Digest, _ result: Result<DiskOutcome, DiskError>) {
        downloads.localWork -= 1
        guard let item = downloads.items[digest] else { return }
        if item.isDistrusted { return writeAgain(item) }
        if case .failure(let error) = result, error != .notFound { startAnew(item) }
        downloads.move(digest, to: .queued, at: now)
    }
}
