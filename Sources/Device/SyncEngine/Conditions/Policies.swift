/// What the user allows under which conditions (Documentation/configuration.md).
package struct Policies: Hashable, Sendable {
    package enum Metered: Hashable, Sendable {
        /// No bytes of items; what people decide (favorites, albums, deletions) crosses always.
        case never
        /// Items of `Limits.smallItemByteCountMax` at most.
        case small
        /// As long as so many bytes were not moved since midnight.
        case daily(byteCount: Int64)
        case unlimited
    }

    package enum KeepAwake: String, Hashable, Sendable {
        case never, onMains, always
    }

    /// Hours of the day by local time, which may go past midnight.
    package struct Hours: Hashable, Sendable {
        package let from: Int
        package let until: Int

        /// `nil` unless both are hours and differ.
        package init?(from: Int, until: Int) {
            guard (0..<24).contains(from), (0..<24).contains(until), from != until else {
                return nil
            }
            self.from = from
            self.until = until
        }

        func contains(_ hour: Int) -> Bool {
            from < until ? (from..<until).contains(hour) : hour >= from || hour < until
        }
    }

    package var metered: Metered
    /// With the power saver on, only small items move.
    package var respectsPowerSaver: Bool
    /// On battery below it only small items move; 0: never mind.
    package var batteryPercentMin: Int
    /// Large items are sent in these hours only.
    package var largeUploadHours: Hours?
    package var keepAwake: KeepAwake
    /// Kept by the agent; `nil` is as fast as it goes.
    package var uploadBytesPerSecond: Int64?
    package var downloadBytesPerSecond: Int64?

    package init(
        metered: Metered = .small, respectsPowerSaver: Bool = true, batteryPercentMin: Int = 20,
        largeUploadHours: Hours? = nil, keepAwake: KeepAwake = .onMains,
        uploadBytesPerSecond: Int64? = nil, downloadBytesPerSecond: Int64? = nil
    ) {
        self.metered = metered
        self.respectsPowerSaver = respectsPowerSaver
        self.batteryPercentMin = batteryPercentMin
        self.largeUploadHours = largeUploadHours
        self.keepAwake = keepAwake
        self.uploadBytesPerSecond = uploadBytesPerSecond
        self.downloadBytesPerSecond = downloadBytesPerSecond
    }
}

/// Bytes of items that moved over metered networks on one day, by local time.
package struct MeteredUse: Hashable, Sendable {
    /// Days since 1970.
    package var day: Int64
    package var byteCount: Int64

    package init(day: Int64, byteCount: Int64) {
        self.day = day
        self.byteCount = byteCount
    }
}
