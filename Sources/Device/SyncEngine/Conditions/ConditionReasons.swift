import Records
import Status

// What a person is told of conditions: each reason from its evidence, for as long as it lasts.

extension SyncEngine {
    func conditionCodes(at moment: Moment) -> [ReasonCode] {
        conditionEvidence(at: moment).map(\.code)
    }

    func conditionReasons(at moment: Moment) -> [Reason] {
        conditionEvidence(at: moment).map { code, evidence in
            if code == .pausedByYou, let pause = circumstances.pause {
                return Reason(code, evidence, since: pause.since)
            }
            return Reason(code, evidence, since: circumstances.since(code, at: moment))
        }
    }

    /// Of an engine that was not started.
    func pauseReasons(at moment: Moment, _ rows: any Rows) throws(RowsError) -> [Reason] {
        guard let pause = try rows.pause(), pause.isInForce(at: moment) else { return [] }
        return [Reason(.pausedByYou, ["until": pause.untilText], since: pause.since)]
    }

    /// Whether an item waits for conditions to change.
    var isHoldingBack: Bool { uploads.deferredCount + downloads.deferredCount > 0 }

    private typealias Evidence = (code: ReasonCode, evidence: [String: String])

    private func conditionEvidence(
        at moment: Moment
    ) -> [(code: ReasonCode, evidence: [String: String])] {
        var found = stopEvidence(at: moment)
        guard let reading = circumstances.reading else { return found }
        if !circumstances.isOverridden { addLimits(reading, at: moment, to: &found) }
        addNetwork(at: moment, to: &found)
        let offset = reading.clockOffsetSeconds
        if offset.magnitude > UInt64(Limits.clockOffsetSecondsMax) {
            let duration = EvidenceText.duration(seconds: Int64(clamping: offset.magnitude))
            let words = "\(duration) \(offset > 0 ? "ahead of" : "behind")"
            found.append((.clockWrong, ["offset": words]))
        }
        if circumstances.wokeUntil != nil, let sleep = reading.sleep {
            found.append(
                (
                    .wasAsleep,
                    [
                        "from": Self.localTime(sleep.from, reading),
                        "until": Self.localTime(sleep.until, reading),
                    ]
                ))
        }
        if let limit = reading.watchLimit {
            let more = max(Limits.watchesWanted, limit * 2)
            found.append((.watchLimit, ["limit": String(limit), "more": String(more)]))
        }
        if let user = reading.endsAtLogoutOf {
            found.append((.backgroundNotAllowed, ["user": user]))
        }
        return found
    }

    private func stopEvidence(at moment: Moment) -> [Evidence] {
        var found: [Evidence] = []
        if let pause = circumstances.pause, pause.isInForce(at: moment) {
            found.append((.pausedByYou, ["until": pause.untilText]))
        }
        switch circumstances.way {
        case .offline(let cause): found.append((.offline, ["cause": cause]))
        case .captivePortal:
            found.append((.captivePortal, ["server": settings?.server ?? "the server"]))
        case .paused, .serviceOff, .appNotAllowed, nil: break
        }
        return found
    }

    private func addLimits(
        _ reading: Conditions, at moment: Moment, to found: inout [Evidence]
    ) {
        let count = uploads.deferredCount + downloads.deferredCount
        // Asked with every event, and most often there is no limit to tell of.
        lazy var waiting = waitingText(count)
        if savesPower(reading) { found.append((.lowPowerMode, ["waiting": waiting])) }
        if let percent = lowBatteryPercent(reading) {
            found.append(
                (
                    .lowBattery,
                    [
                        "level": "\(percent) %", "waiting": waiting,
                        "enough": "\(reading.policies.batteryPercentMin) %",
                    ]
                ))
        }
        if reading.network.isMetered {
            switch reading.policies.metered {
            case .unlimited: break
            case .small: found.append((.meteredNetwork, ["waiting": waiting]))
            case .never:
                let all = count > 0 ? "\(EvidenceText.items(count)) wait" : waiting
                found.append((.meteredNetwork, ["waiting": all]))
            case .daily(let limit):
                guard count > 0 else { break }
                let used = EvidenceText.bytes(meteredByteCount(moment))
                let words =
                    "\(used) of today's \(EvidenceText.bytes(limit)) are used, "
                    + "\(EvidenceText.items(count)) \(count == 1 ? "waits" : "wait")"
                found.append((.meteredNetwork, ["waiting": words]))
            }
        }
        if let hours = reading.policies.largeUploadHours, uploads.deferredCount > 0,
            !hours.contains(localHour(reading, at: moment))
        {
            found.append(
                (
                    .outsideHours,
                    [
                        "items": EvidenceText.items(uploads.deferredCount),
                        "size": EvidenceText.bytes(Limits.largeItemByteCountMin),
                        "from": "\(hours.from):00", "until": "\(hours.until):00",
                    ]
                ))
        }
    }

    private func waitingText(_ count: Int) -> String {
        guard count > 0 else { return "nothing waits because of it" }
        let size = EvidenceText.bytes(Limits.smallItemByteCountMax)
        return "\(EvidenceText.items(count)) over \(size) \(count == 1 ? "waits" : "wait")"
    }

    private func addNetwork(at moment: Moment, to found: inout [Evidence]) {
        let waits = !uploads.items.isEmpty || !downloads.items.isEmpty
        if waits, circumstances.requests.isUnstable, circumstances.way == nil {
            found.append(
                (
                    .networkUnstable,
                    [
                        "broken": String(circumstances.requests.brokenCount),
                        "requests": String(RecentRequests.countMax),
                    ]
                ))
        }
        let rate = traffic.rate(at: moment)
        if uploads.transfers > 0, rate > 0, uploads.byteCount / rate > Limits.slowUplinkSeconds {
            found.append(
                (
                    .slowUplink,
                    [
                        "rate": EvidenceText.bytes(rate),
                        "duration": EvidenceText.duration(seconds: uploads.byteCount / rate),
                    ]
                ))
        }
    }

    private static func localTime(_ time: Timestamp, _ reading: Conditions) -> String {
        let seconds = time.milliseconds / 1_000 + reading.localOffsetSeconds
        let minutes = (seconds % 86_400 + 86_400) % 86_400 / 60
        let minute = minutes % 60
        return "\(minutes / 60):\(minute < 10 ? "0" : "")\(minute)"
    }
}
