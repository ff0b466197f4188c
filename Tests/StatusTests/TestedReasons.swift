#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The reasons that tests cause, by their calls of `expectReason` in the sources of the tests.
struct TestedReasons {
    private(set) var codes: Set<String> = []
    /// Calls whose code or evidence is not written in them, by file.
    private(set) var unreadable: [String] = []

    private static let name = "expectReason("

    static func read() throws -> TestedReasons {
        let folder = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent()
        var reasons = TestedReasons()
        for module in try FileManager.default.contentsOfDirectory(atPath: folder.path)
        where module.hasSuffix("Tests") {
            let path = folder.appendingPathComponent(module).path
            for file in try FileManager.default.contentsOfDirectory(atPath: path)
            where file.hasSuffix(".swift")
                && module + "/" + file != "StatusTests/TestedReasons.swift"
            {
                let data = try Data(contentsOf: URL(fileURLWithPath: path + "/" + file))
                reasons.read(String(decoding: data, as: UTF8.self), of: module + "/" + file)
            }
        }
        return reasons
    }

    private mutating func read(_ source: String, of file: String) {
        let code = source.split(separator: "\n")
            .filter { !$0.drop(while: { $0 == " " }).hasPrefix("//") }
            .joined(separator: "\n")
        for call in code.split(separator: Self.name, omittingEmptySubsequences: false).dropFirst() {
            let arguments = call.drop { $0 == " " || $0 == "\n" }
            // The helper's own declaration, and calls for one of several.
            guard arguments.first == "\"" || arguments.first == "." else { continue }
            let name = arguments.dropFirst().prefix { $0.isLetter }
            let rest = arguments.dropFirst(name.count + 1).drop { $0 == "\"" }
            // Evidence stands before the cause.
            let isSaid = rest.prefix { $0 != "{" }.contains("saying:")
            if !name.isEmpty, rest.first == ",", isSaid {
                codes.insert(String(name))
            } else {
                unreadable.append("\(file): \(arguments.prefix(40))")
            }
        }
    }
}
