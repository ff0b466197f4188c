import Foundation

/// A script of `Tests/` that serves on loopback: it greets with a line of JSON once it does, and ends
/// when its input ends, so with the process that started it, however that ends.
final class ScriptProcess<Greeting: Decodable & Sendable>: Sendable {
    struct Failure: Error {
        let text: String
    }

    let greeting: Greeting
    private let process: Process
    private let input: Pipe

    /// - Parameters:
    ///   - script: Its name in `Tests/`.
    ///   - python: What runs it; by default the one that `script/bootstrap test` makes.
    init(_ script: String, python: String? = nil) throws {
        let tests = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent()
        let build =
            ProcessInfo.processInfo.environment["MARTLET_BUILD"]
            ?? tests.deletingLastPathComponent().path + "/.build"
        process = Process()
        process.executableURL = URL(fileURLWithPath: python ?? build + "/python/bin/python")
        process.arguments = [tests.path + "/" + script]
        input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var line = Data()
        while line.last != UInt8(ascii: "\n") {
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else {
                throw Failure(text: "\(script) does not start: run script/bootstrap test.")
            }
            line += more
        }
        greeting = try JSONDecoder().decode(Greeting.self, from: line)
    }

    func end() { try? input.fileHandleForWriting.close() }
}
