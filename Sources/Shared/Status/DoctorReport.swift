/// What an examination saw: the state of things in a few words, and what it found wrong.
package struct Look: Sendable {
    package var sight: String
    package var findings: [Finding]

    package init(_ sight: String, _ findings: [Finding] = []) {
        self.sight = sight
        self.findings = findings
    }

    /// Nothing could be looked at, which is another examination's finding.
    package static func notPossible(_ why: String) -> Look { Look("not looked at: \(why)") }
}

/// One examination's report.
package struct ExaminationReport: Sendable {
    package let name: String
    package let title: String
    package let sight: String
    package let findings: [Finding]
    package let milliseconds: Int64

    package init(
        name: String, title: String, sight: String, findings: [Finding], milliseconds: Int64
    ) {
        self.name = name
        self.title = title
        self.sight = sight
        self.findings = findings
        self.milliseconds = milliseconds
    }
}

/// All examinations' reports, of a device or of a server.
package struct DoctorReport: Sendable {
    package let examinations: [ExaminationReport]
    package let milliseconds: Int64

    package init(examinations: [ExaminationReport], milliseconds: Int64) {
        self.examinations = examinations
        self.milliseconds = milliseconds
    }

    /// What is more than good to know, the worst first.
    package var complaints: [Finding] {
        let found = findings.filter { $0.severity > .note }
        return found.filter { $0.severity == .trouble } + found.filter { $0.severity != .trouble }
    }

    package var findings: [Finding] { examinations.flatMap(\.findings) }
}
