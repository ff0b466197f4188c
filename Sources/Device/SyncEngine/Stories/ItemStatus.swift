import Library
package import Records
package import Status

// How one item is: derived from the same evidence as the library's status, whenever it is asked for,
// and never kept (P6).

/// What a person or another part asks about.
package enum ItemSubject: Hashable, Sendable {
    case asset(RecordID)
    case digest(Digest)
    case place(Place)
}

/// What an item still needs, so that the library's reasons that stop just that are its own as well.
enum ItemNeed {
    case nothing
    /// Its file has to be read.
    case reading(Place)
    case upload(byteCount: Int64)
    case download(byteCount: Int64)
}

extension SyncEngine {
    /// The evidence now; before its start the engine knows what the rows say.
    func evidence(at moment: Moment, _ rows: any Rows) throws(RowsError) -> ItemEvidence {
        var engine = self
        if engine.settings == nil {
            engine.settings = try rows.settings
            engine.roots = try rows.roots
            try engine.readChoices(rows)
            engine.feed.state = try rows.feed()
            engine.circumstances.service = try rows.photosService()
            for aside in try rows.setAsides() { engine.asides.save(aside) }
        }
        return ItemEvidence(
            engine: engine, moment: moment, rows: rows,
            libraryReasons: engine.reasons(at: moment, nil))
    }

    /// A pure function of what the engine and the rows know now (P6); `nil`: nothing is known of it.
    package func status(
        of subject: ItemSubject, at moment: Moment, rows: some Rows
    ) throws(RowsError) -> ItemStatus? {
        try evidence(at: moment, rows).status(of: subject)
    }
}

/// Everything that an item's status follows from; made once for many items.
struct ItemEvidence {
    let engine: SyncEngine
    let moment: Moment
    let rows: any Rows
    /// Of them, those that stop what an item needs concern it.
    let libraryReasons: [Reason]

    func status(of subject: ItemSubject) throws(RowsError) -> ItemStatus? {
        switch subject {
        case .asset(let id):
            if let remote = try rows.remote(RecordKey(type: .asset, id: id)) {
                return try status(of: remote)
            }
            return try unsentStatus(id)
        case .digest(let digest):
            return try rows.localFiles(with: digest).isEmpty
                ? rows.assets(with: digest).first.map { (remote) throws(RowsError) in
                    try status(of: remote)
                }
                : status(of: digest)
        case .place(let place):
            if let file = try rows.localFile(at: place) { return try status(of: file) }
            guard let missing = try rows.missingFile(at: place) else { return nil }
            return try status(of: .asset(missing.agreed.asset))
        }
    }

    /// Not known to the server: found by its id among what is being sent.
    private func unsentStatus(_ id: RecordID) throws(RowsError) -> ItemStatus? {
        guard let idKey = engine.settings?.idKey else { return nil }
        var place: Place?
        while true {
            let page = try rows.openLocalFiles(after: place, limit: Limits.openRowsPerPageMax)
            for file in page {
                guard let digest = file.content?.digest,
                    AssetIdentity.id(of: digest, idKey: idKey) == id
                else { continue }
                return try status(of: file)
            }
            guard page.count == Limits.openRowsPerPageMax else { return nil }
            place = page.last?.place
        }
    }

    // MARK: A file

    func status(of file: LocalFile) throws(RowsError) -> ItemStatus {
        switch file.state {
        case .read(let content), .sidecar(let content):
            return try status(of: content.digest, preferring: file)
        case .unread: return try unread(file)
        case .unreadable(let error):
            let reason = Reason(
                .unreadableFile, ["path": engine.path(file.place), "cause": error.text],
                since: file.since)
            return status(of: file, .failed, [reason])
        case .notIncluded(let code):
            if ItemBound.codes.contains(ReasonCode(rawValue: code)) {
                return status(of: file, .failed, [engine.boundReason(file)].compactMap { $0 })
            }
            return status(of: file, .notIncluded, [try notIncluded(file, code)])
        }
    }

