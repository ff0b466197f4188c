import Library
import Records
package import Status

// What a person is told: derived from evidence whenever it is asked for, never kept (P6).

extension SyncEngine {
    /// A pure function of what the engine and the rows know now (P6).
    package func status(at moment: Moment, rows: some Rows) throws(RowsError) -> LibraryStatus {
        let statistics = try rows.statistics()
        let settings = if let known = self.settings { known } else { try rows.settings }
        let service =
            self.settings == nil ? try rows.photosService() : circumstances.service
        let held = try heldSummary(rows, at: moment)
        var found = reasons(at: moment, statistics) + heldReasons(held, at: moment)
        found += try suspiciousReasons(statistics, rows) + boundReasons(statistics, rows)
        found += try previewReasons(rows, at: moment)
        found += try Conflicts.list(rows, limit: Limits.itemReasonsMax).map {
            $0.reason(at: moment)
        }
        // Nobody has asked the rows yet.
        if self.settings == nil {
            found += try pauseReasons(at: moment, rows)
            found += serviceReasons(service)
        }
        let asides = self.settings == nil ? try rows.setAsides().filter(\.isSetAside) : asides.list
        found += asides.prefix(Limits.itemReasonsMax).map(\.reason)
        let reasons = ReasonTable.ranked(found)
        let counts = counts(
            statistics, settings, asides, heldCount: held.isHeld ? held.deletions : 0,
            isOn: service.isOn)
        var bytes = ByteCounts()
        bytes.toUpload = statistics.byteCountOnlyHere + statistics.byteCountUnread
        bytes.toDownload =
            settings.optimizesStorage
            ? statistics.byteCountChosenHere
            : statistics.byteCountNotInLibrary - statistics.byteCountChosenInCloud
        if !service.isOn { bytes.toDownload = 0 }
        bytes.uploaded = traffic.uploaded
        bytes.downloaded = traffic.downloaded
        bytes.perSecond = traffic.rate(at: moment)
        let left = max(0, bytes.toUpload + bytes.toDownload - traffic.byteCountUnderWay)
        let state = state(of: reasons, counts, at: moment)
        return LibraryStatus(
            state: state, reasons: reasons, counts: counts, bytes: bytes,
            secondsLeft: bytes.perSecond > 0 && left > 0
                ? (left + bytes.perSecond - 1) / bytes.perSecond : nil)
    }

    /// A partition: every item is counted once.
    private func counts(
        _ statistics: RowStatistics, _ settings: DeviceSettings, _ asides: [SetAside],
        heldCount: Int, isOn: Bool
    ) -> ItemCounts {
        var counts = ItemCounts()
        counts.items =
            statistics.assets + statistics.digestsOnlyHere + statistics.filesUnread
            + statistics.filesUnreadable + statistics.filesPastBounds
        // Assets
        counts.inSync = statistics.assetsHere
        var elsewhere = statistics.assets - statistics.assetsHere
        counts.held = min(heldCount, elsewhere)
        elsewhere -= counts.held
        counts.onlyInCloud = min(
            elsewhere,
            settings.optimizesStorage
                ? elsewhere - statistics.chosenHere : statistics.chosenInCloud)
        elsewhere -= counts.onlyInCloud
        if elsewhere > 0 {
            let failing = min(downloads.failingCount, elsewhere)
            elsewhere -= failing
            counts.downloading = min(downloads.transfers, elsewhere)
            elsewhere -= counts.downloading
            counts.failed = failing
            if isOn, canWrite {
                counts.waiting = elsewhere
            } else {
                counts.onlyInCloud += elsewhere
            }
        }
        // Here, but not as its user wants it
        let pending = min(statistics.assetsPending, counts.inSync)
        counts.inSync -= pending
        counts.waiting += pending
        // What only this device has
        var here = statistics.digestsOnlyHere
        let unread = asides.count { if case .file = $0.key { true } else { false } }
        let failing = min(uploads.failingCount + asides.count - unread, here)
        here -= failing
        counts.uploading = min(uploads.activeCount, here)
        here -= counts.uploading
        let unreadFailing = min(unread, statistics.filesUnread)
        counts.failed +=
            failing + statistics.filesUnreadable + statistics.filesPastBounds + unreadFailing
        if finished == nil, self.settings != nil, !serverGate.isClosed, !uploads.gate.isClosed,
            circumstances.stop(at: now) == nil
        {
            counts.waiting += here
        } else {
            counts.onlyHere = here
        }
        counts.waiting += statistics.filesUnread - unreadFailing
        return counts
    }

