package import Records
package import SyncEngine

/// Something that happened to some item, without its name.
package struct RecentEvent: Hashable, Sendable {
    /// The same number is the same item, within one answer.
    package let item: Int
    package let at: Timestamp
    package let event: String
    package let times: Int
    package let lastAt: Timestamp
}

extension DatabaseRows {
    /// What happened since `time`, the oldest first, at most the latest `limit`.
    package func recentEvents(
        since time: Timestamp, limit: Int
    ) throws(RowsError) -> [RecentEvent] {
        let rows = try connection.rows(
            """
            SELECT subject, at, event, times, lastAt FROM story WHERE lastAt >= ?
            ORDER BY number DESC LIMIT ?
            """, [.integer(time.milliseconds), .integer(Int64(limit))]
        ) { ($0.blob(0), $0.integer(1), $0.text(2), $0.integer(3), $0.integer(4)) }
        var numbers: [[UInt8]: Int] = [:]
        return rows.reversed().map { subject, at, event, times, lastAt in
            let number = numbers[subject] ?? numbers.count + 1
            numbers[subject] = number
            return RecentEvent(
                item: number, at: Timestamp(milliseconds: at), event: event, times: Int(times),
                lastAt: Timestamp(milliseconds: lastAt))
        }
    }
}
