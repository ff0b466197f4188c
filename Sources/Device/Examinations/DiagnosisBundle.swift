import Agent
import Records
package import Status
import SyncEngine
import Wire

/// What a helper needs to know of a device, readable, without names of files, people, machines or
/// servers, and without secrets.
///
/// Only what is known to be harmless gets in: codes, numbers, sizes, times, and the program's own
/// sentences with nothing but such evidence filled in.
package struct DiagnosisBundle: Encodable, Sendable {
    struct Examined: Encodable, Sendable {
        let name: String
        let seconds: Double
        let findings: [Found]
    }

    struct Found: Encodable, Sendable {
        let code: String
        let severity: String
        /// With “…” for what was left out.
        let message: String
        let evidence: [String: String]
        let itemCount: Int
        let remedy: String?
    }

    struct Told: Encodable, Sendable {
        let code: String
        let message: String
        let since: String
    }

    struct Device: Encodable, Sendable {
        let number: Int
        let isThis: Bool
        let isBrowser: Bool
        let lastHeardAt: String
        let state: String?
        let reasons: [Told]
        let counts: ItemCounts?
    }

    struct Repair: Encodable, Sendable {
        let remedy: String
        let at: String
        let filesMovedAside: Int
    }

    struct Event: Encodable, Sendable {
        let at: String
        let item: Int
        let event: String
        let times: Int
    }

    let note: String
    let madeAt: String
    let version: String
    let serverVersion: String?
    let well: Bool
    let state: String?
    let counts: ItemCounts?
    let bytes: ByteCounts?
    let reasons: [Told]
    let examinations: [Examined]
    let remedies: [Treated]
    let repairs: [Repair]
    let devices: [Device]
    /// Of the last week.
    let lastErrors: [Failed]
    /// Of the last day.
    let timeline: [Event]
}

extension DiagnosisBundle {
    /// Gathers what belongs to a report that was just made, and what became of its remedies.
    package static func make(
        _ question: Question, _ report: DoctorReport,
        _ treatments: [(RemedyStep, RemedyOutcome?)]
    ) async -> DiagnosisBundle {
        let device = await ExaminedDevice.gather(question)
        let now = question.surroundings.now().wall
        let status = try? device.status?.get()
        let events = try? device.database.read { (rows) throws(RowsError) in
            try rows.recentEvents(
                since: now.adding(seconds: -86_400), limit: Limits.bundleEventsMax)
        }
        let failures = try? device.database.read { (rows) throws(RowsError) in
            (
                events: try rows.failures(
                    since: now.adding(
                        milliseconds: -Limits.bundleFailureDays * Timestamp.millisecondsPerDay),
                    limit: Limits.bundleFailuresMax), asides: try rows.setAsides()
            )
        }
        let own = try? device.configuration.get().device
        await device.close()
        return DiagnosisBundle(
            note: "Names of files, people, devices and servers were left out; … stands for them.",
            madeAt: EvidenceText.time(now), version: MartletVersion.text,
            serverVersion: device.server.identity?.version, well: report.complaints.isEmpty,
            state: status?.state.rawValue, counts: status?.counts, bytes: status?.bytes,
            reasons: (status?.reasons ?? []).map(told),
            examinations: report.examinations.map(examined),
            remedies: treated(treatments),
            repairs: device.library.map(repairs) ?? [],
            devices: ((try? device.server.devices?.get())?.devices ?? []).enumerated().map {
                number, described in
                Device(
                    number: number + 1, isThis: described.id == own,
                    isBrowser: described.isBrowser,
                    lastHeardAt: EvidenceText.time(described.lastHeardAt),
                    state: described.status?.state.rawValue,
                    reasons: (described.status?.reasons ?? []).map(told),
                    counts: described.status?.counts)
            },
            lastErrors: Self.failures(
                failures?.events ?? [], failures?.asides ?? [], of: device.server.failure,
                now: now),
            timeline: (events ?? []).map { event in
                Event(
                    at: EvidenceText.time(event.at), item: event.item, event: event.event,
                    times: event.times)
            })
    }

    private static func repairs(in library: String) -> [Repair] {
        Quarantine.batches(in: library).map { batch in
            Repair(
                remedy: RemedyCode(rawValue: batch.manifest.remedy)?.rawValue ?? "unknown",
                at: EvidenceText.time(batch.manifest.madeAt),
                filesMovedAside: batch.manifest.entries.count)
        }
    }

    private static func examined(_ report: ExaminationReport) -> Examined {
        Examined(
            name: report.name, seconds: Double(report.milliseconds) / 1_000,
            findings: report.findings.map { finding in
                let evidence = finding.evidence.filter { harmless.contains($0.key) }
                return Found(
                    code: finding.code.rawValue, severity: finding.severity.rawValue,
                    message: sentence(of: finding.code.rawValue, evidence), evidence: evidence,
                    itemCount: finding.items.count, remedy: finding.remedy?.rawValue)
            })
    }

    /// A reason's own sentence has its evidence filled in: the table's is taken instead.
    private static func told(_ reason: Reason) -> Told {
        Told(
            code: reason.code.rawValue, message: sentence(of: reason.code.rawValue, [:]),
            since: EvidenceText.time(reason.since))
    }

    private static func sentence(of code: String, _ evidence: [String: String]) -> String {
        let template =
            FindingTable.rule(of: FindingCode(rawValue: code))?.message
            ?? ReasonTable.rule(of: ReasonCode(rawValue: code))?.message
        guard let template else { return "…" }
        return EvidenceText.fill(template, evidence, else: "…")
    }

    /// Evidence that never holds a name.
    static let harmless: Set<String> = [
        "items", "size", "time", "latency", "broken", "tries", "needed", "free", "quota",
        "reserve", "new", "changed", "gone", "age", "count", "limit", "seconds", "percent",
    ]
}

extension Limits {
    static let bundleEventsMax = 2_000
}
