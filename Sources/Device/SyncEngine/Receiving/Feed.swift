import Library
import Records
import Status

// The zone's feed: what the server knows, page by page.

struct FeedReading: Sendable {
    var state = FeedState()
    /// The latest that the server's events or answers said.
    var knownHead: Int64?
    /// What `knownHead` was when the feed was asked last.
    var headWhenAsked: Int64?
    /// Committed before the feed was asked last: its end must have them.
    var awaited: [Digest] = []
    /// Asked for, whatever the head.
    var isNeeded = false
    var isReading = false
    /// The latest page was not the last: references may point to records not yet received.
    var isMidway = false
    /// Since a new epoch was found: what the list lacks is sent again.
    var restoredAt: Timestamp?
    /// A listing ended; records of earlier ones are being dropped.
    var isSweeping = false

    var isBehind: Bool {
        if isNeeded || !state.isComplete { return true }
        guard let knownHead, let token = state.token else { return false }
        return knownHead != token.sequence
    }

    /// The server said what its head is.
    mutating func heard(of head: Int64, _ token: ChangeToken?) {
        knownHead = head
        // As many commits as were read, and not the same: the server was put back, and went on.
        if let token, let read = state.token, read.sequence == token.sequence,
            read.stamp != token.stamp
        {
            isNeeded = true
        }
    }
}

extension SyncEngine {
    mutating func advanceFeed(_ rows: any Rows) throws(RowsError) {
        if feed.isSweeping { try sweep(rows) }
        guard feed.isBehind, !feed.isReading, !feed.isSweeping, allowsRequests || allowsRemoval
        else { return }
        // Our own commit's reply says more than the feed would: wait for it.
        if uploads.commitIsUnderWay, !feed.isNeeded, let head = feed.knownHead,
            let token = feed.state.token, feed.state.isComplete, head == token.sequence + 1
        {
            return
        }
        feed.isReading = true
        feed.isNeeded = false
        feed.headWhenAsked = feed.knownHead
        feed.awaited += uploads.committed
        uploads.committed = []
        send(.changes(after: feed.state.token), .changes(feed.state.listing))
    }

    mutating func take(_ page: ChangePage, _ rows: any Rows) throws(RowsError) {
        feed.isReading = false
        for record in page.records {
            try save(record, epoch: page.token.epoch, rows)
        }
        feed.state.token = page.token
        feed.isNeeded = feed.isNeeded || page.more
        feed.isMidway = page.more
        if !page.more {
            if !feed.state.isComplete {
                feed.state.isComplete = true
                feed.isSweeping = true
                openPass.isNeeded = true
            }
            // Unless something was heard meanwhile, this page's end is the head.
            if feed.knownHead == feed.headWhenAsked { feed.knownHead = page.token.sequence }
        }
        try rows.save(feed.state)
        if feed.isSweeping { try sweep(rows) }
        if !page.more {
            try settleCommitted(page.token)
            resumeUserChanges()
            settleLocalCommits()
        }
    }

    /// The feed was read to its end: what was committed before and isn't in it needs another look.
    private mutating func settleCommitted(_ token: ChangeToken) throws(RowsError) {
        // What was committed after the feed was asked may be in it all the same.
        let committed = feed.awaited.map { ($0, true) } + uploads.committed.map { ($0, false) }
        feed.awaited = []
        uploads.committed = []
        for (digest, isAwaited) in committed {
            guard let item = uploads.items[digest], case .committed(let base) = item.stage else {
                continue
            }
            if base.epoch == token.epoch, base.sequence <= token.sequence {
                uploads.fail(
                    digest, "the record changed meanwhile", resuming: .stored, at: now,
                    rule: retryRule)
            } else if isAwaited {
                // The server lost it again.
                uploads.move(digest, to: .unasked, at: now)
            } else {
                uploads.committed.append(digest)
            }
        }
    }

    /// The server's history is another than the one that was read: list again.
    ///
    /// What the list lacks is sent again; nothing is deleted.
    mutating func listAgain(_ rows: any Rows) throws(RowsError) {
        feed.isReading = false
        feed.restoredAt = feed.restoredAt ?? now.wall
        feed.knownHead = nil
        feed.state = FeedState(listing: feed.state.listing + 1)
        feed.isNeeded = true
        try rows.save(feed.state)
    }

    private mutating func sweep(_ rows: any Rows) throws(RowsError) {
        feed.isSweeping = true
        while true {
            let left = try rows.remotesNotListed(
                since: feed.state.listing, limit: Limits.openRowsPerPageMax)
            for remote in left {
                if remote.record.isDeleted, remote.record.joinedInto == nil {
                    // A first listing leaves tombstones out: what was deleted stays known.
                    var kept = remote
                    kept.listing = feed.state.listing
                    try rows.save(kept)
                } else if remote.record.isDeleted {
                    // Whether it is a part of another still, only the server can say: it is asked
                    // when the bytes are found here and no asset has them.
                    try rows.removeRemote(remote.record.key)
                } else {
                    try resend(lost: remote, rows)
                    try rows.removeRemote(remote.record.key)
                }
            }
            if left.count < Limits.openRowsPerPageMax { break }
        }
        feed.isSweeping = false
        feed.restoredAt = nil
        userChanges.pass()
        openPass.isNeeded = true
        downloads.isPassNeeded = true
        lookForPreviews()
    }

