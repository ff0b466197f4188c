import Foundation
import Testing

/// What a reviewer would have to look for otherwise (Documentation/contributing rules).
@Suite struct TidyTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static func sources(_ folders: [String]) -> [(name: String, lines: [Substring])] {
        folders.flatMap { folder -> [(String, [Substring])] in
            let base = root.appendingPathComponent(folder).path
            let names =
                FileManager.default.enumerator(atPath: base)?.compactMap { $0 as? String } ?? []
            return names.sorted().filter { $0.hasSuffix(".swift") }.compactMap { name in
                guard let text = try? String(contentsOfFile: base + "/" + name, encoding: .utf8)
                else { return nil }
                return (
                    "\(folder)/\(name)",
                    text.split(separator: "\n", omittingEmptySubsequences: false)
                )
            }
        }
    }

    @Test func `there are sources to look at`() {
        #expect(Self.sources(["Sources"]).count > 50)
    }

    @Test func `no file is longer than a newcomer wants to read`() {
        for source in Self.sources(["Sources", "Tests"]) {
            #expect(source.lines.count <= 800, "\(source.name) has \(source.lines.count) lines")
        }
    }

    @Test func `nothing is forced, trapped on or left for later`() {
        let forbidden = [
            "try!", "as!", "fatalError(", "nonisolated(unsafe)", "TO" + "DO", "FIX" + "ME",
        ]
        for source in Self.sources(["Sources"]) {
            for (number, line) in source.lines.enumerated() {
                for word in forbidden where line.contains(word) {
                    Issue.record("\(source.name):\(number + 1) has \(word)")
                }
            }
        }
    }

    @Test func `unchecked sendability says why it is true`() {
        for source in Self.sources(["Sources"]) {
            for (number, line) in source.lines.enumerated()
            where line.contains("@unchecked Sendable") {
                let before = source.lines[max(0, number - 6)..<number]
                #expect(
                    before.contains { $0.contains("//") },
                    "\(source.name):\(number + 1) needs a comment that proves it")
            }
        }
    }

    /// Time, randomness and waiting come in through seams; these are the seams' own files.
    @Test func `rules know no clock, no chance and no waiting`() {
        let pure = [
            "Sources/Shared", "Sources/Device/SyncEngine", "Sources/Server/Kernel",
            "Sources/Simulation",
        ]
        let forbidden = [
            "Date()", ".random(", "Task.sleep", "SystemRandomNumberGenerator", "ContinuousClock()",
        ]
        for source in Self.sources(pure) {
            for (number, line) in source.lines.enumerated() {
                for word in forbidden where line.contains(word) {
                    Issue.record("\(source.name):\(number + 1) has \(word)")
                }
            }
        }
    }

    @Test func `every command of the design stands in the command line's document`() throws {
        let document = try String(
            contentsOf: Self.root.appendingPathComponent("Documentation/command-line.md"),
            encoding: .utf8)
        for command in [
            "serve", "account add", "login", "sync", "status", "devices", "photos import",
            "photos source", "photos list", "photos export", "logout", "services on|off",
            "library move", "doctor", "doctor undo",
        ] {
            #expect(document.contains(command), "Documentation/command-line.md lacks \(command)")
        }
    }
}
