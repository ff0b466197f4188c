import Library
import Records
import Status

// Naming stored bytes by records: one group for each asset.

/// One group under way, and the items that end with it.
struct CommitEntry: Sendable {
    let group: ChangeGroup
    let digests: [Digest]
    /// The files' digest that the group was built for.
    let digest: Digest
    /// The asset whose bytes it replaces, counted among the changes of 24 hours (P4).
    var revises: RecordID?
}

/// What an item's commit comes to, by what is known now.
private enum Plan {
    case commit(CommitEntry)
    /// In sync, deleted before, or nowhere any more.
    case nothing
    case waitsForOriginal
}

extension SyncEngine {
    /// The reader whose facts a device sends: the server's replaces them.
    static let quickReader = 1

    mutating func commit(_ rows: any Rows) throws(RowsError) {
        guard !uploads.commitIsUnderWay, !uploads.toCommit.isEmpty, allowsRequests
        else { return }
        let isOld = uploads.commitSince.map { now.uptime >= $0 + Limits.gatherMilliseconds }
        guard
            uploads.toCommit.count >= Limits.groupsPerDeviceCommitMax / 2
                || uploads.transfers == 0 || isOld ?? true
        else { return }
        var entries: [CommitEntry] = []
        var (recordCount, byteCount) = (0, 0)
        while entries.count < Limits.groupsPerDeviceCommitMax,
            recordCount + 3 <= Limits.recordsPerCommitMax,
            byteCount < Limits.deviceCommitByteCountMax, let digest = uploads.toCommit.popFirst()
        {
            guard let item = uploads.items[digest], item.stage == .stored else { continue }
            // What was refused before goes alone, so that it spoils no other's commit (P7).
            if item.attempts.tries >= 2, !entries.isEmpty {
                uploads.toCommit.append(digest)
                break
            }
            switch try plan(for: digest, rows) {
            case .nothing: uploads.remove(digest)
            case .waitsForOriginal: uploads.move(digest, to: .waitingForOriginal, at: now)
            case .commit(let entry):
                entries.append(entry)
                recordCount += entry.group.changes.count
                byteCount += entry.group.changes.reduce(0) { $0 + $1.set.estimatedByteCount }
                for digest in entry.digests { uploads.move(digest, to: .committing, at: now) }
            }
            if item.attempts.tries >= 2, !entries.isEmpty { break }
        }
        uploads.commitSince = uploads.toCommit.isEmpty ? nil : now.uptime
        guard !entries.isEmpty else { return }
        uploads.commitIsUnderWay = true
        send(.commit(entries.map(\.group), after: feed.state.token), .commit(entries))
    }

    private mutating func plan(for digest: Digest, _ rows: any Rows) throws(RowsError) -> Plan {
        switch try disposition(of: digest, rows) {
        case .live(let asset):
            // What another asset has already is that asset (Edits.swift).
            if let entry = try revision(of: digest, onlyOf: asset.record.key.id, rows) {
                return .commit(entry)
            }
            try wantDownload(of: asset, rows)
            return .nothing
        case .deletedBefore: return .nothing
        case .absent: break
        }
        if let entry = try revision(of: digest, rows) { return .commit(entry) }
        let files = try rows.localFiles(with: digest)
        for file in files {
            if case .read(let content) = file.state {
                return .commit(try newAsset(file, content, rows))
            }
        }
        var waits = false
        for file in files {
            guard case .sidecar(let content) = file.state else { continue }
            switch try owner(of: file, rows) {
            case .nobody: return .commit(try newAsset(file, content, rows))
            case .asset(let asset):
                if try isSecondSidecar(file, content, of: asset, rows) {
                    return .commit(try newAsset(file, content, rows))
                }
                return plan(content, toJoin: asset)
            case .waits: waits = true
            case .deletedBefore:
                var row = file
                row.state = .notIncluded(code: ReasonCode.deletedBefore.rawValue)
                row.since = now.wall
                try rows.save(row)
            }
        }
        return waits ? .waitsForOriginal : .nothing
    }

