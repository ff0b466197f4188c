import Foundation
import Synchronization

/// A mail server and receivers of alerts by HTTP on loopback (`Tests/alert-receivers.py`), for one
/// test; they end with it, however that ends.
package final class AlertReceivers: Sendable {
    /// Something that was taken.
    package struct Taken: Decodable, Sendable {
        package let via: String
        let headers: [[String]]
        package let body: String

        /// All values of a header, in their order.
        package func header(_ name: String) -> [String] {
            headers.filter { $0.first?.lowercased() == name.lowercased() }.compactMap(\.last)
        }
    }

    package enum Mode: String, Encodable, Sendable {
        case ok, fail, refuse, slow
    }

    private struct Greeting: Decodable {
        let ports: [String: Int]
        let trust: String
    }

    /// Certificates to trust, PEM.
    package let trust: String
    private let ports: [String: Int]
    private let process: Process
    private let input: Pipe

    package init() throws {
        let tests = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent()
        let build =
            ProcessInfo.processInfo.environment["MARTLET_BUILD"]
            ?? tests.deletingLastPathComponent().path + "/.build"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: build + "/python/bin/python")
        process.arguments = [tests.path + "/alert-receivers.py"]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var line = Data()
        while line.last != UInt8(ascii: "\n") {
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else {
                throw AlertReceiversFailure(
                    text: "The mail server for tests does not start: run script/bootstrap test.")
            }
            line += more
        }
        let greeting = try JSONDecoder().decode(Greeting.self, from: line)
        (ports, trust) = (greeting.ports, greeting.trust)
        self.process = process
        self.input = input
    }

    deinit { try? input.fileHandleForWriting.close() }

    /// Of `starttls`, `tls`, `plain`, `http`, `https`, `mute` (never says a word) or `nobody`.
    package func port(_ name: String) -> Int { ports[name] ?? 0 }

    package func taken() throws -> [Taken] {
        try JSONDecoder().decode([Taken].self, from: try curl("/__received", body: nil))
    }

    package func set(http: Mode = .ok, smtp: Mode = .ok) throws {
        let body = try JSONEncoder().encode(["http": http, "smtp": smtp])
        _ = try curl("/__mode", body: body)
    }

    private func curl(_ path: String, body: Data?) throws -> Data {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            ["curl", "-sS", "--fail", "--max-time", "10"]
            + (body == nil ? [] : ["--data-binary", "@-"])
            + ["http://127.0.0.1:\(port("http"))" + path]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        if let body { try input.fileHandleForWriting.write(contentsOf: body) }
        try input.fileHandleForWriting.close()
        let answer = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw AlertReceiversFailure(text: "The receivers of alerts do not answer.")
        }
        return answer
    }
}

package struct AlertReceiversFailure: Error {
    let text: String
}
