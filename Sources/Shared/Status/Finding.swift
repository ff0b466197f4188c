/// The stable code of a finding (Documentation/troubleshooting.md).
///
/// A finding that is a reason at the same time has the reason's code.
package struct FindingCode: RawRepresentable, Hashable, Sendable, Codable {
    package let rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }

    package init(_ reason: ReasonCode) { rawValue = reason.rawValue }
}

/// How much a finding matters.
package enum FindingSeverity: String, Sendable, Codable, CaseIterable, Comparable {
    /// Good to know; nothing needs to be done.
    case note
    /// It holds something back, or will.
    case hindrance
    /// Something is broken, or somebody must act.
    case trouble

    package static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// What an examination found: derived from evidence at one moment, and true only then.
package struct Finding: Hashable, Sendable, Codable {
    package let code: FindingCode
    package let severity: FindingSeverity
    /// A sentence with the evidence in it.
    package let message: String
    package let evidence: [String: String]
    /// What it is about, item by item: paths, names, digests; `FindingTable.itemsMax` at most.
    package var items: [String]
    /// What the user is told to do; `nil`: nothing local helps.
    package let advice: String?
    /// What `--fix` would do about it.
    package let remedy: RemedyCode?

    init(
        code: FindingCode, severity: FindingSeverity, message: String,
        evidence: [String: String], items: [String], advice: String?, remedy: RemedyCode?
    ) {
        self.code = code
        self.severity = severity
        self.message = message
        self.evidence = evidence
        self.items = Array(items.prefix(FindingTable.itemsMax))
        self.advice = advice
        self.remedy = remedy
    }

    /// A finding of this version's table; see `FindingRule.evidenceNames`.
    ///
    /// What is missing is said to be unknown rather than left out.
    package init(
        _ code: FindingCode, _ evidence: [String: String] = [:], items: [String] = []
    ) {
        guard let rule = FindingTable.rule(of: code) else {
            self.init(
                code: code, severity: .hindrance, message: evidence["message"] ?? code.rawValue,
                evidence: evidence, items: items, advice: nil, remedy: nil)
            return
        }
        self.init(
            code: code, severity: rule.severity,
            message: EvidenceTemplate(rule.message).filled(with: evidence), evidence: evidence,
            items: items, advice: rule.advice.map { EvidenceTemplate($0).filled(with: evidence) },
            remedy: rule.remedy)
    }

    /// A reason that holds now is a finding of the same code, with the reason's own words.
    package init(_ reason: Reason, evidence: [String: String] = [:], items: [String] = []) {
        self.init(
            code: FindingCode(reason.code),
            severity: ReasonTable.rule(of: reason.code)?.findingSeverity ?? .note,
            message: reason.message, evidence: evidence, items: items, advice: reason.fix,
            remedy: FindingTable.remedies[reason.code])
    }
}

extension ReasonRule {
    /// What must be seen by somebody is trouble; what stops nothing is good to know.
    package var findingSeverity: FindingSeverity {
        if state == .attention { return .trouble }
        return effect == .informs ? .note : .hindrance
    }
}

/// What is true of every finding with one code.
///
/// Sentences hold `{name}` where evidence belongs.
package struct FindingRule: Hashable, Sendable {
    package let code: FindingCode
    package let severity: FindingSeverity
    package let message: String
    package let advice: String?
    package let remedy: RemedyCode?

    init(
        _ code: FindingCode, _ severity: FindingSeverity, _ message: String,
        advice: String? = nil, remedy: RemedyCode? = nil
    ) {
        self.code = code
        self.severity = severity
        self.message = message
        self.advice = advice
        self.remedy = remedy
    }

    /// The names of the evidence in its sentences, each once, in the order that they are read.
    package var evidenceNames: [String] {
        [message, advice ?? ""].reduce(into: []) { names, sentence in
            for name in EvidenceTemplate(sentence).names where !names.contains(name) {
                names.append(name)
            }
        }
    }
}
