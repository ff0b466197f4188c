import Operations
import Records
import Status

/// The page at `/status`: each service, since when it is as it is, and its last 90 days.
///
/// Plain HTML that the server writes: it works without scripts, and when nothing else does.
struct StatusPage {
    private static let changesMax = 10

    let text: String

    init(_ status: SystemStatus) {
        let worst = status.services.map(\.health).max { $0.badness < $1.badness } ?? .available
        text = """
            <!doctype html>
            <html lang="en">
            <head>
                <meta charset="utf-8">
                <title>\(worst.headline) · Martlet</title>
                <meta name="viewport" content="width=device-width, initial-scale=1">
                <meta name="color-scheme" content="light dark">
                <meta name="referrer" content="no-referrer">
                <meta http-equiv="refresh" content="30">
                <link rel="icon" href="/icon.svg" type="image/svg+xml">
                <link rel="stylesheet" href="/app.css">
                <link rel="stylesheet" href="/status.css">
            </head>
            <body class="status-page">
                <header>
                    <img src="/icon.svg" alt="" width="40" height="40">
                    <h1>System status</h1>
                </header>
                <main>
                    <p class="overall \(worst.rawValue)">\(worst.headline)</p>
            \(Self.maintenance(status.maintenance))
            \(status.services.map { Self.section($0, at: status.time) }.joined(separator: "\n"))
            \(Self.scrub(status.scrub))
            \(Self.backups(status.backups))
                </main>
                <footer class="quiet">
                    As of \(EvidenceText.time(status.time)), measured by the server itself.
                    Days are those of UTC. <a href="/">To the photos</a>
                </footer>
            </body>
            </html>

            """
    }

    private static func maintenance(_ maintenance: Maintenance?) -> String {
        guard let maintenance else { return "" }
        let words = maintenance.message.map { "<p>\(escape($0))</p>" } ?? ""
        return """
                    <div class="maintenance-notice">
                        <p>Under maintenance since \(EvidenceText.time(maintenance.since)), until
                        <strong>\(EvidenceText.time(maintenance.until))</strong>. Pictures can be
                        looked at; nothing is taken in meanwhile, and devices go on by themselves.</p>
                        \(words)
                    </div>
            """
    }

    private static func scrub(_ scrub: ScrubState?) -> String {
        guard let scrub else { return "" }
        let last =
            scrub.endedAt.map { "Last read back as a whole on \(EvidenceText.time($0))." }
            ?? "Not read back as a whole yet."
        let now = scrub.percent.map { " A pass is under way: \($0) %." } ?? ""
        let doubt = scrub.doubt == nil ? "" : " <strong>Its disk must be looked at.</strong>"
        return """
                    <section>
                        <h2>Stored bytes</h2>
                        <p>\(last)\(now)\(doubt)</p>
                    </section>
            """
    }

    private static func backups(_ backups: SystemStatus.Backups) -> String {
        guard backups != SystemStatus.Backups() else { return "" }
        var sentences = [
            backups.madeAt.map { "The last one is of \(EvidenceText.time($0))." }
                ?? "There is none yet."
        ]
        if let goodAt = backups.proof?.goodAt {
            sentences.append("Proven to restore on \(EvidenceText.time(goodAt)).")
        }
        if let proof = backups.proof, proof.cause != nil {
            sentences.append(
                "<strong>The one of \(EvidenceText.time(proof.madeAt)) does not restore.</strong>")
        }
        if let since = backups.schedule?.failure?.since {
            sentences.append(
                "<strong>The nightly ones have failed since \(EvidenceText.time(since)).</strong>")
        }
        return """
                    <section>
                        <h2>Backups</h2>
                        <p>\(sentences.joined(separator: " "))</p>
                    </section>
            """
    }

    private static func section(
        _ service: SystemStatus.Service, at now: Timestamp
    ) -> String {
        let latency = service.percentile.map {
            " <span class=\"quiet\">19 of 20 answers within "
                + "\(EvidenceText.latency(milliseconds: $0))</span>"
        }
        return """
                    <section>
                        <h2>\(service.service.title)
                            <span class="state \(service.health.rawValue)">\(service.health.word)</span>
                        </h2>
                        <p>Since \(EvidenceText.time(service.since)).\(latency ?? "")</p>
            \(days(service, at: now))
            \(changes(service))
                    </section>
            """
    }

    private static func days(_ service: SystemStatus.Service, at now: Timestamp) -> String {
        let today = HealthDay.number(of: now)
        let known = Dictionary(service.days.map { ($0.day, $0) }) { first, _ in first }
        let numbers = (today - Limits.historyDays + 1)...today
        let bars = numbers.map { number -> String in
            guard let day = known[number] else { return "<li></li>" }
            return "<li class=\"\(day.worst.rawValue)\" title=\"\(day.text): \(day.words)\"></li>"
        }
        let troubled = numbers.compactMap { known[$0] }.filter { $0.worst != .available }
        let summary =
            troubled.isEmpty
            ? "no trouble"
            : troubled.map { "\($0.text): \($0.words)" }.joined(separator: "; ")
        return """
                        <ol class="days" role="img" aria-label="The last 90 days: \(summary)">
                            \(bars.joined())
                        </ol>
                        <p class="scale quiet"><span>90 days ago</span><span>today</span></p>
            """
    }

    private static func changes(_ service: SystemStatus.Service) -> String {
        let shown = service.changes.suffix(changesMax).reversed()
        guard shown.count > 1 else { return "" }
        let rows = shown.map { change in
            "<li><time>\(EvidenceText.time(change.at))</time> "
                + "<span class=\"state \(change.health.rawValue)\">\(change.health.word)</span></li>"
        }
        return """
                        <details>
                            <summary>What changed</summary>
                            <ul class="changes">\(rows.joined())</ul>
                        </details>
            """
    }

    static func escape(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
    }
}

extension ServiceHealth {
    fileprivate var badness: Int {
        switch self {
        case .available: 0
        case .degraded: 1
        case .maintenance: 2
        case .outage: 3
        }
    }

    fileprivate var word: String {
        switch self {
        case .available: "Available"
        case .degraded: "Slower than usual"
        case .outage: "Outage"
        case .maintenance: "Maintenance"
        }
    }

    fileprivate var headline: String {
        switch self {
        case .available: "All services are available"
        case .degraded: "Some answers are slower than usual"
        case .outage: "Something does not work"
        case .maintenance: "The server is under maintenance"
        }
    }
}

extension HealthDay {
    /// What its colour says: trouble of under a minute is none.
    fileprivate var worst: ServiceHealth {
        milliseconds.filter { $0.value >= 60_000 || $0.key == .available }.keys
            .max { $0.badness < $1.badness } ?? .available
    }

    fileprivate var words: String {
        let parts = [ServiceHealth.outage, .degraded, .maintenance].compactMap { health in
            (milliseconds[health] ?? 0) >= 60_000
                ? "\(health.word.lowercased()) for "
                    + EvidenceText.duration(seconds: (milliseconds[health] ?? 0) / 1_000)
                : nil
        }
        return parts.isEmpty ? "no trouble" : parts.joined(separator: ", ")
    }
}
