import Foundation
import Status
import Testing

/// Documentation/troubleshooting.md has the program's own texts: one source for both.
///
/// Its tables stand between marks. Run with MARTLET_REGENERATE=1 to write them anew.
struct TroubleshootingDocumentTests {
    private static let path = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Documentation/troubleshooting.md")

    @Test func `the document's tables are the program's`() throws {
        let document = try String(contentsOf: Self.path, encoding: .utf8)
        var expected = document
        expected = try Self.put(Self.findings, into: expected, at: "findings")
        expected = try Self.put(Self.remedies, into: expected, at: "remedies")
        if ProcessInfo.processInfo.environment["MARTLET_REGENERATE"] != nil {
            try expected.write(to: Self.path, atomically: true, encoding: .utf8)
        }
        #expect(
            document == expected,
            "Run it with MARTLET_REGENERATE=1: the program's texts have changed.")
    }

    private static func put(
        _ text: String, into document: String, at mark: String
    ) throws -> String {
        let start = try #require(document.range(of: "<!-- \(mark) -->\n"))
        let end = try #require(document.range(of: "<!-- /\(mark) -->"))
        return document[..<start.upperBound] + text + document[end.lowerBound...]
    }

    private static var findings: String {
        var text =
            "| finding | kind | says | what to do | `--fix` |\n| --- | --- | --- | --- | --- |\n"
        for rule in FindingTable.rules {
            let remedy = rule.remedy.map { "[\($0.rawValue)](#remedies)" } ?? "-"
            text +=
                "| \(rule.code.rawValue) | \(rule.severity.rawValue) | \(rule.message) "
                + "| \(rule.advice ?? "-") | \(remedy) |\n"
        }
        return text
    }

    private static var remedies: String {
        var text =
            "| rung | remedy | what it does | best for | ease | time | risk | undo | by |\n"
            + "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        for rule in RemedyTable.rules {
            let fix =
                rule.code == .mendServer ? "martlet doctor --server --fix" : "martlet doctor --fix"
            text +=
                "| \(rule.rung) | \(rule.code.rawValue): \(rule.title) | \(rule.action) "
                + "| \(rule.bestFor) | \(rule.ease) | \(rule.time) | \(rule.risk.rawValue) "
                + "| \(rule.undo) | `\(rule.command ?? fix)` |\n"
        }
        return text
    }
}
