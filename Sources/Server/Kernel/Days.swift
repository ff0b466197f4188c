package import Records
package import Storage

/// What both clocks say, handed in by whoever has them.
package struct ClockReading: Hashable, Sendable {
    package let wall: Timestamp
    /// Of a clock that never jumps, from any beginning.
    package let monotonicMilliseconds: Int64
    /// A random number of this process: only within one do monotonic readings compare.
    package let process: UInt64

    package init(wall: Timestamp, monotonicMilliseconds: Int64, process: UInt64) {
        self.wall = wall
        self.monotonicMilliseconds = monotonicMilliseconds
        self.process = process
    }
}

extension Kernel {
    /// Counts the days that the server lived through; call it at the start and every hour or so.
    ///
    /// A day passes when 24 h have, and either both clocks agree within an hour or at most 26 h
    /// passed. Else nothing is counted and the clock is suspect until a later day passes well: a
    /// clock that jumped a year must not empty the trash. Returns the state after it.
    @discardableResult
    package func tick(
        _ reading: ClockReading, in transaction: any Transaction
    ) throws(KernelError) -> ServerState {
        guard
            let row = try transaction.first(
                "SELECT tickedAt, tickedMonotonic, tickedProcess, day FROM server")
        else { throw KernelError(.storage, "The database has no server yet: call prepare first.") }
        let passed = (reading.wall.milliseconds)
            .subtractingReportingOverflow(row.integer(0)).partialValue
        let monotonic =
            row.optionalInteger(2) == Int64(bitPattern: reading.process)
            ? row.optionalInteger(1).map { reading.monotonicMilliseconds - $0 } : nil
        switch Self.daysPassed(wall: passed, monotonic: monotonic) {
        case .none: break
        case .days(let count):
            try transaction.change(
                """
                UPDATE server SET day = day + ?, tickedAt = ?, tickedMonotonic = ?,
                    tickedProcess = ?, clockSuspectSince = NULL
                """,
                [
                    .integer(count), SQLValue(reading.wall),
                    .integer(reading.monotonicMilliseconds), SQLValue(bits: reading.process),
                ])
            try SummedTable.server.seal([1], in: transaction)
        case .newProcess:
            try transaction.change(
                "UPDATE server SET tickedMonotonic = ?, tickedProcess = ?",
                [
                    .integer(reading.monotonicMilliseconds - max(0, passed)),
                    SQLValue(bits: reading.process),
                ])
        case .suspect:
            try transaction.change(
                """
                UPDATE server SET tickedAt = ?, tickedMonotonic = ?, tickedProcess = ?,
                    clockSuspectSince = COALESCE(clockSuspectSince, ?)
                """,
                [
                    SQLValue(reading.wall), .integer(reading.monotonicMilliseconds),
                    SQLValue(bits: reading.process), SQLValue(reading.wall),
                ])
        }
        return try serverState(in: transaction)
    }

    enum DayCount: Hashable {
        case none
        case days(Int64)
        /// Less than a day so far, and the process is another than at the last count.
        case newProcess
        case suspect
    }

    /// `wall` and `monotonic`: milliseconds since the last count; the latter only of the same
    /// process.
    static func daysPassed(wall: Int64, monotonic: Int64?) -> DayCount {
        let agrees = monotonic.map {
            let (difference, overflow) = wall.subtractingReportingOverflow($0)
            return !overflow && difference.magnitude <= UInt64(Limits.clockDriftMillisecondsMax)
        }
        if wall < 0 { return agrees == true ? .none : .suspect }
        if wall < Timestamp.millisecondsPerDay {
            switch agrees {
            case true?: return .none
            case false?: return .suspect
            case nil: return .newProcess
            }
        }
        if wall <= Limits.tickGapMillisecondsMax, agrees != false { return .days(1) }
        return agrees == true ? .days(wall / Timestamp.millisecondsPerDay) : .suspect
    }
}
