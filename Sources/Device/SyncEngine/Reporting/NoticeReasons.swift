import Records
import Status

// What only the server knows, as it said with the last report.

extension SyncEngine {
    func noticeReasons(at moment: Moment) -> [Reason] {
        guard let notice = reporting.notice else { return fullReasons(nil) }
        var reasons = fullReasons(notice)
        if let since = notice.clockSuspectSince {
            reasons.append(Reason(.serverClockSuspect, since: since))
        }
        if let backup = notice.backup, reporting.lastCopies > 0 {
            reasons.append(
                Reason(
                    .lastCopy,
                    [
                        "items": EvidenceText.items(reporting.lastCopies),
                        "backup": backup.madeAt.map(EvidenceText.time) ?? "there is none",
                    ], since: reporting.lastCopiesSince ?? moment.wall))
        }
        for trouble in notice.troubles {
            reasons.append(
                Reason(
                    .serverDegraded,
                    ["service": trouble.service, "trouble": trouble.words], since: trouble.since))
        }
        if VersionText.isNewer(notice.version, than: options.version) {
            reasons.append(
                Reason(
                    .updateAvailable,
                    [
                        "side": "The server", "newer": notice.version,
                        "version": options.version,
                    ], since: reporting.noticeSince ?? moment.wall))
        }
        return reasons
    }

    private func fullReasons(_ notice: ServerNotice?) -> [Reason] {
        let quota = notice?.quotaByteCount
        if uploads.gate.failure == .accountFull, let since = uploads.gate.since {
            var evidence = [
                "owner": QuotaWarning.owner(sharedWith: notice?.sharedWith ?? [])
            ]
            if let notice { evidence["used"] = EvidenceText.bytes(notice.usedByteCount) }
            if let quota { evidence["quota"] = EvidenceText.bytes(quota) }
            return [Reason(.accountFull, evidence, since: since)]
        }
        guard let notice, let quota else { return [] }
        let free = max(0, quota - notice.usedByteCount)
        guard free < QuotaWarning.nearlyFullByteCount(of: quota) else { return [] }
        return [
            Reason(
                .accountNearlyFull,
                [
                    "free": EvidenceText.bytes(free), "quota": EvidenceText.bytes(quota),
                    "place": QuotaWarning.place(sharedWith: notice.sharedWith),
                    "forecast": QuotaWarning.forecast(fullAt: notice.fullAt),
                ],
                since: reporting.nearlyFullSince ?? now.wall)
        ]
    }

    /// The event stream says which version is the latest; if it is not that of the latest answer,
    /// the next report is due now.
    mutating func heardOfNotice(_ version: String) {
        reporting.heardVersion = version
        // While a report is under way, its answer may be of the version before.
        reporting.isNoticeStale = version != reporting.notice?.eventVersion
        reporting.isAhead = false
    }

    /// Counts what is nowhere but on the server since its last backup.
    mutating func countLastCopies(_ rows: any Rows) throws(RowsError) {
        reporting.lastCopies = 0
        if let backup = reporting.notice?.backup, optimizing.isOn, backup.originalsOn.isEmpty {
            reporting.lastCopies = try rows.assetsLeft(since: backup.madeAt)
        }
        let since = reporting.lastCopiesSince ?? now.wall
        reporting.lastCopiesSince = reporting.lastCopies > 0 ? since : nil
    }

    /// Keeps what the server said, and since when it has been so.
    mutating func take(_ notice: ServerNotice) {
        if notice.eventVersion == reporting.heardVersion { reporting.isNoticeStale = false }
        reporting.isAhead =
            !reporting.isAskingAgain && reporting.heardVersion != nil
            && notice.eventVersion != reporting.heardVersion
        if uploads.gate.failure == .accountFull, notice != reporting.notice,
            notice.quotaByteCount.map({ notice.usedByteCount < $0 }) ?? true
        {
            // There may be space by now.
            uploads.gate.retryNow(at: now)
            uploads.retryNow(at: now)
        }
        if notice.version != reporting.notice?.version { reporting.noticeSince = now.wall }
        reporting.notice = notice
        take(deniedSince: notice.deniedSince)
        let isNearlyFull = notice.quotaByteCount.map { quota in
            quota - notice.usedByteCount < QuotaWarning.nearlyFullByteCount(of: quota)
        }
        let since = reporting.nearlyFullSince ?? now.wall
        reporting.nearlyFullSince = isNearlyFull ?? false ? since : nil
    }
}

extension ServiceTrouble {
    /// Completes “Photos on the server …”.
    fileprivate var words: String {
        EvidenceText.trouble(
            health, since: since, percentileMilliseconds: percentileMilliseconds)
    }
}

/// Versions as numbers with points between them.
enum VersionText {
    /// `false` for what isn't written so.
    static func isNewer(_ version: String, than other: String) -> Bool {
        guard version != other, let left = numbers(of: version), let right = numbers(of: other)
        else { return false }
        for index in 0..<max(left.count, right.count) {
            let pair = (
                index < left.count ? left[index] : 0, index < right.count ? right[index] : 0
            )
            if pair.0 != pair.1 { return pair.0 > pair.1 }
        }
        return false
    }

    private static func numbers(of version: String) -> [Int]? {
        let parts = version.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Int($0) }
        return numbers.count == parts.count ? numbers : nil
    }
}