    private func status(
        of file: LocalFile, _ state: ItemState, _ reasons: [Reason], ahead: Int? = nil
    ) -> ItemStatus {
        ItemStatus(
            item: file.agreed?.asset, name: FileName.cleaned(file.place.path.name).text,
            state: state, reasons: reasons, ahead: ahead)
    }

    private func unread(_ file: LocalFile) throws(RowsError) -> ItemStatus {
        if engine.isSetAside(file), let aside = engine.asides[.file(file.place)] {
            return status(of: file, .failed, [aside.reason])
        }
        let need = ItemNeed.reading(file.place)
        let name = FileName.cleaned(file.place.path.name).text
        if let settling = engine.reading.settlers[file.place] {
            let reason = Reason(.stillChanging, ["name": name], since: settling.since)
            return status(of: file, .waiting, ranked([reason], need))
        }
        if engine.reading.inFlight[file.place] != nil {
            let total = EvidenceText.bytes(file.stamp.byteCount)
            let read = EvidenceText.bytes(engine.reading.progress[file.place] ?? 0)
            let reason = Reason(.hashing, ["read": read, "total": total], since: file.since)
            return status(of: file, .waiting, [reason])
        }
        let ahead = try aheadInReading(file)
        return status(
            of: file, .waiting, ranked([queued(ahead, since: file.since)], need),
            ahead: ahead.items)
    }

    private func notIncluded(_ file: LocalFile, _ code: String) throws(RowsError) -> Reason {
        let path = engine.path(file.place)
        var evidence = ["path": path]
        if code == ReasonCode.deletedBefore.rawValue {
            let picture = try engine.picture(
                of: file.place.path.name, in: file.place.folder, rows)
            let asset = try picture?.content.flatMap { (content) throws(RowsError) in
                try rows.assets(with: content.digest).first
            }
            evidence["date"] = EvidenceText.day(asset?.record.deletedAt ?? file.since)
        } else if code == ReasonCode.suspiciousChange.rawValue {
            evidence = engine.suspicion(of: file)
        } else if file.place.path.name.first == UInt8(ascii: ".") {
            evidence["rule"] = "names that begin with a dot are left out"
        } else {
            evidence["rule"] = "links, pipes and devices are left out"
        }
        return Reason(ReasonCode(rawValue: code), evidence, since: file.since)
    }

    // MARK: Bytes

    /// `preferring`: the place that was asked about.
    func status(
        of digest: Digest, preferring asked: LocalFile? = nil
    ) throws(RowsError) -> ItemStatus {
        let files = try rows.localFiles(with: digest)
        guard let file = asked ?? files.first else {
            return ItemStatus(item: nil, name: digest.text, state: .onlyInCloud)
        }
        var status: ItemStatus
        if let item = engine.uploads.items[digest] {
            status = try uploadStatus(item, file)
        } else if let remote = try remote(naming: digest) {
            if remote.record.isLiveAsset || remote.record.joinedInto != nil {
                status = try self.status(of: remote)
                if asked != nil { status.reasons += otherView(of: digest, in: remote.record) }
            } else {
                status = deletedBefore(remote, file)
            }
        } else {
            status = try unconsidered(file)
        }
        if let other = files.first(where: { $0.place != file.place }) {
            status.reasons.append(
                Reason(.duplicateOf, ["name": engine.path(other.place)], since: file.since))
        }
        return status
    }

    /// A live asset before a deleted one.
    private func remote(naming digest: Digest) throws(RowsError) -> RemoteRecord? {
        let found = try rows.assets(with: digest)
        if let live = found.first(where: { $0.record.isLiveAsset || $0.record.joinedInto != nil }) {
            return live
        }
        guard found.isEmpty, let idKey = engine.settings?.idKey else { return found.first }
        let id = AssetIdentity.id(of: digest, idKey: idKey)
        return try rows.remote(RecordKey(type: .asset, id: id))
    }

