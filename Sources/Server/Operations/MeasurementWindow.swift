import Records

/// What was measured of one service in the last minutes.
///
/// Times are of a monotonic clock: a wall clock that jumps must not make a service look slow.
package struct MeasurementWindow: Sendable {
    private struct Slot: Sendable {
        let number: Int64
        var latencies = LatencyHistogram()
        var failedCount = 0
    }

    private let slotMilliseconds: Int64
    private var slots: [Slot] = []

    package init(milliseconds: Int64) {
        slotMilliseconds = max(1, milliseconds / Limits.windowSlots)
    }

    /// `latency`: `nil` for an answer that failed.
    package mutating func add(latency: Int64?, at monotonic: Int64) {
        let number = monotonic / slotMilliseconds
        drop(before: number)
        if slots.last?.number != number { slots.append(Slot(number: number)) }
        if let latency {
            slots[slots.count - 1].latencies.add(milliseconds: latency)
        } else {
            slots[slots.count - 1].failedCount += 1
        }
    }

    package mutating func measured(at monotonic: Int64) -> (LatencyHistogram, failedCount: Int) {
        drop(before: monotonic / slotMilliseconds)
        var latencies = LatencyHistogram()
        for slot in slots { latencies.add(slot.latencies) }
        return (latencies, slots.reduce(0) { $0 + $1.failedCount })
    }

    private mutating func drop(before number: Int64) {
        slots.removeAll { $0.number <= number - Limits.windowSlots || $0.number > number }
    }
}
