import Library
import Records

// Which originals are to be on this device: by the device's own rule, and by what the user chose for
// single items.

struct Optimizing: Sendable {
    /// The device's rule: originals stay in the cloud until asked for.
    var isOn = false
    /// Something was chosen for single items.
    var hasChoices = false

    /// Whether anything may be missing here that is to be here.
    var wantsOriginals: Bool { !isOn || hasChoices }
}

/// Some of the assets that may lack a part in the library.
struct WantedPage {
    let records: [RemoteRecord]
    let end: RecordID?
    let isLast: Bool
}

extension SyncEngine {
    mutating func readChoices(_ rows: any Rows) throws(RowsError) {
        optimizing.isOn = settings?.optimizesStorage ?? false
        optimizing.hasChoices = false
        for choice in ItemChoice.allCases {
            let some = try rows.assets(chosen: choice, after: nil, limit: 1)
            guard !some.isEmpty else { continue }
            optimizing.hasChoices = true
            if choice == .inCloud { evictions.isPassNeeded = true }
        }
    }

    /// Whether the asset's files belong into the library now.
    func isKept(_ asset: RecordID, _ rows: any Rows) throws(RowsError) -> Bool {
        if circumstances.service.isRemoving { return false }
        // One that was not started only answers questions.
        let isStarted = settings != nil
        let choice = optimizing.hasChoices || !isStarted ? try rows.choice(for: asset) : nil
        switch choice {
        case .keepHere, .fetch: return true
        case .inCloud: return false
        case nil: return try !(isStarted ? optimizing.isOn : rows.settings.optimizesStorage)
        }
    }

    /// Whether some live asset wants these bytes in the library.
    func isWanted(_ digest: Digest, _ rows: any Rows) throws(RowsError) -> Bool {
        for asset in try rows.assets(with: digest) where asset.record.isLiveAsset {
            if try isKept(asset.record.key.id, rows) { return true }
        }
        return false
    }

    func wantedAssets(
        after id: RecordID?, _ rows: any Rows
    ) throws(RowsError) -> WantedPage {
        let limit = Limits.openRowsPerPageMax
        guard optimizing.isOn else {
            let records = try rows.assetsNotInLibrary(after: id, limit: limit)
            return WantedPage(
                records: records, end: records.last?.record.key.id, isLast: records.count < limit)
        }
        var chosen: [RecordID] = []
        for choice in [ItemChoice.keepHere, .fetch] {
            chosen += try rows.assets(chosen: choice, after: id, limit: limit)
        }
        let page = chosen.sorted().prefix(limit)
        var records: [RemoteRecord] = []
        for id in page {
            guard let remote = try rows.remote(RecordKey(type: .asset, id: id)) else { continue }
            records.append(remote)
        }
        return WantedPage(records: records, end: page.last, isLast: page.count < limit)
    }

    /// What was asked for once is here: from now on it is like any other.
    mutating func fetched(_ remote: RemoteRecord, _ rows: any Rows) throws(RowsError) {
        guard optimizing.hasChoices, try rows.choice(for: remote.record.key.id) == .fetch else {
            return
        }
        for (_, blob) in remote.record.fileParts {
            guard try isInLibrary(blob.digest, rows) else { return }
        }
        try rows.choose(nil, for: remote.record.key.id)
        try readChoices(rows)
    }

    /// A file of the asset lies in the library: it may be to leave.
    mutating func noteAgreed(_ asset: RecordID, _ rows: any Rows) throws(RowsError) {
        guard optimizing.hasChoices, try rows.choice(for: asset) == .inCloud else { return }
        evictions.needPass()
    }
}
