import Library
package import Records

// What an asset was made of once, between its first state and the one that it has now.
//
// - Bytes that an asset named count as across, since the server keeps what an edit replaced: the
//   first of each role as long as the asset, all others for `Limits.retainedDays`.
// - A day before it lets them go this device forgets that the asset named them: it knows no more
//   then than one that signs in today, and a file that still holds them is a picture of its own.
// - What was deleted is no reason to send it again (the trash, a tombstone): that is remembered.

/// A digest that an asset named before, and names no more.
package struct EarlierContent: Hashable, Sendable {
    package let digest: Digest
    package let asset: RecordID

    package init(digest: Digest, asset: RecordID) {
        self.digest = digest
        self.asset = asset
    }
}

/// The part of `Rows` that knows since when they are no longer named.
package protocol EarlierContentsRows: AnyObject {
    /// Those whose time as part of their asset was over at `time`, by when it ended (the
    /// `changedAt` of the record that no longer had them), then by digest and asset.
    func earlierContents(endedBy time: Timestamp, limit: Int) throws(RowsError) -> [EarlierContent]
    /// As if the asset had never named it: files that hold it are open, unless another asset names
    /// it or did.
    func forget(_ earlier: EarlierContent) throws(RowsError)
    /// It stays known, and is not listed before its asset's record is saved again.
    func keep(_ earlier: EarlierContent) throws(RowsError)
}

extension SyncEngine {
    /// Of so many at a time, each time that rows are looked through for what is open.
    private static let earlierContentsMax = 500

    mutating func forgetEarlierContents(_ rows: any Rows) throws(RowsError) {
        // A clock that is a month ahead is no reason.
        guard let reading = circumstances.reading else { return }
        let time = now.wall.adding(seconds: -max(reading.clockOffsetSeconds, -.max))
            .adding(milliseconds: -options.remembersEarlierMilliseconds)
        for earlier in try rows.earlierContents(endedBy: time, limit: Self.earlierContentsMax) {
            if try isStillAcross(earlier, rows) {
                try rows.keep(earlier)
            } else {
                try rows.forget(earlier)
            }
        }
    }

    private func isStillAcross(
        _ earlier: EarlierContent, _ rows: any Rows
    ) throws(RowsError) -> Bool {
        guard let settings,
            let asset = try rows.remote(RecordKey(type: .asset, id: earlier.asset)),
            asset.record.isLiveAsset,
            // Its first original.
            AssetIdentity.id(of: earlier.digest, idKey: settings.idKey) != earlier.asset
        else { return true }
        return try rows.localFiles(with: earlier.digest).contains { file in
            // A sidecar is nothing without its picture, which has another one; and a file that was
            // agreed on is about to become what the asset is now.
            if case .sidecar = file.state { return true }
            return file.agreed?.asset == earlier.asset
        }
    }
}

/// The same in memory.
struct MemoryEarlierContents: Sendable {
    private var endings: [EarlierContent: Timestamp] = [:]

    /// Of those that rows know of `asset`: which it names now.
    mutating func note(_ known: [Digest], of asset: Record) {
        let named = Set(asset.blobs.values.map(\.digest))
        for digest in known {
            let content = EarlierContent(digest: digest, asset: asset.key.id)
            if named.contains(digest) {
                endings[content] = nil
            } else {
                endings[content] = endings[content] ?? asset.envelope.changedAt
            }
        }
    }

    func contains(_ content: EarlierContent) -> Bool { endings[content] != nil }
    mutating func forget(_ content: EarlierContent) { endings[content] = nil }

    func ended(by time: Timestamp, limit: Int) -> [EarlierContent] {
        guard !endings.isEmpty else { return [] }
        return endings.filter { $0.value <= time }
            .sorted {
                ($0.value, $0.key.digest, $0.key.asset) < ($1.value, $1.key.digest, $1.key.asset)
            }
            .prefix(limit).map(\.key)
    }
}

extension MemoryRows {
    package func earlierContents(endedBy time: Timestamp, limit: Int) -> [EarlierContent] {
        current.remotes.earlier.ended(by: time, limit: limit)
    }

    package func forget(_ earlier: EarlierContent) { current.remotes.forget(earlier) }
    package func keep(_ earlier: EarlierContent) { current.remotes.keep(earlier) }
}
