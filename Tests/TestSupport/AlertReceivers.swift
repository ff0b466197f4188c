import Foundation

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

    private struct Greeting: Decodable, Sendable {
        let ports: [String: Int]
        let trust: String
    }

    /// Certificates to trust, PEM.
    package var trust: String { script.greeting.trust }
    private let script: ScriptProcess<Greeting>

    package init() throws { script = try ScriptProcess("alert-receivers.py") }

    deinit { script.end() }

    /// Of `starttls`, `tls`, `plain`, `http`, `https`, `mute` (never says a word) or `nobody`.
    package func port(_ name: String) -> Int { script.greeting.ports[name] ?? 0 }

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
