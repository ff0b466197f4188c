package import Records
import Status

// A service that is switched off on this device.
//
// - Nothing is sent, fetched or moved. The device goes on looking at its own files and reporting.
// - Absent is not deleted (P4): what goes from the library while the service is off, and until all
//   was compared once after it is on again, is fetched again.
// - Originals that are safe in the cloud may be asked to leave: by the steps of Optimize Storage, for
//   which the feed is read and receipts are asked for, and nothing else.

/// Whether a service syncs on this device.
package enum ServiceState: Hashable, Sendable {
    case on
    /// `removes`: originals that are safe in the cloud are leaving this device.
    case off(since: Timestamp, removes: Bool)
    /// On again, and the library was not compared since.
    case returning

    package var isOn: Bool { if case .off = self { false } else { true } }

    package var isRemoving: Bool {
        if case .off(_, let removes) = self { removes } else { false }
    }
}

extension SyncEngine {
    mutating func readService(_ rows: any Rows) throws(RowsError) {
        circumstances.service = try rows.photosService()
        if options.removesOriginals {
            circumstances.service = .off(since: now.wall, removes: true)
            circumstances.pause = nil
        }
        if circumstances.service.isRemoving { evictions.needPass() }
    }

    /// Whether the server may be asked for what a removal has to prove.
    var allowsRemoval: Bool {
        circumstances.service.isRemoving && !circumstances.isPaused(at: now)
            && circumstances.way == nil && circumstances.deniedSince == nil
            && serverGate.allows(at: now) && !isAnothers
    }

    /// The user switched it on or off, paused or resumed.
    mutating func allowancesChanged(_ rows: any Rows) throws(RowsError) {
        let before = circumstances.service
        try readAllowances(rows)
        guard circumstances.service != before else { return }
        readMark()
        startComparison()
        evictions.startAnew()
        evictions.idlePasses = 0
        if circumstances.service.isOn {
            // Only what is compared from now on may be missing.
            comparison.hasComparedLibrary = false
            feed.isNeeded = true
            downloads.isPassNeeded = true
        } else {
            cancelTransfers()
            if circumstances.service.isRemoving { feed.isNeeded = true }
        }
    }

    private mutating func cancelTransfers() {
        for (id, outgoing) in requests.sorted(by: { $0.key.rawValue < $1.key.rawValue })
        where outgoing.isTransfer {
            effects.append(.cancel(id))
        }
    }

    /// What the server said of the account's permission.
    ///
    /// While there is none, what changes here waits for it, as in a pause: nothing is sent or
    /// fetched, and the report's answer tells when it is given.
    mutating func take(deniedSince: Timestamp?) {
        let before = circumstances.deniedSince
        guard deniedSince != before else { return }
        circumstances.deniedSince = deniedSince
        if before == nil {
            cancelTransfers()
        } else if deniedSince == nil {
            feed.isNeeded = true
            retryEverything()
        }
    }

    /// A request was refused before the report's answer told of it.
    mutating func learnedOfDenial() {
        take(deniedSince: circumstances.deniedSince ?? now.wall)
        reporting.isNoticeStale = true
    }

    /// All was compared since it is on again, and every folder could be read: from now on what is
    /// missing may be a deletion.
    ///
    /// A folder that can be read again has others below it, which are to be read first.
    mutating func advanceService(_ rows: any Rows) throws(RowsError) {
        guard circumstances.service == .returning, comparison.hasComparedLibrary,
            !comparison.isRunning, comparison.queue.isEmpty, comparison.reading.isEmpty,
            !library.troubles.contains(where: { $0.folder.root.isLibrary }),
            try rows.photosService() == .returning
        else { return }
        // It may have lain elsewhere until the service was off.
        try forgetMissing(onlyUnconfirmed: true, rows)
        circumstances.service = .on
        try rows.save(photosService: .on)
    }

    /// A pass over all that may leave has ended: whether that was the last one.
    mutating func removalEnds(_ rows: any Rows) throws(RowsError) -> Bool {
        guard case .off(let since, true) = circumstances.service else { return true }
        evictions.idlePasses =
            evictions.isWorthAnotherPass ? 0 : evictions.idlePasses + 1
        evictions.isWorthAnotherPass = false
        guard evictions.pending.isEmpty || evictions.idlePasses >= Evictions.idlePassesMax else {
            return false
        }
        let ended = ServiceState.off(since: since, removes: false)
        if !options.removesOriginals {
            // The user may have changed it a moment ago.
            guard try rows.photosService() == circumstances.service else { return true }
            try rows.save(photosService: ended)
        }
        circumstances.service = ended
        return true
    }

    func serviceReasons(_ service: ServiceState) -> [Reason] {
        var reasons: [Reason] = []
        if let since = circumstances.deniedSince {
            reasons.append(
                Reason(.appNotAllowed, ["app": "Photos", "service": "photos"], since: since))
        }
        guard case .off(let since, _) = service, !options.removesOriginals else { return reasons }
        let others = reporting.notice?.devicesWithServiceOff ?? []
        return reasons + [
            Reason(
                .serviceOff,
                [
                    "title": "Photos", "service": "photos",
                    "devices": Self.list(["this device"] + others),
                ], since: since)
        ]
    }

    /// `a`, `a and b`, `a, b and c`.
    private static func list(_ names: [String]) -> String {
        guard let last = names.last, names.count > 1 else { return names.first ?? "" }
        return names.dropLast().joined(separator: ", ") + " and " + last
    }
}
