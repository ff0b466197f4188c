import Records

/// What moved: for the progress display, and for an honest estimate of the time left.
struct Traffic: Sendable {
    private(set) var uploaded: Int64 = 0
    private(set) var downloaded: Int64 = 0
    /// Of requests under way.
    private var underWay: [RequestID: Int64] = [:]
    private(set) var byteCountUnderWay: Int64 = 0
    private var total: Int64 = 0
    /// Running totals at least half a second apart, over `Limits.rateWindowMilliseconds`.
    private var samples: [(uptime: Int64, total: Int64)] = []

    private static let sampleMilliseconds: Int64 = 500

    /// Of one request, so far.
    func byteCount(of request: RequestID) -> Int64 { underWay[request] ?? 0 }

    mutating func progressed(_ id: RequestID, _ byteCount: Int64, at now: Moment) {
        let before = underWay[id] ?? 0
        guard byteCount > before else { return }
        underWay[id] = byteCount
        byteCountUnderWay += byteCount - before
        count(byteCount - before, at: now)
    }

    mutating func ended(_ id: RequestID, byteCount: Int64, _ outgoing: Outgoing, at now: Moment) {
        let before = underWay.removeValue(forKey: id) ?? 0
        byteCountUnderWay -= before
        guard byteCount > 0 else { return }
        switch outgoing {
        case .download, .preview: downloaded += byteCount
        default: uploaded += byteCount
        }
        count(max(0, byteCount - before), at: now)
    }

    mutating func failed(_ id: RequestID) {
        byteCountUnderWay -= underWay.removeValue(forKey: id) ?? 0
    }

    private mutating func count(_ byteCount: Int64, at now: Moment) {
        if samples.isEmpty { samples.append((now.uptime, total)) }
        total += byteCount
        guard let last = samples.last, now.uptime - last.uptime >= Self.sampleMilliseconds else {
            return
        }
        samples.append((now.uptime, total))
        let oldest = now.uptime - Limits.rateWindowMilliseconds
        while samples.count > 2, samples[1].uptime < oldest { samples.removeFirst() }
    }

    /// Bytes a second over the last quarter minute; 0 when nothing is known.
    func rate(at now: Moment) -> Int64 {
        guard
            let first = samples.first(where: {
                now.uptime - $0.uptime <= Limits.rateWindowMilliseconds
            }), now.uptime > first.uptime
        else { return 0 }
        return (total - first.total) * 1_000 / (now.uptime - first.uptime)
    }
}
