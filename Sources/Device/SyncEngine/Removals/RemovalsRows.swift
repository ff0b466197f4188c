import Library
package import Records

/// Files that other devices removed or replaced: intents, the local trash, marks.
///
/// The part of `Rows` that keeps it.
package protocol RemovalsRows: AnyObject {
    /// What Martlet itself is doing to the file at `place`: it explains why it is missing there.
    func intent(at place: Place) throws(RowsError) -> Intent?
    /// All of them, ordered by place: those of the batches under way, so they are few.
    func intents() throws(RowsError) -> [Intent]
    /// Replaces an earlier one of the same place.
    func save(_ intent: Intent) throws(RowsError)
    func removeIntent(at place: Place) throws(RowsError)

    /// Library files whose agreement the server's records have left behind, ordered by place:
    /// their asset is deleted or in the trash, or none of its parts has the agreed bytes any more.
    /// An asset that was joined into another, or is not known, leaves nothing behind.
    func staleFiles(after place: Place?, limit: Int) throws(RowsError) -> [LocalFile]

    func trashedFile(_ name: AsideName) throws(RowsError) -> TrashedFile?
    /// Ordered by name.
    func trashedFiles(with digest: Digest) throws(RowsError) -> [TrashedFile]
    /// Ordered by name.
    func trashedFiles(of asset: RecordID) throws(RowsError) -> [TrashedFile]
    /// Those whose asset is behind a tombstone, ordered by name.
    func trashedFilesToPurge(limit: Int) throws(RowsError) -> [TrashedFile]
    func save(_ file: TrashedFile) throws(RowsError)
    func removeTrashedFile(_ name: AsideName) throws(RowsError)

    func markGenerations() throws(RowsError) -> MarkGenerations
    func save(_ generations: MarkGenerations) throws(RowsError)
    /// The generation of the restored library that the user took for good.
    func acceptedGeneration() throws(RowsError) -> Int64?
    func acceptGeneration(_ generation: Int64) throws(RowsError)

    /// Ids of this device's latest runs, the present one last; at most `Limits.runsKeptMax`.
    func runs() throws(RowsError) -> [UInt64]
    func addRun(_ run: UInt64) throws(RowsError)
}

/// What the library's mark may say.
package struct MarkGenerations: Hashable, Sendable {
    /// Known to be on the disk.
    package var written: Int64
    /// May be there as well.
    package var announced: Int64?

    package init(written: Int64, announced: Int64?) {
        self.written = written
        self.announced = announced
    }
}

/// The same in memory.
struct MemoryRemovals: Sendable {
    var announced: Int64?
    var accepted: Int64?
    var runs: [UInt64] = []
    var intents: [Place: Intent] = [:]
    var trash: [AsideName: TrashedFile] = [:]
}

extension MemoryRows.Snapshot {
    package func intent(at place: Place) -> Intent? { removals.intents[place] }
}

extension MemoryRows {
    package func intent(at place: Place) -> Intent? { current.removals.intents[place] }

    package func intents() -> [Intent] {
        current.removals.intents.values.sorted { $0.place < $1.place }
    }

    package func save(_ intent: Intent) { current.removals.intents[intent.place] = intent }
    package func removeIntent(at place: Place) { current.removals.intents[place] = nil }

    package func staleFiles(after place: Place?, limit: Int) -> [LocalFile] {
        current.files.page(after: place, limit: limit) { file in
            guard let agreed = file.agreed, file.place.root.isLibrary,
                let remote = remote(RecordKey(type: .asset, id: agreed.asset))
            else { return false }
            return remote.record.leavesBehind(agreed.digest)
        }
    }

    package func trashedFile(_ name: AsideName) -> TrashedFile? { current.removals.trash[name] }

    package func trashedFiles(with digest: Digest) -> [TrashedFile] {
        trashedFiles { $0.agreed.digest == digest }
    }

    package func trashedFiles(of asset: RecordID) -> [TrashedFile] {
        trashedFiles { $0.agreed.asset == asset }
    }

    package func trashedFilesToPurge(limit: Int) -> [TrashedFile] {
        let purged = trashedFiles {
            remote(RecordKey(type: .asset, id: $0.agreed.asset))?.record.isPurged ?? false
        }
        return Array(purged.prefix(limit))
    }

    package func save(_ file: TrashedFile) { current.removals.trash[file.name] = file }
    package func removeTrashedFile(_ name: AsideName) { current.removals.trash[name] = nil }

    package func markGenerations() -> MarkGenerations {
        MarkGenerations(
            written: current.settings.markGeneration, announced: current.removals.announced)
    }

    package func save(_ generations: MarkGenerations) {
        current.settings.markGeneration = generations.written
        current.removals.announced = generations.announced
    }

    package func acceptedGeneration() -> Int64? { current.removals.accepted }
    package func acceptGeneration(_ generation: Int64) { current.removals.accepted = generation }

    package func runs() -> [UInt64] { current.removals.runs }

    package func addRun(_ run: UInt64) {
        current.removals.runs = (current.removals.runs + [run]).suffix(Limits.runsKeptMax)
    }

    /// Every row, ordered by name: for comparisons in tests.
    package var allTrashedFiles: [TrashedFile] { trashedFiles { _ in true } }

    private func trashedFiles(where isWanted: (TrashedFile) -> Bool) -> [TrashedFile] {
        current.removals.trash.values.filter(isWanted).sorted { $0.name < $1.name }
    }
}

extension Record {
    /// A tombstone; one that was joined into another asset lives on in that one.
    package var isPurged: Bool { isDeleted && joinedInto == nil }

    /// Whether a file that was agreed on with this digest is no part of this asset any more.
    package func leavesBehind(_ digest: Digest) -> Bool {
        if isLiveAsset { return !fileParts.contains { $0.blob.digest == digest } }
        return joinedInto == nil
    }
}
