import Library
package import Records

/// Optimize Storage: what the user chose, receipts, last use.
///
/// The part of `Rows` that keeps it.
package protocol OptimizingRows: AnyObject {
    func choice(for asset: RecordID) throws(RowsError) -> ItemChoice?
    /// Assets that it was chosen for, ordered by id.
    func assets(
        chosen choice: ItemChoice, after id: RecordID?, limit: Int
    ) throws(RowsError) -> [RecordID]
    /// `nil`: as without a choice.
    func choose(_ choice: ItemChoice?, for asset: RecordID) throws(RowsError)
    /// Forgets this choice of every asset.
    func removeChoices(_ choice: ItemChoice) throws(RowsError)

    /// Replaces an earlier one of the same digest.
    func save(_ receipt: StoredReceipt) throws(RowsError)
    func receipt(for digest: Digest) throws(RowsError) -> StoredReceipt?

    /// The user opened it.
    func noteUse(of asset: RecordID, at time: Timestamp) throws(RowsError)
    /// Assets with an agreed original in the library that nothing was chosen for, those first that
    /// were not used for longest: opened, imported or fetched.
    func leastUsedOriginals(limit: Int) throws(RowsError) -> [RecordID]
    /// Assets chosen for the cloud that have an agreed file in the library, ordered by id.
    func assetsToEvict(after id: RecordID?, limit: Int) throws(RowsError) -> [RecordID]
    /// Assets that have an agreed file in the library, ordered by id.
    func assetsInLibrary(after id: RecordID?, limit: Int) throws(RowsError) -> [RecordID]

    /// How many live assets that came to the server after `time` are not all here though this device
    /// had what it lacks: it asked for receipts. `nil`: since ever.
    func assetsLeft(since time: Timestamp?) throws(RowsError) -> Int

    /// Bytes to keep free on the library's disk with Optimize Storage; `nil`: as it is by default.
    func freeSpaceTarget() throws(RowsError) -> Int64?
    func save(freeSpaceTarget: Int64?) throws(RowsError)
}

/// The same in memory.
struct MemoryOptimizing: Sendable {
    var choices: [RecordID: ItemChoice] = [:]
    var receipts: [Digest: StoredReceipt] = [:]
    var uses: [RecordID: Timestamp] = [:]
    var freeSpaceTarget: Int64?
}

extension MemoryRows {
    package func choice(for asset: RecordID) -> ItemChoice? {
        current.optimizing.choices[asset]
    }

    package func assets(
        chosen choice: ItemChoice, after id: RecordID?, limit: Int
    ) -> [RecordID] {
        let chosen = current.optimizing.choices.filter { $0.value == choice }.keys.sorted()
        return Array(chosen.drop { asset in id.map { asset <= $0 } ?? false }.prefix(limit))
    }

    package func choose(_ choice: ItemChoice?, for asset: RecordID) {
        current.optimizing.choices[asset] = choice
    }

    package func removeChoices(_ choice: ItemChoice) {
        current.optimizing.choices = current.optimizing.choices.filter { $0.value != choice }
    }

    package func save(_ receipt: StoredReceipt) {
        current.optimizing.receipts[receipt.receipt.digest] = receipt
    }

    package func receipt(for digest: Digest) -> StoredReceipt? {
        current.optimizing.receipts[digest]
    }

    package func noteUse(of asset: RecordID, at time: Timestamp) {
        current.optimizing.uses[asset] = max(time, current.optimizing.uses[asset] ?? time)
    }

    package func leastUsedOriginals(limit: Int) -> [RecordID] {
        var used: [RecordID: Timestamp] = [:]
        for file in current.files.unordered where file.place.root.isLibrary {
            guard let agreed = file.agreed, agreed.role == .original,
                current.optimizing.choices[agreed.asset] == nil
            else { continue }
            let opened = current.optimizing.uses[agreed.asset] ?? file.since
            used[agreed.asset] = max(used[agreed.asset] ?? file.since, file.since, opened)
        }
        let ordered = used.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
        return Array(ordered.map(\.key).prefix(limit))
    }

    package func assetsToEvict(after id: RecordID?, limit: Int) -> [RecordID] {
        let here = assets(chosen: .inCloud, after: id, limit: .max).filter { asset in
            current.files.list(agreedFor: asset).contains { $0.place.root.isLibrary }
        }
        return Array(here.prefix(limit))
    }

    package func assetsInLibrary(after id: RecordID?, limit: Int) -> [RecordID] {
        let assets = current.files.unordered.filter { $0.place.root.isLibrary }
            .compactMap { $0.agreed?.asset }
        let after = Set(assets).filter { asset in id.map { $0 < asset } ?? true }
        return Array(after.sorted().prefix(limit))
    }

    package func assetsLeft(since time: Timestamp?) -> Int {
        current.remotes.liveAssets.count { asset in
            time.map { asset.remote.record.envelope.createdAt > $0 } ?? true
                && !asset.parts.allSatisfy { current.files.contains($0.digest) }
                && asset.parts.contains { current.optimizing.receipts[$0.digest] != nil }
        }
    }

    package func freeSpaceTarget() -> Int64? { current.optimizing.freeSpaceTarget }
    package func save(freeSpaceTarget: Int64?) {
        current.optimizing.freeSpaceTarget = freeSpaceTarget
    }

    /// Counts for the choices among assets that lack something here.
    func count(choicesInto statistics: inout RowStatistics) {
        for (id, choice) in current.optimizing.choices {
            guard let asset = remote(RecordKey(type: .asset, id: id)),
                asset.record.isLiveAsset
            else { continue }
            let parts = asset.record.fileParts
            let isHere = parts.allSatisfy { !current.files.list(with: $0.blob.digest).isEmpty }
            let byteCount = parts.reduce(Int64(0)) { sum, part in
                sum + (current.files.isInLibrary(part.blob.digest) ? 0 : part.blob.byteCount)
            }
            statistics.count(choice, isHere: isHere, byteCountLacking: byteCount)
        }
    }
}

extension RowStatistics {
    package mutating func count(
        _ choice: ItemChoice, isHere: Bool, byteCountLacking: Int64, assets: Int = 1
    ) {
        switch choice {
        case .inCloud:
            chosenInCloud += isHere ? 0 : assets
            byteCountChosenInCloud += byteCountLacking
        case .keepHere, .fetch:
            chosenHere += isHere ? 0 : assets
            byteCountChosenHere += byteCountLacking
        }
    }
}