    private var canWrite: Bool {
        !serverGate.isClosed && !downloads.gate.isClosed && library.isUsable
    }

    private func state(
        of reasons: [Reason], _ counts: ItemCounts, at moment: Moment
    ) -> LibraryState {
        // What would stop large items stops nothing while none is there.
        let felt = reasons.filter { reason in
            isHoldingBack || ReasonTable.rule(of: reason.code)?.effect != .stopsLargeItems
        }
        var states = [LibraryState(of: felt, at: moment.wall)]
        if feed.isReading || feed.isBehind { states.append(.updating) }
        if !comparison.isIdle || !reading.isIdle || !openPass.isIdle { states.append(.syncing) }
        if downloads.batch != nil || downloads.localWork > 0 { states.append(.downloading) }
        if previews.transfers > 0 { states.append(.downloading) }
        if counts.downloading > 0 || downloads.transfers > 0 { states.append(.downloading) }
        if counts.uploading > 0 || uploads.transfers > 0 { states.append(.uploading) }
        if userChanges.isUnderWay { states.append(.uploading) }
        if states.allSatisfy({ $0 == .upToDate }), counts.waiting + counts.onlyHere > 0 {
            states.append(.waiting)
        }
        return states.max { $0.rank < $1.rank } ?? .upToDate
    }

    // MARK: Reasons

    func reasons(at moment: Moment, _ statistics: RowStatistics?) -> [Reason] {
        var reasons = conditionReasons(at: moment) + serviceReasons(circumstances.service)
        reasons += serverReasons(at: moment) + libraryReasons
        reasons += readingReasons(statistics)
        reasons += transferReasons(at: moment) + workReasons(at: moment)
        reasons += optimizingReasons
        return reasons
    }

    private func serverReasons(at moment: Moment) -> [Reason] {
        var reasons: [Reason] = []
        if let since = feed.restoredAt { reasons.append(Reason(.serverRestored, since: since)) }
        reasons += noticeReasons(at: moment)
        if uploads.gate.failure == .serverStorageFull, let since = uploads.gate.since {
            reasons.append(Reason(.serverStorageFull, since: since))
        }
        guard let failure = serverGate.failure, let since = serverGate.since else {
            return reasons
        }
        // The way there is at fault, and said to be.
        if failure.isOfTheWay, circumstances.way != nil { return reasons }
        let evidence = [
            "server": settings?.server ?? "the server", "cause": failure.cause,
            "nextTry": nextTry(serverGate.attempts, at: moment),
        ]
        let code: ReasonCode
        switch failure {
        case .signInNeeded: code = .signInNeeded
        case .versionTooOld(let words, let side):
            let sides = [
                "side": side == .server ? "The server" : "This device",
                "cause": words.hasSuffix(".") ? String(words.dropLast()) : words,
            ]
            return reasons + [Reason(.versionTooOld, sides, since: since)]
        case .maintenance(let until, let message):
            let words = message.map { " (\($0))" } ?? ""
            return reasons + [
                Reason(
                    .serverMaintenance, ["until": EvidenceText.time(until) + words], since: since)
            ]
        case .retryLater(ReasonCode.rateLimited.rawValue, _): code = .rateLimited
        case .retryLater: code = .serverDown
        default: code = .serverUnreachable
        }
        if code == .serverUnreachable, failure.isOfTheWay,
            let tunnel = circumstances.reading?.network.tunnel
        {
            let way = ["server": settings?.server ?? "the server", "tunnel": tunnel]
            return reasons + [Reason(.vpnOrProxy, way, since: since)]
        }
        return reasons + [Reason(code, evidence, since: since)]
    }

