import Agent
import ArgumentParser
package import Records
import SyncEngine

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Send and fetch nothing until you resume, or until a time.",
        discussion: "The device goes on looking at its own files, so that status says what waits.")

    @Option(help: "When it goes on by itself: 18:00, 2026-12-24T18:00, 45min or 2h.")
    var until: String?

    @OptionGroup var output: OutputOptions

    private struct Result: Encodable {
        let paused = true
        /// Seconds since 1970.
        let until: Int64?
    }

    func run() async throws {
        let home = try DeviceContext.signedIn()
        let now = Surroundings.machine().now().wall
        let end = try until.map { text in
            guard let end = PauseTime(parsing: text, now: now, in: .current) else {
                throw Complaint(
                    .usage, "invalidTime",
                    "“\(text)” is no time to come: use 18:00, 2026-12-24T18:00, 45min or 2h.")
            }
            return end
        }
        let pause = Pause(
            since: now, until: end?.instant, untilText: end?.text ?? "you resume")
        try DeviceDatabase(home).write { (rows) throws(RowsError) in try rows.save(pause: pause) }
        _ = await ControlClient(home).ask(.pauseChanged)
        if output.json {
            return try Output.json(Result(until: end.map { $0.instant.milliseconds / 1_000 }))
        }
        Output.line("Paused until \(pause.untilText). Go on before with: martlet resume")
    }
}

struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Go on after martlet pause.")

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let home = try DeviceContext.signedIn()
        let wasPaused = try DeviceDatabase(home).write { (rows) throws(RowsError) in
            defer { try? rows.save(pause: nil) }
            return try rows.pause() != nil
        }
        _ = await ControlClient(home).ask(.pauseChanged)
        if output.json { return try Output.json(["resumed": wasPaused]) }
        Output.line(wasPaused ? "Sync goes on." : "Sync was not paused.")
    }
}

/// A moment to come, as people write it.
package struct PauseTime: Hashable, Sendable {
    package let instant: Timestamp
    /// In the user's own time, to the minute.
    package let text: String

    /// `18:00` (the next one), `2026-12-24T18:00`, `45min`, `2h`, `3d`.
    ///
    /// `nil` for anything else, and for what has passed.
    package init?(parsing text: String, now: Timestamp, in zone: TimeZone) {
        let offset = Int64(
            zone.secondsFromGMT(
                for: Date(timeIntervalSince1970: Double(now.milliseconds) / 1_000)))
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = zone
        let instant: Timestamp
        if let seconds = Self.duration(text) {
            instant = now.adding(seconds: seconds)
        } else if let minutes = Self.timeOfDay(text) {
            let local = now.milliseconds / 1_000 + offset
            let midnight = local - (local % 86_400 + 86_400) % 86_400
            var next = midnight + minutes * 60 - offset
            if next <= now.milliseconds / 1_000 { next += 86_400 }
            instant = Timestamp(milliseconds: next * 1_000)
        } else if let date = Self.date(text, calendar) {
            instant = date
        } else {
            return nil
        }
        guard instant > now else { return nil }
        self.instant = instant
        let parts = calendar.dateComponents(
            [.year, .month, .day, .hour, .minute],
            from: Date(timeIntervalSince1970: Double(instant.milliseconds) / 1_000))
        self.text =
            "\(Self.padded(parts.year, 4))-\(Self.padded(parts.month, 2))-"
            + "\(Self.padded(parts.day, 2)) \(Self.padded(parts.hour, 2)):"
            + Self.padded(parts.minute, 2)
    }

    private static func padded(_ number: Int?, _ width: Int) -> String {
        let digits = String(number ?? 0)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private static func duration(_ text: String) -> Int64? {
        let units: [(String, Int64)] = [("min", 60), ("h", 3_600), ("d", 86_400)]
        for (unit, seconds) in units where text.hasSuffix(unit) {
            guard let count = Int64(text.dropLast(unit.count)), (1...100_000).contains(count)
            else { return nil }
            return count * seconds
        }
        return nil
    }

    /// Minutes since midnight.
    private static func timeOfDay(_ text: some StringProtocol) -> Int64? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].count == 2, let hour = Int64(parts[0]),
            let minute = Int64(parts[1]), (0..<24).contains(hour), (0..<60).contains(minute)
        else { return nil }
        return hour * 60 + minute
    }

    private static func date(_ text: String, _ calendar: Calendar) -> Timestamp? {
        let halves = text.split(whereSeparator: { $0 == "T" || $0 == " " })
        guard let day = halves.first, halves.count <= 2 else { return nil }
        let parts = day.split(separator: "-").compactMap { Int($0) }
        guard parts.count == 3, (1970...9999).contains(parts[0]) else { return nil }
        let minutes: Int64?
        if halves.count == 2 { minutes = timeOfDay(halves[1]) } else { minutes = 0 }
        guard let minutes else { return nil }
        let components = DateComponents(
            year: parts[0], month: parts[1], day: parts[2], hour: Int(minutes / 60),
            minute: Int(minutes % 60))
        guard let date = calendar.date(from: components),
            calendar.component(.day, from: date) == parts[2]
        else { return nil }
        return Timestamp(milliseconds: Int64(date.timeIntervalSince1970) * 1_000)
    }
}