    private func deletedBefore(_ remote: RemoteRecord, _ file: LocalFile) -> ItemStatus {
        let date = remote.record.deletedAt
        return ItemStatus(
            item: remote.record.key.id, name: FileName.cleaned(file.place.path.name).text,
            state: .notIncluded,
            reasons: [Reason(.deletedBefore, ["date": EvidenceText.day(date)], since: date)])
    }

    /// Read, and not in memory: the feed is not read to its end, or too much is open.
    private func unconsidered(_ file: LocalFile) throws(RowsError) -> ItemStatus {
        if let digest = file.content?.digest, let aside = engine.asides[.bytes(digest)],
            aside.isSetAside
        {
            return ItemStatus(
                item: id(of: file), name: aside.name, state: .failed, reasons: [aside.reason])
        }
        let statistics = try rows.statistics()
        let ahead = Ahead(
            items: max(0, statistics.digestsOnlyHere - 1),
            byteCount: max(0, statistics.byteCountOnlyHere - file.stamp.byteCount))
        return onlyHere(file, ahead)
    }

    func onlyHere(_ file: LocalFile, _ ahead: Ahead) -> ItemStatus {
        let need = ItemNeed.upload(byteCount: file.stamp.byteCount)
        let stopping = stopping(need)
        return ItemStatus(
            item: id(of: file), name: FileName.cleaned(file.place.path.name).text,
            state: stopping.isEmpty ? .waiting : .onlyHere,
            reasons: ranked([queued(ahead, since: file.since)], need), ahead: ahead.items,
            nextTry: nextTry(of: need))
    }

    func id(of file: LocalFile) -> RecordID? {
        guard let digest = file.content?.digest, let idKey = engine.settings?.idKey else {
            return nil
        }
        return file.agreed?.asset ?? AssetIdentity.id(of: digest, idKey: idKey)
    }

    // MARK: What stops it

    /// The library's reasons that stop what the item needs.
    func stopping(_ need: ItemNeed) -> [Reason] {
        libraryReasons.filter { reason in
            guard let rule = ReasonTable.rule(of: reason.code), rule.scope != .item else {
                return false
            }
            switch (rule.effect, need) {
            case (_, .nothing), (.thisItem, _), (.informs, _): return false
            case (.stopsEverything, .upload), (.stopsEverything, .download): return true
            case (.stopsUploads, .upload), (.stopsDownloads, .download): return true
            case (.stopsLargeItems, .upload(let byteCount)):
                return byteCount > engine.byteCountAllowed(.upload)
            case (.stopsLargeItems, .download(let byteCount)):
                return byteCount > engine.byteCountAllowed(.download)
            case (_, .reading(let place)):
                return place.root.isLibrary && !engine.library.isUsable
                    && reason.code == .volumeMissing
            default: return false
            }
        }
    }

    func ranked(_ own: [Reason], _ need: ItemNeed) -> [Reason] {
        ReasonTable.ranked(own + stopping(need))
    }

    /// When the gate that it waits behind lets something through.
    func nextTry(of need: ItemNeed) -> Timestamp? {
        let own: Int64? =
            switch need {
            case .upload: engine.uploads.gate.nextTry
            case .download: engine.downloads.gate.nextTry
            case .reading, .nothing: nil
            }
        let gates = [engine.serverGate.nextTry, own].compactMap { $0 }
        return gates.max().map { wall(at: $0) }
    }

    /// The wall time of an uptime.
    func wall(at uptime: Int64) -> Timestamp {
        moment.wall.adding(milliseconds: max(0, uptime - moment.uptime))
    }

    func queued(_ ahead: Ahead, since: Timestamp) -> Reason {
        Reason(
            .queued,
            [
                "items": EvidenceText.items(ahead.items),
                "bytes": EvidenceText.bytes(ahead.byteCount),
            ], since: since)
    }
}

extension Record {
    /// When it went to Recently Deleted, or for good.
    var deletedAt: Timestamp { envelope.trashedAt ?? envelope.changedAt }
}

extension SyncEngine {
    /// Absolute, for people.
    func path(_ place: Place) -> String { pathText(place.root, place.path) }
}
