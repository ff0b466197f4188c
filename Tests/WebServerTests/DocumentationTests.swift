import Foundation
import Testing

@Suite struct DocumentationTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The addresses that the sources register, such as `/blobs/have`.
    private static func registered() throws -> Set<String> {
        let folder = root.appendingPathComponent("Sources/Server/WebServer").path
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder)
        var paths: Set<String> = []
        for name in names where name.hasSuffix("Routes.swift") {
            let text = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
            for match in text.matches(of: /\.on\(\s*"([a-z{][^"]*)"/) {
                paths.insert("/" + match.output.1)
            }
        }
        return paths
    }

    @Test func `every address of the API stands in its document, and no other`() throws {
        let document = try String(
            contentsOf: Self.root.appendingPathComponent("Documentation/http-api.yaml"),
            encoding: .utf8)
        let described = Set(
            document.matches(of: /(?m)^  (\/[^:\n]*):$/).map { String($0.output.1) })
        // The sign-in's path stands in a constant.
        let registered = try Self.registered().union(["/sessions/{device}"])
        #expect(registered.count > 20)
        #expect(registered.subtracting(described).sorted() == [])
        #expect(described.subtracting(registered).sorted() == [])
    }
}
