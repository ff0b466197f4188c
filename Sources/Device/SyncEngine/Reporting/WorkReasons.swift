import Records
import Status

// Work on this device's files that failed and is tried again: no item counts as waiting for it, so
// that nothing else would say it.

extension SyncEngine {
    func workReasons(at moment: Moment) -> [Reason] {
        guard circumstances.service.isOn else { return [] }
        let removing =
            removals.isRecovered
            ? "taking away what was deleted or replaced elsewhere"
            : "finishing what an earlier run was moving"
        var work = [
            (removing, removals.attempts),
            ("giving files their new names", renaming.attempts),
        ]
        if !downloads.unsyncedFolders.isEmpty {
            work.append(("making new files durable", downloads.folderSyncs))
        }
        let commits = localChanges.commits.attempts
        for asset in commits.keys.sorted().prefix(Limits.itemReasonsMax) {
            guard let attempts = commits[asset] else { continue }
            work.append(("telling what happened to a picture here", attempts))
        }
        return work.compactMap { retrying($0, $1, at: moment) }
    }
}
