package import Records

/// When little is left of a quota, and how people read whose it is.
package enum QuotaWarning {
    /// Under 5 %, or under 1 GB: of a small quota under a quarter of it.
    package static func nearlyFullByteCount(of quota: Int64) -> Int64 {
        max(quota / 20, min(Limits.accountReserveByteCount, quota / 4))
    }

    /// `account`, or `pool that you share with bert and carla`.
    package static func owner(sharedWith names: [String]) -> String {
        names.isEmpty ? "account" : "pool that you share with \(list(names))"
    }

    /// Where it is, behind a size: nothing, or ` in the pool that you share with bert`.
    package static func place(sharedWith names: [String]) -> String {
        names.isEmpty ? "" : " in the \(owner(sharedWith: names))"
    }

    /// When it will be full, behind a sentence: nothing when nothing can be said.
    package static func forecast(fullAt: Timestamp?) -> String {
        fullAt.map { "; at this rate it is full about \(EvidenceText.day($0))" } ?? ""
    }

    private static func list(_ names: [String]) -> String {
        let most = 4
        guard let last = names.last, names.count > 1 else { return names.joined() }
        if names.count > most {
            let first = names.prefix(most - 1).joined(separator: ", ")
            return "\(first) and \(names.count - most + 1) others"
        }
        return "\(names.dropLast().joined(separator: ", ")) and \(last)"
    }
}
