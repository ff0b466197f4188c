package import Kernel
package import Records
package import Storage

/// How far the server is with reading its stored bytes back.
package struct ScrubState: Hashable, Sendable {
    /// When the present pass began, or the last one; of a server that has made none: since when it
    /// would have.
    package var beganAt: Timestamp
    package var isUnderWay: Bool
    /// When the last whole pass ended; `nil`: none has.
    package var endedAt: Timestamp?
    /// Of the present pass, or the last one.
    package var objectCount: Int
    package var byteCount: Int64
    /// Objects that were set aside in it.
    package var lostCount: Int
    /// Of all objects when it began.
    package var totalByteCount: Int64
    /// Why it stopped: so much was bad that the disk itself is suspected.
    package var doubt: String?

    /// `nil` before a server has ever run with it.
    package static func read(in transaction: any Transaction) throws(KernelError) -> ScrubState? {
        try transaction.first(
            """
            SELECT beganAt, isUnderWay, endedAt, objectCount, byteCount, lostCount, totalByteCount,
                doubt
            FROM scrub
            """
        ).map { row in
            ScrubState(
                beganAt: row.timestamp(0), isUnderWay: row.bool(1),
                endedAt: row.optionalTimestamp(2), objectCount: row.int(3),
                byteCount: row.integer(4), lostCount: row.int(5), totalByteCount: row.integer(6),
                doubt: row.optionalText(7))
        }
    }

    /// Of the pass that is under way, from 0 to 100.
    package var percent: Int? {
        guard isUnderWay else { return nil }
        guard totalByteCount > 0 else { return 0 }
        return Int(min(100, max(0, byteCount) * 100 / totalByteCount))
    }

    /// Whether a pass is to begin.
    func isDue(at now: Timestamp) -> Bool {
        let seconds =
            endedAt == nil ? Limits.firstScrubSeconds : Limits.scrubIntervalSeconds
        return !isUnderWay && now >= beganAt.adding(seconds: seconds)
    }
}

extension Limits {
    /// What the running server reads back in a second, so that others can use the disk.
    package static let scrubByteCountPerSecond: Int64 = 20 << 20
    /// What `martlet scrub` and a deep look read in a second.
    package static let deepByteCountPerSecond: Int64 = 100 << 20
    /// From the beginning of a pass to that of the next.
    package static let scrubIntervalSeconds: Int64 = 30 * 86_400
    /// What is new is left alone for so long.
    static let firstScrubSeconds: Int64 = 86_400
    /// A pass that takes longer than this, or a server that never runs so long, is late.
    static let scrubLateSeconds: Int64 = 45 * 86_400
    static let scrubPollSeconds: Int64 = 60
    /// What was set aside is read again once an hour.
    static let scrubPollsPerSecondLook = 60
    /// One turn has the lease for so long; whoever dies with it loses it then.
    static let scrubLeaseSeconds: Int64 = 900
    static let objectsPerScrubTurnMax = 200
    static let byteCountPerScrubTurnMax: Int64 = 64 << 20
    /// So many bad objects, when they are more than half of those read, are a bad disk's.
    static let scrubDoubtMin = 10
}
