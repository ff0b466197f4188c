import Library
package import Records

/// What the user did to files of the library: the base view, missing files, held changes.
///
/// The part of `Rows` that keeps it. Lists are ordered by place.
package protocol LocalChangesRows: AnyObject {
    /// Notes what the file at `place` was agreed on as; without a row there, nothing happens.
    func agree(_ agreement: Agreement?, at place: Place) throws(RowsError)

    func missingFile(at place: Place) throws(RowsError) -> MissingFile?
    func missingFiles(agreedFor asset: RecordID) throws(RowsError) -> [MissingFile]
    func missingFiles(after place: Place?, limit: Int) throws(RowsError) -> [MissingFile]
    /// Those of this folder itself.
    func missingFiles(in folder: Folder) throws(RowsError) -> [MissingFile]
    func missingCounts() throws(RowsError) -> MissingCounts
    func save(_ missing: MissingFile) throws(RowsError)
    func removeMissingFile(at place: Place) throws(RowsError)
    /// Whether a file that is still to be read has this size.
    func hasUnreadFile(of byteCount: Int64) throws(RowsError) -> Bool
    /// Whether a file whose bytes can't be known may be this one under another name: one of the
    /// same size that can't be read, or one that is left out (hidden, or no longer named as a
    /// picture) and is the same inode.
    func hasUnknownFile(like stamp: FileStamp) throws(RowsError) -> Bool

    /// Files whose name is another than when they were agreed on, ordered by folder and name.
    func renamedFiles(limit: Int) throws(RowsError) -> [LocalFile]
    /// Files whose bytes are others than those agreed on, ordered by folder and name.
    func editedFiles(limit: Int) throws(RowsError) -> [LocalFile]
    /// Of those, how many nobody said yes to: without a yes, their agreement has a time.
    func unapprovedEditCount() throws(RowsError) -> Int
    /// Files that are left out for this reason, ordered by folder and name.
    func localFiles(notIncluded code: String, limit: Int) throws(RowsError) -> [LocalFile]

    /// The latest of each asset stays.
    func save(_ sent: SentChange) throws(RowsError)
    func sentChangeCount(since: Timestamp) throws(RowsError) -> Int
    func removeSentChanges(before: Timestamp) throws(RowsError)
}

/// The same in memory.
struct MemoryLocalChanges: Sendable {
    var missing: [Place: MissingFile] = [:]
    var sent: [RecordID: Timestamp] = [:]

    func sorted(where isWanted: (MissingFile) -> Bool) -> [MissingFile] {
        missing.values.filter(isWanted).sorted { $0.place < $1.place }
    }
}

extension MemoryRows {
    package func agree(_ agreement: Agreement?, at place: Place) {
        guard var file = current.files[place] else { return }
        file.agreed = agreement
        current.files.save(file)
    }

    package func missingFile(at place: Place) -> MissingFile? {
        current.localChanges.missing[place]
    }

    package func missingFiles(agreedFor asset: RecordID) -> [MissingFile] {
        current.localChanges.sorted { $0.agreed.asset == asset }
    }

    package func missingFiles(after place: Place?, limit: Int) -> [MissingFile] {
        Array(
            current.localChanges.sorted { file in place.map { $0 < file.place } ?? true }
                .prefix(limit))
    }

    package func missingFiles(in folder: Folder) -> [MissingFile] {
        current.localChanges.sorted { $0.place.folder == folder }
    }

    package func missingCounts() -> MissingCounts {
        var counts = MissingCounts()
        for file in current.localChanges.missing.values {
            counts.all += 1
            if !file.isConfirmed {
                counts.unconfirmed += 1
            } else if file.agreed.role == .original {
                guard !file.isApproved else {
                    counts.approved += 1
                    continue
                }
                counts.unapproved += 1
                counts.oldestUnapproved = min(counts.oldestUnapproved ?? file.since, file.since)
            }
        }
        return counts
    }

    package func save(_ missing: MissingFile) {
        current.localChanges.missing[missing.place] = missing
    }

    package func removeMissingFile(at place: Place) { current.localChanges.missing[place] = nil }

    package func hasUnreadFile(of byteCount: Int64) -> Bool {
        current.files.unordered.contains { $0.stamp.byteCount == byteCount && $0.state == .unread }
    }

    package func hasUnknownFile(like stamp: FileStamp) -> Bool {
        current.files.unordered.contains { file in
            guard file.stamp.byteCount == stamp.byteCount else { return false }
            return switch file.state {
            case .unreadable: true
            case .notIncluded: file.stamp.inode == stamp.inode
            default: false
            }
        }
    }

    package func renamedFiles(limit: Int) -> [LocalFile] {
        files(limit) { file in
            file.agreed?.fileName.map { $0 != file.place.path.name } ?? false
        }
    }

    package func editedFiles(limit: Int) -> [LocalFile] { files(limit, where: \.isEdited) }

    package func unapprovedEditCount() -> Int { current.files.unapprovedEditCount }

    package func localFiles(notIncluded code: String, limit: Int) -> [LocalFile] {
        files(limit) { $0.state == .notIncluded(code: code) }
    }

    private func files(_ limit: Int, where isWanted: (LocalFile) -> Bool) -> [LocalFile] {
        let wanted = current.files.unordered.filter(isWanted).sorted {
            ($0.place.folder, $0.place.path) < ($1.place.folder, $1.place.path)
        }
        return Array(wanted.prefix(limit))
    }

    package func save(_ sent: SentChange) { current.localChanges.sent[sent.asset] = sent.at }

    package func sentChangeCount(since: Timestamp) -> Int {
        current.localChanges.sent.values.count { $0 >= since }
    }

    package func removeSentChanges(before: Timestamp) {
        current.localChanges.sent = current.localChanges.sent.filter { $0.value >= before }
    }
}
