import Records
import Status

// How much may move now, by power, network and hour.

enum TransferDirection: Sendable {
    case upload, download
}

extension SyncEngine {
    /// The size of the largest item whose bytes may move now.
    ///
    /// Items above it wait without standing in the way of others (P7).
    func byteCountAllowed(_ direction: TransferDirection) -> Int64 {
        guard let reading = circumstances.reading, !circumstances.isOverridden else { return .max }
        var allowed = Int64.max
        if isPowerLow(reading) { allowed = min(allowed, Limits.smallItemByteCountMax) }
        if reading.network.isMetered {
            switch reading.policies.metered {
            case .never: allowed = 0
            case .small: allowed = min(allowed, Limits.smallItemByteCountMax)
            case .daily(let limit): allowed = min(allowed, max(0, limit - meteredByteCount(now)))
            case .unlimited: break
            }
        }
        if direction == .upload, let hours = reading.policies.largeUploadHours,
            !hours.contains(localHour(reading, at: now))
        {
            allowed = min(allowed, Limits.largeItemByteCountMin)
        }
        return allowed
    }

    private func isPowerLow(_ reading: Conditions) -> Bool {
        savesPower(reading) || lowBatteryPercent(reading) != nil
    }

    func savesPower(_ reading: Conditions) -> Bool {
        reading.power.isSaving && reading.policies.respectsPowerSaver
    }

    func lowBatteryPercent(_ reading: Conditions) -> Int? {
        guard case .battery(let percent) = reading.power.source,
            percent < reading.policies.batteryPercentMin
        else { return nil }
        return percent
    }

    func localHour(_ reading: Conditions, at moment: Moment) -> Int {
        let seconds = moment.wall.milliseconds / 1_000 + reading.localOffsetSeconds
        return Int((seconds % 86_400 + 86_400) % 86_400 / 3_600)
    }

    private func localDay(_ moment: Moment) -> Int64 {
        let seconds =
            moment.wall.milliseconds / 1_000 + (circumstances.reading?.localOffsetSeconds ?? 0)
        return (seconds - (seconds % 86_400 + 86_400) % 86_400) / 86_400
    }

    /// Moved or under way today.
    func meteredByteCount(_ moment: Moment) -> Int64 {
        let use = circumstances.meteredUse
        let moved = use?.day == localDay(moment) ? use?.byteCount ?? 0 : 0
        return moved + requests.values.reduce(0) { $0 + byteCount(of: $1) }
    }

    /// A transfer ended, however it did.
    mutating func countMetered(_ byteCount: Int64, _ rows: any Rows) throws(RowsError) {
        guard let reading = circumstances.reading, reading.network.isMetered, byteCount > 0,
            case .daily = reading.policies.metered
        else { return }
        let day = localDay(now)
        var use = circumstances.meteredUse ?? MeteredUse(day: day, byteCount: 0)
        if use.day != day { use = MeteredUse(day: day, byteCount: 0) }
        use.byteCount += byteCount
        circumstances.meteredUse = use
        try rows.save(use)
    }
}
