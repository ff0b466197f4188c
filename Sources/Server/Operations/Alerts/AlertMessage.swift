package import Records
import Status

/// What is said of one alert.
package struct AlertItem: Hashable, Sendable {
    package enum Phase: String, Sendable, CaseIterable {
        case began
        case over
        /// It began and ended while nobody could be told.
        case passed
        /// A person asked for a message.
        case test
    }

    package let code: String
    /// Which of several with one code; a device's id, a service's name, or nothing.
    package let subject: String
    package let phase: Phase
    package let message: String
    package let advice: String?
    package let beganAt: Timestamp
    package let endedAt: Timestamp?

    package init(
        code: String, subject: String, phase: Phase, message: String, advice: String?,
        beganAt: Timestamp, endedAt: Timestamp?
    ) {
        self.code = code
        self.subject = subject
        self.phase = phase
        self.message = message
        self.advice = advice
        self.beganAt = beganAt
        self.endedAt = endedAt
    }

    /// What a person asks for to see that a channel works.
    package static func test(at now: Timestamp) -> AlertItem {
        AlertItem(
            code: "test", subject: "", phase: .test,
            message: "This is a test: alerts of this server arrive here.", advice: nil,
            beganAt: now, endedAt: nil)
    }

    /// A few words ahead of the sentence.
    var headline: String {
        switch phase {
        case .began: message
        case .over: "Over: \(message)"
        case .passed: "Passed: \(message)"
        case .test: message
        }
    }

    var text: String {
        var lines = [headline]
        switch phase {
        case .began:
            if let advice { lines.append("What to do: \(advice)") }
            lines.append("Seen since \(EvidenceText.time(beganAt)).")
        case .over, .passed:
            let end = endedAt.map { " to \(EvidenceText.time($0))" } ?? ""
            lines.append("From \(EvidenceText.time(beganAt))\(end). Nothing needs to be done.")
        case .test: break
        }
        return lines.joined(separator: "\n")
    }
}

/// One message to one channel: all that is new.
package struct AlertMessage: Hashable, Sendable {
    /// How people know the server.
    package let server: String
    package let sentAt: Timestamp
    package let items: [AlertItem]

    package init(server: String, sentAt: Timestamp, items: [AlertItem]) {
        self.server = AlertText.line(server, max: 100)
        self.sentAt = sentAt
        self.items = items
    }

    /// The same whenever the same news are sent again, so that receivers can drop a repetition.
    package var id: String {
        let text = items.map { "\($0.code)\n\($0.subject)\n\($0.beganAt)\n\($0.phase)" }
        return String(Digest(of: Array(text.joined(separator: "\n\n").utf8)).text.prefix(32))
    }

    /// One line without control characters.
    package var subject: String {
        let words =
            items.count == 1
            ? items[0].headline : "\(items.count) alerts: \(items.first?.headline ?? "")"
        return AlertText.line("Martlet: \(words)", max: Limits.alertSubjectCharactersMax)
    }

    package var text: String {
        let texts = items.map { item in
            item.text.split(separator: "\n").map { AlertText.line($0, max: 2_000) }
                .joined(separator: "\n")
        }
        return texts.joined(separator: "\n\n")
            + "\n\n-- \nThe Martlet server \(server), at \(EvidenceText.time(sentAt)).\n"
    }

    var isUrgent: Bool { items.contains { $0.phase == .began } }
}