    /// Takes in the server's word on one record, unless a later one is known.
    mutating func save(
        _ record: Record, epoch: Epoch, _ rows: any Rows
    ) throws(RowsError) {
        let known = try rows.remote(record.key)
        let isBehind =
            known.map {
                $0.epoch == epoch && $0.record.envelope.sequence > record.envelope.sequence
            } ?? false
        // A list that was begun later has it as it was before: the server was put back, and what
        // could have told so was lost, or put back with it.
        if isBehind, known?.listing == feed.state.listing { return }
        try noteChange(of: known, to: record, rows)
        // What it named then may be what the server lost: then it is sent again.
        if let known, isBehind || known.epoch != epoch {
            try resend(known, over: record, rows)
            try rows.removeRemote(record.key)
        }
        let remote = RemoteRecord(record: record, epoch: epoch, listing: feed.state.listing)
        try rows.save(remote)
        resumeRename(of: record)
        notePreview(of: record)
        try seekPair(ofFacts: record, rows)
        guard record.key.type == .asset else { return }
        if let whole = record.joinedInto { try joined(into: whole, rows) }
        try noteRemoval(of: record, after: known, rows)
        guard record.isLiveAsset else {
            // A picture that sidecars wait for may have been its original.
            uploads.decideWaiting(at: now)
            return try forgetMissing(of: record.key.id, rows)
        }
        if !(known?.record.isLiveAsset ?? false) { reconsiderHeld() }
        try noteName(of: record, after: known?.record, rows)
        for (_, blob) in record.blobs.sorted(by: { $0.key < $1.key }) {
            uploads.dropIfIdle(blob.digest)
        }
        try agree(on: remote, rows)
        try seekPair(of: remote, rows)
        try wantDownload(of: remote, rows)
        if uploads.waitingForOriginalCount > 0 { try resumeSidecars(of: remote, rows) }
        if known.map({ !$0.record.isLiveAsset }) ?? false {
            try reopenSidecars(of: remote, rows)
        }
    }

    /// Restored from the trash: sidecars that were left out with it come back with it (P9).
    private mutating func reopenSidecars(
        of asset: RemoteRecord, _ rows: any Rows
    ) throws(RowsError) {
        guard let original = asset.record.blob(.original) else { return }
        for file in try rows.localFiles(with: original.digest) {
            for sidecar in try sidecars(beside: file.place, rows) {
                guard case .notIncluded(ReasonCode.deletedBefore.rawValue) = sidecar.state else {
                    continue
                }
                var row = sidecar
                row.state = .unread
                row.since = now.wall
                try rows.save(row)
                enqueueReading(row.place, row.stamp.byteCount)
            }
        }
    }
}

// MARK: - What is known of a digest

/// What the server's records say of some bytes.
enum Disposition {
    /// A part of this live asset.
    case live(RemoteRecord)
    /// In Recently Deleted, or behind a tombstone: not imported again by a scan.
    case deletedBefore(RemoteRecord)
    case absent
}

extension SyncEngine {
    func disposition(of digest: Digest, _ rows: any Rows) throws(RowsError) -> Disposition {
        guard let settings else { return .absent }
        var found = try rows.assets(with: digest)
        if found.isEmpty {
            let id = AssetIdentity.id(of: digest, idKey: settings.idKey)
            guard let remote = try rows.remote(RecordKey(type: .asset, id: id)) else {
                return .absent
            }
            try remember(digest, in: remote, rows)
            found = [remote]
        }
        if let live = found.first(where: { $0.record.isLiveAsset }) { return .live(live) }
        if let joined = found.first(where: { $0.record.joinedInto != nil }),
            let whole = joined.record.joinedInto
        {
            // It shares the fate of what it became a part of (P9).
            let asset = try rows.remote(RecordKey(type: .asset, id: whole))
            guard let asset, !asset.record.isLiveAsset else { return .live(asset ?? joined) }
            return .deletedBefore(asset)
        }
        return found.first.map { .deletedBefore($0) } ?? .absent
    }

    /// The asset's id, or the server, says that these bytes were its original once, though the record,
    /// a tombstone or an edited asset, no longer does: rows are to know it as well.
    func remember(
        _ digest: Digest, in remote: RemoteRecord, _ rows: any Rows
    ) throws(RowsError) {
        var earlier = remote
        earlier.record.fields = earlier.record.fields ?? [:]
        earlier.record.blobs[BlobRole.original.rawValue] = BlobReference(
            digest: digest, byteCount: 0, mediaType: "application/octet-stream")
        try rows.save(earlier)
        try rows.save(remote)
        // That is no edit, and has no time at which it ends.
        try rows.keep(EarlierContent(digest: digest, asset: remote.record.key.id))
    }

    /// Whether the library has a file with these bytes.
    func isInLibrary(_ digest: Digest, _ rows: any Rows) throws(RowsError) -> Bool {
        try rows.localFiles(with: digest).contains { $0.place.root.isLibrary }
    }
}
