import Foundation
import Testing

/// What `martlet status --json` and `martlet why --json` say, as far as tests look at it.
struct ShownStatus: Decodable {
    struct Reason: Decodable, CustomStringConvertible {
        let code: String
        let message: String
        let since: Int64
        let clearsWhen: String
        let fix: String?

        var description: String { "\(code): \(message)" }
        var text: String { [message, clearsWhen, fix ?? ""].joined(separator: "\n") }
    }

    let state: String
    let reasons: [Reason]
    let counts: [String: Int]
}

private struct ShownItem: Decodable {
    let reason: ShownStatus.Reason?
}

/// A reason is shown within 5 seconds of its cause, with its evidence, and is gone within 5 seconds
/// of its cause's end. These helpers hold every reason to it, with real processes:
///
///     let house = try Household()
///     try house.signIn("camera")
///     _ = try house.startAgent("camera")
///     try house.expectUpToDate("camera")
///     try house.expectReason("lowBattery", on: "camera", saying: "12 %") {
///         try house.setConditions(#"{"power":{"source":"battery","level":0.12}}"#, on: "camera")
///     } goneAfter: {
///         try house.setConditions("{}", on: "camera")
///     }
extension Household {
    /// Seconds within which a reason comes, and goes.
    static let reasonSecondsMax = 5.0

    func status(_ device: String) throws -> ShownStatus {
        let result = try martlet(device, "status", "--json")
        do {
            return try JSONDecoder().decode(ShownStatus.self, from: Data(result.output.utf8))
        } catch {
            throw HouseholdError(
                description: "status --json: \(result.status) \(result.output)\(result.errors)")
        }
    }

    /// The reason of one item, by its path or id, as `martlet why` has it.
    func reason(ofItem item: String, on device: String) throws -> ShownStatus.Reason? {
        let result = try martlet(device, "why", item, "--json")
        return try? JSONDecoder().decode(ShownItem.self, from: Data(result.output.utf8)).reason
    }

    /// Causes a reason, sees it come with all of `evidence` in its sentences, ends its cause, and
    /// sees it go.
    ///
    /// With `item`, it is that item's reason; else one of the library's. `within`: where the cause
    /// takes longer to be one. ReasonCoverageTests reads these calls. Returns what was shown.
    @discardableResult
    func expectReason(
        _ code: String, on device: String, item: String? = nil, saying evidence: String...,
        within seconds: Double = Household.reasonSecondsMax,
        sourceLocation: SourceLocation = #_sourceLocation,
        when cause: () throws -> Void, goneAfter end: () throws -> Void
    ) throws -> ShownStatus.Reason? {
        try cause()
        let shown = try expectShown(
            code, on: device, item: item, saying: evidence, within: seconds,
            sourceLocation: sourceLocation)
        guard let shown else { return nil }
        let isTold = !shown.text.contains("unknown")
        #expect(isTold, Comment(rawValue: shown.text), sourceLocation: sourceLocation)
        try end()
        try expectGone(code, on: device, item: item, sourceLocation: sourceLocation)
        return shown
    }

    @discardableResult
    func expectShown(
        _ code: String, on device: String, item: String? = nil, saying evidence: [String] = [],
        within seconds: Double = Household.reasonSecondsMax,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> ShownStatus.Reason? {
        var found: ShownStatus.Reason?
        var others: [ShownStatus.Reason] = []
        let isSo = try soon(within: seconds) {
            others = try reasons(on: device, item: item)
            found = others.first { $0.code == code }
            return found.map { reason in evidence.allSatisfy(reason.text.contains) } ?? false
        }
        if isSo { return found }
        let complaint =
            found.map { "\(code) lacks its evidence \(evidence): \($0.text)" }
            ?? "\(code) is not shown within \(seconds) s; shown are \(others)"
        Issue.record(Comment(rawValue: complaint), sourceLocation: sourceLocation)
        return nil
    }

    func expectGone(
        _ code: String, on device: String, item: String? = nil,
        within seconds: Double = Household.reasonSecondsMax,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var last: ShownStatus.Reason?
        let isSo = try soon(within: seconds) {
            last = try reasons(on: device, item: item).first { $0.code == code }
            return last == nil
        }
        let complaint = "\(code) is still shown after \(seconds) s: \(last?.message ?? "")"
        #expect(isSo, Comment(rawValue: complaint), sourceLocation: sourceLocation)
    }

    /// Waits, for up to a minute, until everything of a device whose agent runs is in sync.
    func expectUpToDate(
        _ device: String, items: Int? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var last: ShownStatus?
        let isSo = soon(within: 60) {
            last = try? status(device)
            return last?.state == "upToDate" && (items == nil || last?.counts["inSync"] == items)
        }
        let complaint =
            "\(last?.state ?? "no status") \(last?.reasons ?? []) \(last?.counts ?? [:])"
        #expect(isSo, Comment(rawValue: complaint), sourceLocation: sourceLocation)
    }

    /// What the machine is said to be like (MARTLET_CONDITIONS); it takes the place of what was
    /// said before at one moment.
    func setConditions(_ json: String, on device: String) throws {
        try Data(json.utf8).write(to: URL(fileURLWithPath: conditions(device)), options: .atomic)
    }

    private func reasons(on device: String, item: String?) throws -> [ShownStatus.Reason] {
        guard let item else { return try status(device).reasons }
        return try reason(ofItem: item, on: device).map { [$0] } ?? []
    }
}

/// Looks every tenth of a second whether something is so; at least twice.
///
/// A machine that is busy with other work is slow to look, too: what one look takes is not counted.
func soon(within seconds: Double = 30, _ isSo: () throws -> Bool) rethrows -> Bool {
    let clock = ContinuousClock()
    var left = Duration.seconds(seconds)
    while left > .zero {
        let pause = clock.measure { usleep(100_000) }
        // An oversleeping machine is busy; the device may not have had its share either.
        left -= min(pause, .milliseconds(200))
        if try isSo() { return true }
    }
    return try isSo()
}
