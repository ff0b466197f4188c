import Examinations
import Status

/// The doctor's report as people read it, line by line.
enum DoctorText {
    /// `brief`: only what was found.
    static func lines(
        _ report: DoctorReport, _ treatments: [Treatment], brief: Bool = false,
        command: String = "doctor --fix"
    ) -> [String] {
        var lines = (brief ? [] : report.examinations).map { examination in
            let mark = mark(examination.findings)
            return "\(mark) \(examination.title): \(examination.sight) "
                + "(\(seconds(examination.milliseconds)))"
        }
        let notes = report.findings.filter { $0.severity == .note }
        for finding in report.complaints + notes { lines += [""] + self.lines(finding) }
        if !treatments.isEmpty {
            lines += ["", "martlet \(command) would do this:"]
            for treatment in treatments { lines += plan(treatment.step) }
        }
        let count = report.complaints.count
        lines += [
            "",
            (count == 0 ? "Nothing is wrong." : "\(count) to look at.")
                + " \(report.examinations.count) examinations took "
                + "\(seconds(report.milliseconds)).",
        ]
        return lines
    }

    private static func lines(_ finding: Finding) -> [String] {
        var lines = ["\(word(finding.severity)): \(finding.message)"]
        lines += finding.items.map { "    \($0)" }
        if let advice = finding.advice { lines.append("  \(advice)") }
        return lines
    }

    private static func plan(_ step: RemedyStep) -> [String] {
        let rule = step.rule
        let asks = rule.isRiskless ? "" : " It asks first."
        return [
            "  \(rule.rung). \(rule.title): \(rule.action)\(asks)",
            "     It takes \(rule.time); risk: \(rule.risk.rawValue). \(rule.undo)",
        ]
            + step.findings.flatMap { finding in
                finding.items.isEmpty
                    ? ["     - \(finding.message)"] : finding.items.map { "     - \($0)" }
            }
    }

    static func lines(_ treatment: Treatment) -> [String] {
        guard let outcome = treatment.outcome else {
            return [
                "\(treatment.step.rule.title): not done. It asks first: answer on a terminal, or "
                    + "with --yes."
            ]
        }
        let word = outcome.isDone ? "" : "not done. "
        return ["\(treatment.step.rule.title): \(word)\(outcome.sentence)"]
    }

    private static func mark(_ findings: [Finding]) -> String {
        switch findings.map(\.severity).max() {
        case .trouble?: "[!!]"
        case .hindrance?: "[ !]"
        case .note?: "[ i]"
        case nil: "[ok]"
        }
    }

    private static func word(_ severity: FindingSeverity) -> String {
        switch severity {
        case .trouble: "Wrong"
        case .hindrance: "In the way"
        case .note: "Good to know"
        }
    }

    static func seconds(_ milliseconds: Int64) -> String {
        EvidenceText.latency(milliseconds: milliseconds)
    }
}

/// `martlet doctor --json`: every key is always there; what isn't known is null.
struct DoctorJSON: Encodable {
    private let report: DoctorReport
    private let treatments: [Treatment]

    init(_ report: DoctorReport, _ treatments: [Treatment]) {
        self.report = report
        self.treatments = treatments
    }

    private enum CodingKeys: String, CodingKey { case well, seconds, examinations, remedies }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(report.complaints.isEmpty, forKey: .well)
        try container.encode(Double(report.milliseconds) / 1_000, forKey: .seconds)
        try container.encode(report.examinations.map(ExaminationJSON.init), forKey: .examinations)
        try container.encode(treatments.map(TreatmentJSON.init), forKey: .remedies)
    }

    private struct ExaminationJSON: Encodable {
        let name: String
        let title: String
        let lookedAt: String
        let seconds: Double
        let findings: [FindingJSON]

        init(_ report: ExaminationReport) {
            name = report.name
            title = report.title
            lookedAt = report.sight
            seconds = Double(report.milliseconds) / 1_000
            findings = report.findings.map(FindingJSON.init)
        }
    }

    private struct FindingJSON: Encodable {
        let finding: Finding

        private enum CodingKeys: String, CodingKey {
            case code, severity, message, evidence, items, advice, remedy
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(finding.code, forKey: .code)
            try container.encode(finding.severity, forKey: .severity)
            try container.encode(finding.message, forKey: .message)
            try container.encode(finding.evidence, forKey: .evidence)
            try container.encode(finding.items, forKey: .items)
            try container.encode(finding.advice, forKey: .advice)
            try container.encode(finding.remedy, forKey: .remedy)
        }
    }

    private struct TreatmentJSON: Encodable {
        let treatment: Treatment

        private enum CodingKeys: String, CodingKey {
            case code, rung, title, action, time, risk, undo, findings, outcome, message
        }

        func encode(to encoder: any Encoder) throws {
            let rule = treatment.step.rule
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(rule.code, forKey: .code)
            try container.encode(rule.rung, forKey: .rung)
            try container.encode(rule.title, forKey: .title)
            try container.encode(rule.action, forKey: .action)
            try container.encode(rule.time, forKey: .time)
            try container.encode(rule.risk, forKey: .risk)
            try container.encode(rule.undo, forKey: .undo)
            try container.encode(treatment.step.findings.map(\.code), forKey: .findings)
            try container.encode(outcome, forKey: .outcome)
            try container.encode(treatment.outcome?.sentence, forKey: .message)
        }

        private var outcome: String {
            treatment.outcome?.word ?? "proposed"
        }
    }
}
