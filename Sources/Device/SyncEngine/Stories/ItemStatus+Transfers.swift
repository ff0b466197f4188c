import Library
import Records
import Status

// How an item is that crosses, or that the server has.

/// What has its turn before an item.
struct Ahead {
    var items = 0
    var byteCount: Int64 = 0

    mutating func count(_ byteCount: Int64) {
        items += 1
        self.byteCount += byteCount
    }
}

extension ItemEvidence {
    // MARK: Sending

    func uploadStatus(_ item: UploadItem, _ file: LocalFile) throws(RowsError) -> ItemStatus {
        var status = ItemStatus(item: id(of: file), name: item.name, state: .uploading)
        switch item.stage {
        case .unasked, .asking, .missing, .deferred: return onlyHere(file, aheadInSending(item))
        case .sending:
            status.reasons = [
                moving(.uploading, sent(item), item.byteCount, since: file.since)
            ]
        case .stored, .committing, .committed:
            status.reasons = ranked(
                [moving(.uploading, item.byteCount, item.byteCount, since: file.since)],
                .upload(byteCount: 0))
        case .waiting:
            status.state = .failed
            status.reasons = [engine.retrying(item.name, item.attempts, at: moment)]
                .compactMap { $0 }
            status.nextTry = item.attempts.nextTry.map { wall(at: $0) }
        case .waitingForOriginal:
            let picture = try engine.picture(
                of: file.place.path.name, in: file.place.folder, rows)
            let name = (picture?.place.path.name).map { FileName.cleaned($0).text }
            status.state = .waiting
            status.reasons = [
                Reason(
                    .waitsForOriginal, ["original": name ?? "its picture"], since: file.since)
            ]
        }
        return status
    }

    private func moving(
        _ code: ReasonCode, _ moved: Int64, _ total: Int64, since: Timestamp
    ) -> Reason {
        Reason(
            code,
            [
                "moved": EvidenceText.bytes(min(moved, total)),
                "total": EvidenceText.bytes(total),
            ], since: since)
    }

    /// Bytes of it that are on their way or there; a pack sends its blobs in order.
    private func sent(_ item: UploadItem) -> Int64 {
        for (id, outgoing) in engine.requests {
            let moved = engine.traffic.byteCount(of: id)
            switch outgoing {
            case .put(item.digest): return moved
            case .uploadPart(item.digest, _): return item.sentByteCount + moved
            case .createUpload(item.digest): return item.sentByteCount
            case .pack(let digests):
                guard let index = digests.firstIndex(of: item.digest) else { continue }
                let before = digests[..<index].reduce(Int64(0)) {
                    $0 + (engine.uploads.items[$1]?.byteCount ?? 0)
                }
                return min(max(0, moved - before), item.byteCount)
            default: continue
            }
        }
        return item.sentByteCount
    }

    private func aheadInSending(_ item: UploadItem) -> Ahead {
        var ahead = Ahead()
        let uploads = engine.uploads
        let isSmall = uploads.isSmall(item)
        let isQueued = item.stage == .missing
        let own = Ticket(order: item.order, subject: item.digest)
        for ticket in uploads.small.elements {
            guard let other = uploads.items[ticket.subject], other.stage == .missing,
                uploads.isSmall(other), other.digest != item.digest,
                !(isQueued && isSmall) || ticket < own
            else { continue }
            ahead.count(other.byteCount)
        }
        for ticket in uploads.single.elements + uploads.large.elements
        where !isSmall || !isQueued {
            guard let other = uploads.items[ticket.subject], other.stage == .missing,
                other.digest != item.digest, !isQueued || ticket < own
            else { continue }
            ahead.count(other.byteCount)
        }
        return ahead
    }

    // MARK: Reading

    func aheadInReading(_ file: LocalFile) throws(RowsError) -> Ahead {
        var ahead = Ahead()
        guard engine.reading.queued.contains(file.place) else {
            let statistics = try rows.statistics()
            return Ahead(
                items: max(0, statistics.filesUnread - 1),
                byteCount: max(0, statistics.byteCountUnread - file.stamp.byteCount))
        }
        let queue = engine.reading.queue.elements
        guard let own = queue.first(where: { $0.subject == file.place }) else { return ahead }
        for ticket in queue where ticket < own { ahead.count(max(0, ticket.order)) }
        return ahead
    }

    // MARK: What the server has

