import Library
import Records
import SyncEngine

/// A server in a few lines: blobs, records, a feed, groups remembered by id.
final class FakeServer {
    var blobs: [Digest: [UInt8]] = [:]
    var records: [RecordKey: Record] = [:]
    var head: Int64 = 0 {
        didSet {
            lastStamp += 1
            stamps[head] = lastStamp
        }
    }
    private var lastStamp: UInt64 = 0
    private var stamps: [Int64: UInt64] = [:]
    var epoch = Epoch(rawValue: 1)
    var groups: [GroupID: GroupResult] = [:]
    /// Partly sent uploads.
    var uploads: [UploadID: [UInt8]] = [:]
    var pageLimit = 1_000
    /// What it says of itself and the account.
    var notice = ServerNotice()
    /// Blobs that it has not read back yet.
    var unread: Set<Digest> = []
    /// What is wrong with its receipts; `nil`: nothing.
    var receiptFault: String?
    private(set) var refusedBases = 0
    /// Milliseconds since 1970; about when devices begin.
    var wall: Int64 = 1_700_000_000_000

    var assets: [Record] {
        records.values.filter(\.isLiveAsset).sorted { $0.key < $1.key }
    }

    var token: ChangeToken {
        ChangeToken(epoch: epoch, sequence: head, stamp: stamps[head] ?? 0)
    }

    /// Whether history still has the state that the token names; a rollback begins a new epoch.
    func accepts(_ token: ChangeToken?) -> Bool {
        guard let token else { return true }
        guard token.epoch == epoch else { return false }
        if token.sequence <= head, stamps[token.sequence] ?? 0 == token.stamp { return true }
        restore { _ in true }
        return false
    }

    func changes(after token: ChangeToken?) -> Result<Reply, RequestFailure> {
        guard accepts(token) else { return .failure(.changeTokenExpired) }
        let from = token?.sequence ?? 0
        let changed = records.values
            .filter { $0.envelope.sequence > from && !(token == nil && $0.isDeleted) }
            .sorted { ($0.envelope.sequence, $0.key) < ($1.envelope.sequence, $1.key) }
        var page = Array(changed.prefix(pageLimit))
        let more = page.count < changed.count
        var end = head
        if more, let last = page.last {
            end = last.envelope.sequence
            page = changed.filter { $0.envelope.sequence <= end }
        }
        return .success(
            .changes(
                ChangePage(
                    records: page,
                    token: ChangeToken(epoch: epoch, sequence: end, stamp: stamps[end] ?? 0),
                    more: more)))
    }

    /// A record that a test is about to fill.
    func empty(_ key: RecordKey) -> Record {
        Record(
            key: key,
            envelope: Envelope(
                sequence: 0, createdAt: Timestamp(milliseconds: 1),
                createdBy: AccountID(high: 1, low: 1),
                changedAt: Timestamp(milliseconds: 1), changedBy: DeviceID(high: 0, low: 0)),
            fields: [:])
    }

    func commit(_ requested: [ChangeGroup], by device: DeviceID) -> Reply {
        let sequence = head + 1
        var didChange = false
        let results = requested.map { group in
            if let known = groups[group.id] { return known }
            let result = apply(group, sequence: sequence, by: device)
            if result.status == .saved {
                didChange = true
                groups[group.id] = result
            }
            return result
        }
        if didChange { head = sequence }
        return .committed(results, token: token)
    }

    private func apply(_ group: ChangeGroup, sequence: Int64, by device: DeviceID) -> GroupResult {
        for change in group.changes where change.key.type != .facts {
            let known = records[change.key]
            let base = known.map { Base(epoch: epoch, sequence: $0.envelope.sequence) }
            if base != change.base {
                refusedBases += 1
                return GroupResult(
                    id: group.id, status: .recordChanged, message: "changed",
                    records: [known].compactMap { $0 })
            }
            let missing = change.setBlobs.values.map(\.digest).filter { blobs[$0] == nil }.sorted()
            if !missing.isEmpty {
                return GroupResult(
                    id: group.id, status: .blobsMissing, message: "missing", digests: missing)
            }
        }
        for change in group.changes { save(change, sequence: sequence, by: device) }
        return GroupResult(id: group.id, status: .saved, sequence: sequence)
    }

    private func save(_ change: RecordChange, sequence: Int64, by device: DeviceID) {
        let now = Timestamp(milliseconds: wall + sequence)
        var record =
            records[change.key]
            ?? Record(
                key: change.key,
                envelope: Envelope(
                    sequence: sequence, createdAt: now, createdBy: AccountID(high: 1, low: 1),
                    changedAt: now, changedBy: device),
                fields: [:])
        record.envelope.sequence = sequence
        record.envelope.changedAt = now
        record.envelope.requires = change.requires ?? record.envelope.requires
        record.envelope.derivedFrom = change.derivedFrom ?? record.envelope.derivedFrom
        if change.action == .save {
            record.fields = (record.fields ?? [:]).merging(change.set) { _, new in new }
                .filter { !change.unset.contains($0.key) }
            for role in change.unsetBlobs { record.blobs[role] = nil }
            record.blobs.merge(change.setBlobs) { _, new in new }
            if let trashed = change.trashed { record.envelope.trashedAt = trashed ? now : nil }
        } else {
            (record.fields, record.blobs, record.joinedInto) = (nil, [:], change.joinedInto)
            record.envelope.trashedAt = nil
        }
        records[change.key] = record
    }

    /// What a person on the web does.
    func change(_ key: RecordKey, _ body: (inout Record) -> Void) {
        guard var record = records[key] else { return }
        head += 1
        body(&record)
        record.envelope.sequence = head
        record.envelope.changedAt = Timestamp(milliseconds: wall + head)
        records[key] = record
    }

    /// A copy of everything, to go back to without saying so.
    func snapshot() -> () -> Void {
        let saved = (records, head, stamps, groups, blobs)
        return { [self] in
            (records, head, _, groups, blobs) = saved
            stamps = saved.2
        }
    }

    /// Restored from a backup: what came after is gone, and the epoch is another.
    func restore(keeping kept: (Record) -> Bool) {
        records = records.filter { kept($0.value) }
        groups = [:]
        epoch = Epoch(rawValue: epoch.rawValue + 1)
        head += 1
        for key in records.keys.sorted() { records[key]?.envelope.sequence = head }
    }
}
