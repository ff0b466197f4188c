import Records

// Making all of the library's disk durable. A sync that fails may have dropped the pages of every
// file written before, and says so once: another one that runs at the same time says that all is
// well. So there is one at a time, and the next begins only when what the one before said has been
// taken in.

struct LibrarySync: Sendable {
    var isUnderWay = false
    /// What the next ones are for, in the order in which they were asked for.
    var waiting = Queue<DiskWork>()
}

extension SyncEngine {
    mutating func syncLibrary(for work: DiskWork) {
        guard !librarySync.isUnderWay else { return librarySync.waiting.append(work) }
        librarySync.isUnderWay = true
        perform(.syncLibrary, work)
    }

    /// The one that was under way has ended, and its result was taken in.
    mutating func librarySyncEnded() {
        librarySync.isUnderWay = false
        if let next = librarySync.waiting.popFirst() { syncLibrary(for: next) }
    }
}
