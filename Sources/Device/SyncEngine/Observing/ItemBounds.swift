import Library
package import Records
package import Status

// What no server keeps of a file is seen before it is read: the user is told the bound and the value
// at once, and nothing is sent to be refused.

extension Limits {
    /// An item is at most as large as all that an account may have sent before records name it.
    package static let itemByteCountMax = min(blobByteCountMax, stagedByteCountMax)
}

/// A bound that a file is past.
package struct ItemBound: Hashable, Sendable {
    package static let codes: [ReasonCode] = [.tooLarge, .nameNotAllowed]

    package let code: ReasonCode
    package let value: String
    package let limit: String

    /// `nil`: there is none.
    package init?(name: [UInt8], byteCount: Int64) {
        let (text, isExact) = FileName.cleaned(name)
        if text.utf8.count > Limits.assetNameByteCountMax {
            code = .nameNotAllowed
            (value, limit) = ("\(text.utf8.count) bytes", "\(Limits.assetNameByteCountMax)")
        } else if !isExact, name.count > Limits.nameByteCountMax {
            // Kept byte for byte beside its text.
            code = .nameNotAllowed
            (value, limit) = ("\(name.count) bytes that are no text", "\(Limits.nameByteCountMax)")
        } else if byteCount > Limits.itemByteCountMax {
            code = .tooLarge
            let rounded = [byteCount, Limits.itemByteCountMax].map { EvidenceText.bytes($0) }
            // One past it reads like it.
            let isTold = rounded[0] != rounded[1]
            value = isTold ? rounded[0] : "\(byteCount) bytes"
            limit = isTold ? rounded[1] : "\(Limits.itemByteCountMax)"
        } else {
            return nil
        }
    }
}

extension SyncEngine {
    /// Of a file that was left out because of one.
    func boundReason(_ file: LocalFile) -> Reason? {
        ItemBound(name: file.place.path.name, byteCount: file.stamp.byteCount).map { bound in
            Reason(
                bound.code,
                [
                    "name": FileName.cleaned(file.place.path.name).text, "path": path(file.place),
                    "value": bound.value, "limit": bound.limit,
                ], since: file.since)
        }
    }

    func boundReasons(
        _ statistics: RowStatistics, _ rows: any Rows
    ) throws(RowsError) -> [Reason] {
        guard statistics.filesPastBounds > 0 else { return [] }
        var reasons: [Reason] = []
        for code in ItemBound.codes {
            reasons += try rows.localFiles(
                notIncluded: code.rawValue, limit: Limits.itemReasonsMax
            ).compactMap(boundReason)
        }
        return reasons
    }
}

extension RowStatistics {
    var filesPastBounds: Int {
        ItemBound.codes.reduce(0) { $0 + (filesNotIncluded[$1.rawValue] ?? 0) }
    }
}
