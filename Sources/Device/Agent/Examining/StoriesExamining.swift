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

/// Something that failed, however often, of whichever items.
package struct FailureEvent: Hashable, Sendable {
    package let event: String
    /// As it was noted: it may hold names.
    package let cause: String
    package let lastAt: Timestamp
    package let times: Int
    package let itemCount: Int
}

extension DatabaseRows {
    /// What failed since `time`, by cause, the last first.
    package func failures(
        since time: Timestamp, limit: Int
    ) throws(RowsError) -> [FailureEvent] {
        let codes = [
            StoryCode.sendingFailed, StoryCode.fetchingFailed, StoryCode.readingFailed,
            StoryCode.setAside,
        ]
        return try connection.rows(
            """
            SELECT event, detail, MAX(lastAt), SUM(times), COUNT(DISTINCT subject) FROM story
            WHERE lastAt >= ? AND event IN (?, ?, ?, ?)
            GROUP BY event, detail ORDER BY MAX(lastAt) DESC, event, detail LIMIT ?
            """,
            [.integer(time.milliseconds)] + codes.map { .text($0) } + [.integer(Int64(limit))]
        ) {
            FailureEvent(
                event: $0.text(0), cause: $0.text(1),
                lastAt: Timestamp(milliseconds: $0.integer(2)), times: Int($0.integer(3)),
                itemCount: Int($0.integer(4)))
        }
    }
}