    private var libraryReasons: [Reason] {
        var reasons = markReasons()
        if library.readOnlySince == nil, let since = since(libraryFails: .readOnly) {
            reasons.append(Reason(.readOnlyVolume, since: since))
        }
        reasons += spaceReasons
        return reasons
    }

    /// Since when the library's disk has failed what was fetched, in this way.
    func since(libraryFails error: DiskError) -> Timestamp? {
        [downloads.gate, previews.gate].compactMap { gate in
            if case .disk(error)? = gate.failure { gate.since } else { nil }
        }.min()
    }

    private func readingReasons(_ statistics: RowStatistics?) -> [Reason] {
        var reasons = library.troubles.map { trouble in
            Reason(
                .unreadableFile,
                [
                    "path": pathText(trouble.folder.root, trouble.folder.path),
                    "cause": trouble.error.text,
                ],
                since: trouble.since)
        }
        var unreadable = 0
        for trouble in reading.troubles {
            if let error = trouble.error {
                unreadable += 1
                reasons.append(
                    Reason(
                        .unreadableFile,
                        [
                            "path": pathText(trouble.place.root, trouble.place.path),
                            "cause": error.text,
                        ],
                        since: trouble.since))
            } else {
                let name = FileName.cleaned(trouble.place.path.name).text
                reasons.append(Reason(.stillChanging, ["name": name], since: trouble.since))
            }
        }
        // Known from an earlier run, not read again yet.
        if unreadable == 0, let count = statistics?.filesUnreadable, count > 0 {
            reasons.append(
                Reason(
                    .unreadableFile,
                    ["path": EvidenceText.items(count), "cause": "the last reading failed"],
                    since: now.wall))
        }
        return reasons
    }

    private func transferReasons(at moment: Moment) -> [Reason] {
        var reasons: [Reason] = []
        for digest in uploads.troubles {
            guard let item = uploads.items[digest] else { continue }
            reasons += [retrying(item.name, item.attempts, at: moment)].compactMap { $0 }
        }
        for digest in downloads.troubles {
            guard let item = downloads.items[digest], let since = item.attempts.since else {
                continue
            }
            if item.isLost {
                reasons.append(Reason(.lostOnServer, ["name": item.name], since: since))
            } else {
                reasons += [retrying(item.name, item.attempts, at: moment)].compactMap { $0 }
            }
        }
        for key in userChanges.troubles {
            guard let attempts = userChanges.failing[key] else { continue }
            reasons += [retrying("a change of a photo or album", attempts, at: moment)]
                .compactMap { $0 }
        }
        for key in userChanges.readOnly.keys.sorted() {
            if let record = userChanges.readOnly[key] { reasons.append(newerItem(record)) }
        }
        if uploads.waitingForOriginalCount > 0 {
            reasons.append(
                Reason(
                    .waitsForOriginal,
                    ["original": EvidenceText.items(uploads.waitingForOriginalCount)],
                    since: now.wall))
        }
        return reasons
    }

    func retrying(_ name: String, _ attempts: Attempts, at moment: Moment) -> Reason? {
        guard let since = attempts.since else { return nil }
        let tries = attempts.tries == 1 ? "once" : "\(attempts.tries) times"
        return Reason(
            .retrying,
            [
                "tries": tries, "cause": "\(name): \(attempts.cause)",
                "nextTry": nextTry(attempts, at: moment),
            ],
            since: since)
    }

    private func nextTry(_ attempts: Attempts, at moment: Moment) -> String {
        guard let next = attempts.nextTry else { return "with the next sync" }
        let seconds = (next - moment.uptime + 999) / 1_000
        return seconds <= 0 ? "now" : "in \(EvidenceText.duration(seconds: seconds))"
    }

    func pathText(_ root: RootID, _ path: RelativePath) -> String {
        let folder = roots.first { $0.id == root }?.path ?? ""
        return path.bytes.isEmpty ? folder : folder + "/" + FileName.cleaned(path.bytes).text
    }
}
