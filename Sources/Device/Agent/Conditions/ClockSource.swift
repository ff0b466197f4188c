import Records
package import SyncEngine
import Synchronization

/// How far this device's clock is from the server's, by the Date of its answers.
package final class ClockSource: ConditionsSource {
    private struct State {
        var offsetSeconds: Int64 = 0
        var isFar = false
    }

    private let state = Mutex(State())
    private let now: @Sendable () -> Moment
    private let crossed = Mutex<(@Sendable () -> Void)?>(nil)

    package init(now: @escaping @Sendable () -> Moment) { self.now = now }

    /// Calls `body` when the clock turns out to be wrong, or right again.
    func tell(_ body: @escaping @Sendable () -> Void) { crossed.withLock { $0 = body } }

    /// An answer has just come; `date`: its header's text.
    package func heard(date: String) {
        guard let server = HTTPDateText.seconds(date) else { return }
        let offset = now().wall.milliseconds / 1_000 - server
        let hasCrossed = state.withLock { state in
            let isFar = offset.magnitude > UInt64(Limits.clockOffsetSecondsMax)
            defer { state = State(offsetSeconds: offset, isFar: isFar) }
            return isFar != state.isFar
        }
        if hasCrossed { crossed.withLock { $0 }?() }
    }

    package func observe(_ conditions: inout Conditions, probesServer: Bool) {
        // To the minute: the second in which an answer was written is not a change.
        let offset = state.withLock { $0.offsetSeconds }
        conditions.clockOffsetSeconds =
            offset.magnitude < 60 ? 0 : offset / 60 * 60
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110).
package enum HTTPDateText {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Since 1970; `nil` for text of another form.
    package static func seconds(_ text: String) -> Int64? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let day = Int64(parts[1]),
            let month = months.firstIndex(of: String(parts[2])), let year = Int64(parts[3]),
            (1...31).contains(day), (1970...9999).contains(year)
        else { return nil }
        let clock = parts[4].split(separator: ":").compactMap { Int64($0) }
        guard clock.count == 3, (0..<24).contains(clock[0]), (0..<60).contains(clock[1]),
            (0...60).contains(clock[2])
        else { return nil }
        // Days of the civil calendar, its years beginning in March.
        let shifted = month < 2 ? year - 1 : year
        let (era, place) = (shifted / 400, (Int64(month) + 10) % 12)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * place + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        return days * 86_400 + clock[0] * 3_600 + clock[1] * 60 + clock[2]
    }
}
