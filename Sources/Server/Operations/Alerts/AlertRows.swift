package import Kernel
import Records
import Status
package import Storage

/// A cause of an alert that is seen now.
package struct AlertSighting: Hashable, Sendable {
    /// What was looked at.
    package let source: String
    package let code: String
    package let subject: String
    /// A sentence with the evidence in it.
    package let message: String
    package let advice: String?
    /// It must last so long to be told.
    package let waitSeconds: Int64

    package init(
        source: String, code: String, subject: String = "", message: String, advice: String?,
        waitSeconds: Int64 = 0
    ) {
        self.source = source
        self.code = code
        self.subject = subject
        self.message = message
        self.advice = advice
        self.waitSeconds = waitSeconds
    }
}

/// What one look at everything gave.
package struct AlertLook: Hashable, Sendable {
    package var sightings: [AlertSighting] = []
    /// Sources that could be looked at: what is not seen of the others may still be so.
    package var sources: Set<String> = []

    package init(sightings: [AlertSighting] = [], sources: Set<String> = []) {
        self.sightings = sightings
        self.sources = sources
    }
}

/// Alerts that last, and those that are over and not told everywhere yet.
package enum Alerts {
    /// Takes in what was seen: one row for a cause until it ends.
    static func see(
        _ look: AlertLook, at now: Timestamp, in transaction: any Transaction
    ) throws(KernelError) {
        for sighting in look.sightings.prefix(Limits.alertsMax) {
            try see(sighting, at: now, transaction)
        }
        let before = now.adding(seconds: -Limits.alertOverSeconds)
        for source in look.sources.sorted() {
            // What ended before anybody was to hear of it is nothing.
            try transaction.change(
                """
                DELETE FROM alert WHERE source = ? AND endedAt IS NULL AND seenAt <= ?
                    AND tellAt > seenAt
                """, [.text(source), SQLValue(before)])
            try transaction.change(
                """
                UPDATE alert SET endedAt = ? WHERE source = ? AND endedAt IS NULL AND seenAt <= ?
                """, [SQLValue(now), .text(source), SQLValue(before)])
        }
    }

    /// What began after now began under a clock that was set back since: it begins anew.
    private static func see(
        _ sighting: AlertSighting, at now: Timestamp, _ transaction: any Transaction
    ) throws(KernelError) {
        try transaction.change(
            """
            INSERT INTO alert (code, subject, source, message, advice, beganAt, tellAt, seenAt)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (code, subject) DO UPDATE SET source = excluded.source,
                message = excluded.message, advice = excluded.advice, seenAt = excluded.seenAt,
                beganAt = CASE WHEN alert.endedAt IS NULL AND alert.beganAt <= excluded.beganAt
                    THEN alert.beganAt ELSE excluded.beganAt END,
                tellAt = CASE WHEN alert.endedAt IS NULL AND alert.beganAt <= excluded.beganAt
                    THEN alert.tellAt ELSE excluded.tellAt END,
                endedAt = NULL
            """,
            [
                .text(sighting.code), .text(sighting.subject), .text(sighting.source),
                .text(sighting.message), SQLValue(sighting.advice), SQLValue(now),
                SQLValue(now.adding(seconds: sighting.waitSeconds)), SQLValue(now),
            ])
    }

    /// Those that last and are worth telling, the oldest first.
    package static func lasting(
        in transaction: any Transaction
    ) throws(KernelError) -> [AlertItem] {
        try transaction.all(
            """
            SELECT code, subject, message, advice, beganAt, endedAt FROM alert
            WHERE endedAt IS NULL AND tellAt <= seenAt ORDER BY beganAt, code, subject
            """
        ).map { item($0, .began) }
    }

    /// What a channel has not been told, the oldest first.
    static func news(
        for channel: String, in transaction: any Transaction
    ) throws(KernelError) -> [AlertItem] {
        let rows = try transaction.all(
            """
            SELECT alert.code, alert.subject, message, advice, alert.beganAt, endedAt, isOver
            FROM alert LEFT JOIN alertTold ON alertTold.channel = ?
                AND alertTold.code = alert.code AND alertTold.subject = alert.subject
                AND alertTold.beganAt = alert.beganAt
            WHERE tellAt <= seenAt AND (isOver IS NULL OR (isOver = 0 AND endedAt IS NOT NULL))
            ORDER BY alert.beganAt, alert.code, alert.subject LIMIT ?
            """, [.text(channel), SQLValue(Limits.alertItemsPerMessageMax + 1)])
        // That a channel fails is told on the others.
        return rows.compactMap { row in
            if row.text(0) == FindingCode.alertChannelFailing.rawValue, row.text(1) == channel {
                return nil
            }
            let isOver = !row.isNull(5)
            return item(row, isOver ? (row.isNull(6) ? .passed : .over) : .began)
        }
    }

    private static func item(_ row: SQLRow, _ phase: AlertItem.Phase) -> AlertItem {
        AlertItem(
            code: row.text(0), subject: row.text(1), phase: phase, message: row.text(2),
            advice: row.optionalText(3), beganAt: row.timestamp(4),
            endedAt: row.optionalTimestamp(5))
    }

    /// The channel has heard these.
    static func told(
        _ items: [AlertItem], to channel: String, in transaction: any Transaction
    ) throws(KernelError) {
        for item in items {
            try transaction.change(
                """
                INSERT INTO alertTold (channel, code, subject, beganAt, isOver)
                SELECT name, ?, ?, ?, ? FROM alertChannel WHERE name = ?
                ON CONFLICT (channel, code, subject) DO UPDATE SET
                    beganAt = excluded.beganAt, isOver = excluded.isOver
                """,
                [
                    .text(item.code), .text(item.subject), SQLValue(item.beganAt),
                    SQLValue(item.phase != .began), .text(channel),
                ])
        }
    }

    /// Drops what is over and told everywhere, or over for long.
    static func forget(
        at now: Timestamp, in transaction: any Transaction
    ) throws(KernelError) {
        try transaction.change(
            """
            DELETE FROM alert WHERE endedAt IS NOT NULL AND (endedAt < ? OR NOT EXISTS (
                SELECT 1 FROM alertChannel WHERE NOT EXISTS (
                    SELECT 1 FROM alertTold WHERE alertTold.channel = alertChannel.name
                        AND alertTold.code = alert.code AND alertTold.subject = alert.subject
                        AND alertTold.beganAt = alert.beganAt AND isOver = 1)))
            """, [SQLValue(now.adding(seconds: -Limits.alertKeptSeconds))])
        try transaction.change(
            """
            DELETE FROM alertTold WHERE NOT EXISTS (SELECT 1 FROM alert
                WHERE alert.code = alertTold.code AND alert.subject = alertTold.subject)
            """)
    }
}