    func status(of remote: RemoteRecord) throws(RowsError) -> ItemStatus {
        let record = remote.record
        let asset = AssetFields(record.fields ?? [:])
        var status = ItemStatus(item: record.key.id, name: asset.name, state: .inSync)
        if let target = record.joinedInto,
            let joined = try rows.remote(RecordKey(type: .asset, id: target))
        {
            return try self.status(of: joined)
        }
        guard !record.isDeleted, !record.isTrashed else {
            status.state = .recentlyDeleted
            let until = record.deletedAt.adding(
                seconds: Int64(Limits.trashDays) * 86_400)
            status.reasons = [
                Reason(
                    .recentlyDeleted,
                    [
                        "date": EvidenceText.day(record.deletedAt),
                        "until": record.isDeleted ? "no longer" : EvidenceText.day(until),
                    ], since: record.deletedAt)
            ]
            return status
        }
        var needed: BlobReference?
        var isHere = true
        for (_, blob) in record.fileParts {
            let files = try rows.localFiles(with: blob.digest)
            if files.isEmpty { isHere = false }
            if !files.contains(where: { $0.place.root.isLibrary }) { needed = needed ?? blob }
        }
        if !isHere { status.state = .onlyInCloud }
        if needed != nil, let held = try heldReason(record.key.id) {
            status.state = .held
            status.reasons = [held]
        } else if let needed {
            let (isKept, preview) = (
                try engine.isKept(record.key.id, rows), try preview(of: record)
            )
            lacks(needed, remote, isKept: isKept, preview, &status)
            if isKept, preview == .here {
                status.reasons.append(previewOnly(status.state, since: record.envelope.changedAt))
            }
        }
        if let conflict = try Conflicts.conflict(about: record, rows) {
            status.reasons.append(conflict.reason(at: moment))
        }
        status.reasons = ReasonTable.ranked(
            try status.reasons + informing(remote, asset))
        return status
    }

    /// Its file vanished with many others: nothing of it is sent or fetched before an answer.
    private func heldReason(_ asset: RecordID) throws(RowsError) -> Reason? {
        let missing = try rows.missingFiles(agreedFor: asset)
        guard missing.contains(where: { $0.isConfirmed && !$0.isApproved }) else { return nil }
        return engine.heldReasons(
            try HeldChanges.summary(rows, at: moment.wall), at: moment
        ).first
    }

    private func lacks(
        _ blob: BlobReference, _ remote: RemoteRecord, isKept: Bool, _ preview: PreviewStanding,
        _ status: inout ItemStatus
    ) {
        let since = remote.record.envelope.changedAt
        let wasHere = status.state == .inSync
        defer { if wasHere { status.state = .inSync } }
        if let item = engine.downloads.items[blob.digest] {
            return downloading(item, since: since, &status)
        }
        guard isKept else {
            if !wasHere {
                status.reasons.append(
                    Reason(.onlyInCloud, ["preview": preview.rawValue], since: since))
            }
            return
        }
        let need = ItemNeed.download(byteCount: blob.byteCount)
        status.state = stopping(need).isEmpty ? .waiting : .onlyInCloud
        let ahead = Ahead(items: engine.downloads.items.count)
        status.ahead = ahead.items
        status.nextTry = nextTry(of: need)
        status.reasons += ranked([queued(ahead, since: since)], need)
    }

    private func downloading(
        _ item: DownloadItem, since: Timestamp, _ status: inout ItemStatus
    ) {
        let need = ItemNeed.download(byteCount: item.blob.byteCount)
        switch item.stage {
        case .queued, .deferred:
            let ahead = aheadInReceiving(item)
            status.state = stopping(need).isEmpty ? .waiting : .onlyInCloud
            status.ahead = ahead.items
            status.nextTry = nextTry(of: need)
            status.reasons += ranked([queued(ahead, since: since)], need)
        case .copying, .downloading:
            var moved: Int64 = 0
            for (id, outgoing) in engine.requests {
                if case .download(item.blob.digest) = outgoing {
                    moved = engine.traffic.byteCount(of: id)
                }
            }
            status.state = .downloading
            status.reasons.append(
                moving(.downloading, moved, item.blob.byteCount, since: since))
        case .settingTime, .ready, .placing:
            status.state = .downloading
            status.reasons += ranked(
                [moving(.downloading, item.blob.byteCount, item.blob.byteCount, since: since)],
                need)
        case .waiting:
            status.state = .failed
            status.nextTry = item.attempts.nextTry.map { wall(at: $0) }
            if item.isLost {
                status.reasons.append(
                    Reason(
                        .lostOnServer, ["name": item.name],
                        since: item.attempts.since ?? since))
            } else {
                status.reasons += [engine.retrying(item.name, item.attempts, at: moment)]
                    .compactMap { $0 }
            }
        }
    }

    private func aheadInReceiving(_ item: DownloadItem) -> Ahead {
        var ahead = Ahead()
        let own = Ticket(order: item.order, subject: item.blob.digest)
        for ticket in engine.downloads.queue.elements + engine.downloads.remote.elements
        where ticket < own {
            guard let other = engine.downloads.items[ticket.subject], other.stage == .queued else {
                continue
            }
            ahead.count(other.blob.byteCount)
        }
        return ahead
    }
}