    /// Brings a sidecar to its picture's asset, which exists.
    private func plan(_ content: FileContent, toJoin asset: RemoteRecord) -> Plan {
        let blobs = [BlobRole.sidecar.rawValue: reference(to: content)]
        let change = RecordChange(key: asset.record.key, base: asset.base, setBlobs: blobs)
        return .commit(
            CommitEntry(
                group: ChangeGroup(
                    id: groupID(asset.record.key.id, asset.base, blobs, content.digest),
                    changes: [change]),
                digests: [content.digest], digest: content.digest))
    }

    private func newAsset(
        _ file: LocalFile, _ content: FileContent, _ rows: any Rows
    ) throws(RowsError) -> CommitEntry {
        let id = AssetIdentity.id(of: content.digest, idKey: settings?.idKey ?? [])
        var asset = AssetFields(
            fileName: file.place.path.name, importedAt: file.since,
            fileModifiedAt: Timestamp(milliseconds: content.stamp.modifiedAt / 1_000_000))
        if let agreed = file.agreed, try isConflict(file, rows) {
            asset.name = ConflictName.of(
                asset.name, device: settings?.deviceName ?? "", at: now.wall)
            asset.nameBytes = nil
            asset.editedBy = settings?.deviceName
            asset.conflictsWith = agreed.asset
        }
        asset.expects = [.original]
        var blobs = [BlobRole.original.rawValue: reference(to: content)]
        var digests = [content.digest]
        if let sidecar = try storedSidecar(of: file, rows) {
            blobs[BlobRole.sidecar.rawValue] = reference(to: sidecar)
            digests.append(sidecar.digest)
            asset.expects.append(.sidecar)
        }
        let key = RecordKey(type: .asset, id: id)
        let base = try rows.remote(key)?.base
        var changes = [RecordChange(key: key, base: base, set: asset.fields, setBlobs: blobs)]
        let facts = FactsOrigin(of: content.digest, by: Self.quickReader)
            .written(into: content.facts)
        if facts.estimatedByteCount < Limits.fieldsByteCountMax / 2 {
            let factsKey = RecordKey(type: .facts, id: id)
            let factsBase = try rows.remote(factsKey)?.base
            changes.append(RecordChange(key: factsKey, base: factsBase, set: facts))
        }
        return CommitEntry(
            group: ChangeGroup(id: groupID(id, base, blobs, content.digest), changes: changes),
            digests: digests, digest: content.digest)
    }

    /// The sidecar beside a picture, if its bytes are stored already: then both go in one group.
    private func storedSidecar(
        of picture: LocalFile, _ rows: any Rows
    ) throws(RowsError) -> FileContent? {
        for file in try sidecars(beside: picture.place, rows) {
            guard case .sidecar(let content) = file.state else { continue }
            switch uploads.items[content.digest]?.stage {
            case .stored, .waitingForOriginal: break
            default: continue
            }
            let owner = try self.picture(of: file.place.path.name, in: file.place.folder, rows)
            if owner?.place == picture.place { return content }
        }
        return nil
    }

    func groupID(
        _ asset: RecordID, _ base: Base?, _ blobs: [String: BlobReference], _ digest: Digest
    ) -> GroupID {
        guard let settings else { return GroupID(high: 0, low: 0) }
        // A lost reply repeats the group; a try that came to nothing is followed by another one.
        let tries = uploads.items[digest]?.attempts.tries ?? 0
        let epoch = feed.state.token?.epoch ?? Epoch(rawValue: 0)
        return AssetIdentity.group(
            asset: asset, epoch: epoch, base: base, blobs: blobs, device: settings.device,
            attempt: tries, idKey: settings.idKey)
    }

    func reference(to content: FileContent) -> BlobReference {
        BlobReference(
            digest: content.digest, byteCount: content.stamp.byteCount,
            mediaType: content.mediaType)
    }

    // MARK: Replies

    mutating func committed(
        _ entries: [CommitEntry], _ results: [GroupResult], _ token: ChangeToken, _ rows: any Rows
    ) throws(RowsError) {
        uploads.commitIsUnderWay = false
        let byID = Dictionary(results.map { ($0.id, $0) }) { first, _ in first }
        let followsFeed = try advanceToken(past: token, results, rows)
        resumeUserChanges()
        for entry in entries {
            guard let result = byID[entry.group.id] else {
                try commitFailed(entry, RequestFailure.interrupted.text, rows)
                continue
            }
            if result.status == .saved {
                try saved(entry, result, token, followsFeed: followsFeed, rows)
            } else {
                try refused(entry, result, token, rows)
            }
        }
    }

