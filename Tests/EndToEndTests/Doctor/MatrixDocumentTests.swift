import Foundation
import Status
import Testing

/// Documentation/troubleshooting.md says which faults are planted, and what becomes of them.
///
/// Run with MARTLET_REGENERATE=1 to write its table anew.
struct MatrixDocumentTests {
    private static let path = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
        .appendingPathComponent("Documentation/troubleshooting.md")
    private static let faults = PlantedFault.everything

    @Test func `the document's table of faults is the matrix`() throws {
        let document = try String(contentsOf: Self.path, encoding: .utf8)
        let start = try #require(document.range(of: "<!-- matrix -->\n"))
        let end = try #require(document.range(of: "<!-- /matrix -->"))
        let expected =
            document[..<start.upperBound] + Self.table + document[end.lowerBound...]
        if ProcessInfo.processInfo.environment["MARTLET_REGENERATE"] != nil {
            try expected.write(to: Self.path, atomically: true, encoding: .utf8)
        }
        #expect(
            document == expected, "Run it with MARTLET_REGENERATE=1: the matrix has changed.")
    }

    @Test func `faults have names of their own, and findings and remedies that exist`() {
        #expect(Set(Self.faults.map(\.name)).count == Self.faults.count)
        for fault in Self.faults {
            let isKnown =
                FindingTable.rule(of: FindingCode(rawValue: fault.finding)) != nil
                || ReasonTable.rule(of: ReasonCode(rawValue: fault.finding)) != nil
            #expect(isKnown, "\(fault): \(fault.finding)")
            for remedy in [fault.remedy, fault.byHand].compactMap(\.self) {
                #expect(RemedyCode(rawValue: remedy) != nil)
            }
        }
    }

    private static var table: String {
        let mended = faults.filter { $0.remedy != nil }.count
        var text =
            "\(faults.count) faults are planted: the doctor names the cause of each, mends "
            + "\(mended), and leaves \(faults.count - mended) to a person.\n\n"
        text += "| remedy | planted faults that it is for | mended |\n| --- | --- | --- |\n"
        for rule in RemedyTable.rules {
            let code = rule.code.rawValue
            let count = faults.filter { $0.remedy == code || $0.byHand == code }.count
            let measured = count > 0 ? "\(count)" : "not measured"
            text += "| \(code) | \(count) | \(measured) |\n"
        }
        text += "\n| fault | named as | mended by |\n| --- | --- | --- |\n"
        for fault in faults {
            let person = fault.byHand.map { "a person: \($0)" } ?? "a person"
            text += "| \(fault.name) | \(fault.finding) | \(fault.remedy ?? person) |\n"
        }
        return text
    }
}
