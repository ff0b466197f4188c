import Records
import Status

/// What a sync shows: one live line on a terminal, a plain line now and then elsewhere.
struct ProgressDisplay {
    private let isTerminal: Bool
    private let isQuiet: Bool
    private var last = ""
    private var lastPlainAt: Int64 = .min

    init(isTerminal: Bool, isQuiet: Bool) {
        self.isTerminal = isTerminal
        self.isQuiet = isQuiet
    }

    /// `uptime` in milliseconds.
    mutating func show(_ status: LibraryStatus, uptime: Int64) {
        guard !isQuiet else { return }
        let text = Self.text(of: status)
        guard text != last else { return }
        if isTerminal {
            Output.raw("\r\u{1B}[K" + EscapedText.line(text))
        } else {
            guard lastPlainAt == .min || uptime - lastPlainAt >= Limits.plainProgressMilliseconds
            else { return }
            Output.line(text)
            lastPlainAt = uptime
        }
        last = text
    }

    /// Makes room for lines that stay.
    mutating func clear() {
        if isTerminal && !last.isEmpty && !isQuiet { Output.raw("\r\u{1B}[K") }
        last = ""
    }

    static func text(of status: LibraryStatus) -> String {
        let (counts, bytes) = (status.counts, status.bytes)
        var parts = [
            "\(word(for: status.state)): \(counts.inSync) of \(EvidenceText.items(counts.items))"
        ]
        let (moved, left) = (bytes.uploaded + bytes.downloaded, bytes.toUpload + bytes.toDownload)
        if left > 0 {
            parts.append("\(EvidenceText.bytes(moved)) of \(EvidenceText.bytes(moved + left))")
        } else if moved > 0 {
            parts.append(EvidenceText.bytes(moved))
        }
        if bytes.perSecond > 0 && left > 0 {
            parts.append("\(EvidenceText.bytes(bytes.perSecond))/s")
        }
        if let seconds = status.secondsLeft, left > 0 {
            parts.append("\(EvidenceText.duration(seconds: seconds)) left")
        }
        if let reason = status.reasons.first, status.state.rank >= LibraryState.waiting.rank {
            parts.append(reason.message)
        }
        return parts.joined(separator: ", ")
    }

    static func word(for state: LibraryState) -> String {
        switch state {
        case .upToDate: "Up to date"
        case .updating: "Updating"
        case .syncing: "Syncing"
        case .downloading: "Downloading"
        case .uploading: "Uploading"
        case .waiting: "Waiting"
        case .paused: "Paused"
        case .attention: "Needs attention"
        }
    }
}

/// A status as people read it, line by line.
enum StatusText {
    static func lines(_ status: LibraryStatus) -> [String] {
        var lines = [ProgressDisplay.text(of: status)]
        let counts = status.counts
        let parts = [
            ("only here", counts.onlyHere), ("only in the cloud", counts.onlyInCloud),
            ("waiting", counts.waiting), ("uploading", counts.uploading),
            ("downloading", counts.downloading), ("failed", counts.failed), ("held", counts.held),
        ].filter { $0.1 > 0 }
        if !parts.isEmpty {
            lines.append("  " + parts.map { "\($0.1) \($0.0)" }.joined(separator: ", "))
        }
        for reason in status.reasons {
            lines.append("  \(reason.message) It clears when \(reason.clearsWhen).")
            if let fix = reason.fix { lines.append("    \(fix)") }
        }
        return lines
    }
}