    /// When nothing but this commit lies between what was read and the head, the reply says all
    /// that the feed would: `true`.
    ///
    /// Rows never know more than the token does, so that the token alone proves to a server what it
    /// has lost.
    mutating func advanceToken(
        past token: ChangeToken, _ results: [GroupResult], _ rows: any Rows
    ) throws(RowsError) -> Bool {
        guard let read = feed.state.token, feed.state.isComplete, read.epoch == token.epoch else {
            feed.isNeeded = true
            return false
        }
        let savedSequences = results.compactMap { $0.status == .saved ? $0.sequence : nil }
        let isAllOurs =
            !savedSequences.isEmpty && savedSequences.allSatisfy { $0 == token.sequence }
        feed.knownHead = max(feed.knownHead ?? 0, token.sequence)
        guard isAllOurs, !feed.isReading, token.sequence == read.sequence + 1 else { return false }
        feed.state.token = token
        try rows.save(feed.state)
        return true
    }

    private mutating func saved(
        _ entry: CommitEntry, _ result: GroupResult, _ token: ChangeToken, followsFeed: Bool,
        _ rows: any Rows
    ) throws(RowsError) {
        if let asset = entry.revises { try rows.save(SentChange(asset: asset, at: now.wall)) }
        let sequence = result.sequence ?? token.sequence
        guard followsFeed else {
            let base = Base(epoch: token.epoch, sequence: sequence)
            for digest in entry.digests { uploads.move(digest, to: .committed(base), at: now) }
            // Remembered from an earlier try, and read since: the feed will not say it again.
            if let read = feed.state.token, read.sequence >= sequence { feed.isNeeded = true }
            return
        }
        for change in entry.group.changes {
            try noteSaved(change, sequence, token.epoch, rows)
        }
        for digest in entry.digests { uploads.remove(digest) }
        for file in try rows.localFiles(with: entry.digest) {
            try decideSidecars(beside: file.place, rows)
        }
    }

    private mutating func recordChanged(
        _ entry: CommitEntry, _ result: GroupResult, _ token: ChangeToken, _ rows: any Rows
    ) throws(RowsError) {
        var isAhead = feed.state.token?.epoch != token.epoch
        for record in result.records {
            // A first listing leaves tombstones out: this is where they become known.
            if let read = feed.state.token, read.epoch == token.epoch,
                record.envelope.sequence <= read.sequence
            {
                try save(record, epoch: token.epoch, rows)
            } else {
                isAhead = true
            }
        }
        try rememberOwners(among: result.records, entry, rows)
        if isAhead { feed.isNeeded = true }
        for digest in entry.digests where uploads.items[digest] != nil {
            switch try disposition(of: digest, rows) {
            case .live, .deletedBefore:
                uploads.remove(digest)
                // What its files are now is another question than what was asked.
                openPass.isNeeded = true
            case .absent where isAhead:
                let base = Base(epoch: token.epoch, sequence: token.sequence)
                uploads.move(digest, to: .committed(base), at: now)
            case .absent:
                try commitFailed(entry, "the record changed meanwhile", only: digest, rows)
            }
        }
    }

    /// The server named a record that the group did not change: it has the group's original, or had
    /// it, which no listing says.
    private func rememberOwners(
        among records: [Record], _ entry: CommitEntry, _ rows: any Rows
    ) throws(RowsError) {
        let keys = entry.group.changes.map(\.key)
        let original = entry.group.changes.first { $0.key.type == .asset }?
            .setBlobs[BlobRole.original.rawValue]?.digest
        guard let original else { return }
        for record in records where record.key.type == .asset && !keys.contains(record.key) {
            if let remote = try rows.remote(record.key) { try remember(original, in: remote, rows) }
        }
    }

