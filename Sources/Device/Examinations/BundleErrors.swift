import Agent
import Records
import Status
import SyncEngine

extension DiagnosisBundle {
    /// Something that went wrong in the last week, however often.
    struct Failed: Encodable, Sendable {
        /// What was tried: an event's code, or `asking the server`.
        let doing: String
        /// With “…” for what was left out.
        let cause: String
        let lastAt: String
        let times: Int
        /// Of how many items.
        let items: Int
    }

    /// A remedy that the doctor knew for this device, and what became of it.
    struct Treated: Encodable, Sendable {
        let remedy: String
        /// `proposed`, `done`, `notNeeded`, `refused`.
        let outcome: String
        /// With “…” for what was left out; absent when nothing was done.
        let why: String?
    }

    /// The last first.
    static func failures(
        _ events: [FailureEvent], _ asides: [SetAside], of server: RequestFailure?, now: Timestamp
    ) -> [Failed] {
        var failures = events.map { event in
            (
                event.lastAt,
                Failed(
                    doing: event.event, cause: HarmlessText.known.kept(event.cause),
                    lastAt: EvidenceText.time(event.lastAt), times: event.times,
                    items: event.itemCount)
            )
        }
        for aside in asides {
            failures.append(
                (
                    aside.since,
                    Failed(
                        doing: aside.isSetAside ? "setAside" : "brokeOnce",
                        cause: HarmlessText.known.kept(aside.cause),
                        lastAt: EvidenceText.time(aside.since), times: aside.times, items: 1)
                ))
        }
        if let server {
            failures.append(
                (
                    now,
                    Failed(
                        doing: "askingTheServer", cause: HarmlessText.known.kept(server.sentence),
                        lastAt: EvidenceText.time(now), times: 1, items: 0)
                ))
        }
        return failures.sorted { $0.0 > $1.0 }.prefix(Limits.bundleFailuresMax).map(\.1)
    }

    static func treated(_ treatments: [(RemedyStep, RemedyOutcome?)]) -> [Treated] {
        treatments.map { step, outcome in
            Treated(
                remedy: step.rule.code.rawValue, outcome: outcome?.word ?? "proposed",
                why: outcome.map { HarmlessText.known.kept($0.sentence) })
        }
    }
}

extension RemedyOutcome {
    /// Stable, for programs.
    package var word: String {
        switch self {
        case .done: "done"
        case .notNeeded: "notNeeded"
        case .refused: "refused"
        }
    }
}

extension Limits {
    static let bundleFailuresMax = 100
    static let bundleFailureDays: Int64 = 7
}
