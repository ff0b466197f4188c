import Library
import Records
import Status

// What a person is told of changes to the library's files that need an answer.

extension SyncEngine {
    func heldSummary(
        _ rows: any Rows, at moment: Moment
    ) throws(RowsError) -> HeldChanges.Summary {
        try HeldChanges.summary(rows, at: moment.wall)
    }

    func heldReasons(_ held: HeldChanges.Summary, at moment: Moment) -> [Reason] {
        guard held.isHeld, let since = held.since else { return [] }
        let changes = [
            held.deletions > 0 ? "deleted" : nil, held.edits > 0 ? "changed" : nil,
        ]
        return [
            Reason(
                .heldForConfirmation,
                [
                    "items": EvidenceText.items(held.deletions + held.edits),
                    "change": changes.compactMap { $0 }.joined(separator: " or "),
                ],
                since: min(since, moment.wall))
        ]
    }

    /// Files that changed as no person changes pictures (P5).
    func suspiciousReasons(
        _ statistics: RowStatistics, _ rows: any Rows
    ) throws(RowsError) -> [Reason] {
        let code = ReasonCode.suspiciousChange.rawValue
        guard statistics.filesNotIncluded[code] ?? 0 > 0 else { return [] }
        return try HeldChanges.suspicious(rows, limit: Limits.itemReasonsMax).map { file in
            Reason(.suspiciousChange, suspicion(of: file), since: file.since)
        }
    }

    func suspicion(of file: LocalFile) -> [String: String] {
        [
            "path": FileName.cleaned(file.place.path.bytes).text,
            "change": file.stamp.byteCount == 0
                ? "shrank to nothing" : "changed while its time did not",
        ]
    }
}
