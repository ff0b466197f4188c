import Status
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

struct ReasonDocumentTests {
    @Test func `the document says what the table says`() throws {
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let data = try Data(contentsOf: root.appendingPathComponent("Documentation/reasons.md"))
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
        for rule in ReasonTable.rules {
            let row = lines.first { $0.hasPrefix("| \(rule.code.rawValue) |") }
            let parts = [rule.message, rule.clearsWhen, rule.state.rawValue, rule.fix ?? "-"]
            #expect(
                parts.allSatisfy { row?.contains($0) ?? false },
                "Documentation/reasons.md is behind the table at \(rule.code).")
        }
    }
}
