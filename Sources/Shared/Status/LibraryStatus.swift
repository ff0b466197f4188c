package import Records

/// What a device is doing, in one word, in the order of rank, highest last.
package enum LibraryState: String, Sendable, Codable, CaseIterable {
    case upToDate, updating, syncing, downloading, uploading, waiting, paused, attention
}

/// Why something is not in sync: its code, the evidence, and what clears it (P6).
package struct Reason: Hashable, Sendable, Codable {
    package let code: ReasonCode
    /// A sentence with the evidence in it.
    package let message: String
    package let since: Timestamp
    package let clearsWhen: String
    /// What the user is told to do; `nil` when there is nothing to do.
    package let fix: String?

    package init(
        code: ReasonCode, message: String, since: Timestamp, clearsWhen: String, fix: String?
    ) {
        self.code = code
        self.message = message
        self.since = since
        self.clearsWhen = clearsWhen
        self.fix = fix
    }
}

/// Items, and a partition of them.
package struct ItemCounts: Hashable, Sendable, Codable {
    package var items = 0
    package var inSync = 0
    package var onlyHere = 0
    package var onlyInCloud = 0
    package var waiting = 0
    package var uploading = 0
    package var downloading = 0
    package var failed = 0
    package var held = 0

    package init() {}
}

/// Bytes still to move and moved since the start, and the measured rate.
package struct ByteCounts: Hashable, Sendable, Codable {
    package var toUpload: Int64 = 0
    package var uploaded: Int64 = 0
    package var toDownload: Int64 = 0
    package var downloaded: Int64 = 0
    package var perSecond: Int64 = 0

    package init() {}
}

/// One device's library at a glance: `status --json`, and what a device reports to the server.
package struct LibraryStatus: Hashable, Sendable, Codable {
    package var state: LibraryState
    package var reasons: [Reason]
    package var counts: ItemCounts
    package var bytes: ByteCounts
    package var secondsLeft: Int64?

    package init(
        state: LibraryState, reasons: [Reason] = [], counts: ItemCounts = ItemCounts(),
        bytes: ByteCounts = ByteCounts(), secondsLeft: Int64? = nil
    ) {
        self.state = state
        self.reasons = reasons
        self.counts = counts
        self.bytes = bytes
        self.secondsLeft = secondsLeft
    }
}

extension LibraryStatus {
    /// Whether nothing is left to do for a sync: versions that stand side by side are on all
    /// devices, and a backup that is to be made, wait for a person alone.
    package var isAllDone: Bool {
        guard state == .attention else { return state == .upToDate }
        let isSettled = reasons.allSatisfy { reason in
            reason.code == .conflict || reason.code == .lastCopy
                || ReasonTable.rule(of: reason.code)?.state ?? .upToDate == .upToDate
        }
        return isSettled && counts.inSync + counts.onlyInCloud == counts.items
    }
}