    private mutating func refused(
        _ entry: CommitEntry, _ result: GroupResult, _ token: ChangeToken, _ rows: any Rows
    ) throws(RowsError) {
        switch result.status {
        case .saved: break
        case .recordChanged: try recordChanged(entry, result, token, rows)
        case .blobsMissing:
            let missing = Set(result.digests)
            for digest in entry.digests {
                if missing.contains(digest) || missing.isEmpty {
                    uploads.fail(
                        digest, "the server lacks its bytes", resuming: .missing, at: now,
                        rule: retryRule)
                } else {
                    uploads.move(digest, to: .stored, at: now)
                }
            }
        case .overQuota:
            uploads.gate.close(.accountFull, at: now, rule: retryRule)
            for digest in entry.digests {
                let byteCount = uploads.items[digest]?.byteCount ?? .max
                uploads.refusedByteCount = min(uploads.refusedByteCount ?? .max, byteCount)
            }
            try commitFailed(entry, RequestFailure.accountFull.text, rows)
        case .invalidRecord, .notAllowed, .notInTrash:
            let cause = result.message ?? result.status.rawValue
            if result.status == .invalidRecord, entry.digests.count == 1,
                try refusedAlone(entry.digest, cause, rows)
            {
                return
            }
            try commitFailed(entry, cause, rows)
        }
    }

    private mutating func commitFailed(
        _ entry: CommitEntry, _ cause: String, only: Digest? = nil, _ rows: any Rows
    ) throws(RowsError) {
        for digest in entry.digests where only ?? digest == digest {
            try note(StoryCode.sendingFailed, cause, of: digest, rows)
            uploads.fail(digest, cause, resuming: .stored, at: now, rule: retryRule)
        }
    }

    /// The record as the server has it now, but for the times, which are the server's own; the feed
    /// brings it again when anything else happened meanwhile.
    mutating func noteSaved(
        _ change: RecordChange, _ sequence: Int64, _ epoch: Epoch, _ rows: any Rows
    ) throws(RowsError) {
        guard let settings else { return }
        let known = try rows.remote(change.key)
        var record: Record
        if let known {
            // The feed was faster.
            if !known.record.isDeleted, known.epoch == epoch,
                known.record.envelope.sequence >= sequence
            {
                return
            }
            record = known.record
            // What was deleted and is saved again keeps its envelope: who may change it, above all.
            if record.isDeleted { record.joinedInto = nil }
        } else {
            record = Record(
                key: change.key,
                envelope: Envelope(
                    sequence: sequence, createdAt: now.wall, createdBy: settings.account,
                    changedAt: now.wall, changedBy: settings.device),
                fields: [:])
        }
        record.envelope.sequence = sequence
        record.envelope.changedAt = now.wall
        record.envelope.changedBy = settings.device
        record.take(change, at: now.wall)
        try save(record, epoch: epoch, rows)
    }
}

extension Record {
    /// What the server makes of it.
    fileprivate mutating func take(_ change: RecordChange, at moment: Timestamp) {
        guard change.action == .save else {
            (fields, blobs, envelope.trashedAt) = (nil, [:], nil)
            joinedInto = change.joinedInto
            return
        }
        var present = fields ?? [:]
        for name in change.unset { present[name] = nil }
        fields = present.merging(change.set) { $1 }
        for role in change.unsetBlobs { blobs[role] = nil }
        blobs.merge(change.setBlobs) { $1 }
        envelope.requires = change.requires ?? envelope.requires
        envelope.derivedFrom = change.derivedFrom ?? envelope.derivedFrom
        switch change.trashed {
        case true?: envelope.trashedAt = envelope.trashedAt ?? moment
        case false?: envelope.trashedAt = nil
        case nil: break
        }
    }
}

extension Fields {
    /// About how long it is as JSON; nesting is counted as far as `Limits.fieldsDepthMax` allows.
    var estimatedByteCount: Int {
        reduce(2) { $0 + $1.key.utf8.count + 4 + $1.value.estimatedByteCount }
    }
}

extension JSONValue {
    fileprivate var estimatedByteCount: Int {
        switch self {
        case .null, .bool: 5
        case .integer, .number: 20
        case .string(let text): text.utf8.count + 2
        case .array(let values): values.reduce(2) { $0 + $1.estimatedByteCount + 1 }
        case .object(let fields): fields.estimatedByteCount
        }
    }
}
