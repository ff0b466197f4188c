import Library
package import Records
import Status

/// Many deletions or changes of bytes are held until the user says yes (P4).
///
/// Held is what would be sent while, together with what was sent in the 24 hours before the oldest
/// of it, it is more than 100 and more than 10 % of the library, or more than 1,000, or at least 10
/// and more than half. It is worked out from the rows whenever it is asked for: files that return
/// leave the list. Nothing held is sent or downloaded; everything else goes on.
package enum HeldChanges {
    package struct Summary: Hashable, Sendable {
        package var deletions = 0
        package var edits = 0
        package var isHeld = false
        package var since: Timestamp?
    }

    package struct Item: Hashable, Sendable {
        package let asset: RecordID
        package let name: String
        package let place: Place
        package let change: Change
        package let since: Timestamp
    }

    package enum Change: String, Hashable, Sendable { case deleted, changed }

    /// What a user is shown, and what an answer must name.
    package struct List: Hashable, Sendable {
        package let items: [Item]
        package let digest: Digest
    }

    package static func summary(
        _ rows: any Rows, at now: Timestamp
    ) throws(RowsError) -> Summary {
        let counts = try rows.missingCounts()
        let edits = try rows.unapprovedEditCount()
        let count = counts.unapproved + edits
        guard count > 0 else { return Summary() }
        let oldest = min(counts.oldestUnapproved ?? now, now)
        let day = Int64(Limits.heldHours) * 3_600
        let sent = try rows.sentChangeCount(since: oldest.adding(seconds: -day))
        let total = count + sent
        guard total >= Limits.heldWhenMoreThanHalfMin else {
            return Summary(deletions: counts.unapproved, edits: edits, since: oldest)
        }
        let library = try rows.statistics().assets + sent
        return Summary(
            deletions: counts.unapproved, edits: edits, isHeld: isMany(total, of: library),
            since: oldest)
    }

    /// Whether so many changes in a library of `size` need a yes.
    package static func isMany(_ count: Int, of size: Int) -> Bool {
        count > Limits.changesUnaskedMax
            || (count > Limits.changesUnaskedOfLargeMin && count * 10 > size)
            || (count >= Limits.heldWhenMoreThanHalfMin && count * 2 > size)
    }

    /// All that is held; empty when nothing is.
    package static func list(_ rows: any Rows, at now: Timestamp) throws(RowsError) -> List {
        var items: [Item] = []
        if try summary(rows, at: now).isHeld {
            try eachUnapproved(rows) { missing throws(RowsError) in
                items.append(
                    Item(
                        asset: missing.agreed.asset, name: missing.agreed.name,
                        place: missing.place, change: .deleted, since: missing.since))
            }
            for file in try rows.editedFiles(limit: .max) {
                guard let agreed = file.agreed, agreed.modifiedAt != nil else { continue }
                items.append(
                    Item(
                        asset: agreed.asset, name: agreed.name, place: file.place,
                        change: .changed, since: file.since))
            }
        }
        var bytes: [UInt8] = []
        for item in items {
            bytes += item.asset.bytes + Array(item.change.rawValue.utf8) + [0]
            bytes += item.place.path.bytes + [0]
        }
        return List(items: items, digest: Digest(of: bytes))
    }

    /// Says yes to all that is held.
    package static func apply(_ rows: any Rows) throws(RowsError) {
        try eachUnapproved(rows) { missing throws(RowsError) in
            var approved = missing
            approved.isApproved = true
            try rows.save(approved)
        }
        for file in try rows.editedFiles(limit: .max) { try accept(file, rows) }
    }

    /// The user says yes to the change of this file's bytes.
    package static func accept(_ file: LocalFile, _ rows: any Rows) throws(RowsError) {
        var accepted = file
        // Without an agreement it was refused, and could not be moved away: it is a picture of its
        // own.
        accepted.agreed?.modifiedAt = nil
        // What was left out as suspicious is read again.
        if case .notIncluded = file.state { accepted.state = .unread }
        if file.stamp.byteCount == 0 {
            accepted.agreed = nil
            accepted.state = .notIncluded(code: ReasonCode.emptyFile.rawValue)
        }
        try rows.save(accepted)
    }

    /// The user wants the good copy: what lies here is no longer it, and is to be moved away.
    package static func refuse(_ file: LocalFile, _ rows: any Rows) throws(RowsError) {
        var refused = file
        refused.agreed = nil
        refused.state = .notIncluded(code: ReasonCode.suspiciousChange.rawValue)
        try rows.save(refused)
    }

    /// Files whose change the user has not answered: suspicious ones.
    package static func suspicious(
        _ rows: any Rows, limit: Int = .max
    ) throws(RowsError) -> [LocalFile] {
        try rows.localFiles(notIncluded: ReasonCode.suspiciousChange.rawValue, limit: limit)
    }

    /// Says no: deleted files are fetched again; of changed ones, which are returned, the caller
    /// moves away what lies there.
    package static func putBack(_ rows: any Rows) throws(RowsError) -> [LocalFile] {
        let edits = try rows.editedFiles(limit: .max).filter { $0.agreed?.modifiedAt != nil }
        for file in edits { try refuse(file, rows) }
        var assets: [RecordID] = []
        try eachUnapproved(rows) { missing throws(RowsError) in
            assets.append(missing.agreed.asset)
        }
        for asset in assets {
            for missing in try rows.missingFiles(agreedFor: asset) {
                try rows.removeMissingFile(at: missing.place)
            }
        }
        return edits
    }

    private static func eachUnapproved(
        _ rows: any Rows, _ body: (MissingFile) throws(RowsError) -> Void
    ) throws(RowsError) {
        var cursor: Place?
        while true {
            let page = try rows.missingFiles(after: cursor, limit: Limits.openRowsPerPageMax)
            for missing in page
            where missing.isConfirmed && !missing.isApproved && missing.agreed.role == .original {
                try body(missing)
            }
            guard page.count == Limits.openRowsPerPageMax else { return }
            cursor = page.last?.place
        }
    }
}
