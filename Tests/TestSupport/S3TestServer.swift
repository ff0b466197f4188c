import Foundation
import Synchronization

/// An S3 store on loopback, one for all tests of this process; it ends with it, however that ends.
///
/// moto (`Tests/s3-server.py`), which fails on demand; with MARTLET_TEST_S3=swift OpenStack Swift
/// (`Tests/swift-store.py`), which is one that people use.
package final class S3TestServer: Sendable {
    package var endpoint: String { script.greeting.endpoint }
    package var bucket: String { script.greeting.bucket }
    package var accessKey: String { script.greeting.accessKey }
    package var secretKey: String { script.greeting.secretKey }
    package var region: String { script.greeting.region }
    private let script: ScriptProcess<Greeting>

    private static let running = Mutex<S3TestServer?>(nil)

    /// Started when it is first asked for.
    package static func shared() throws -> S3TestServer {
        try running.withLock { server in
            if let server { return server }
            let new = try S3TestServer()
            server = new
            return new
        }
    }

    private struct Greeting: Decodable, Sendable {
        let endpoint: String
        let bucket: String
        let region: String
        let accessKey: String
        let secretKey: String
    }

    package static let isSwift =
        ProcessInfo.processInfo.environment["MARTLET_TEST_S3"] == "swift"

    private init() throws {
        script =
            Self.isSwift
            ? try ScriptProcess("swift-store.py", python: "/usr/bin/python3")
            : try ScriptProcess("s3-server.py")
    }

    /// What `serve --blobs s3://…` finds in its environment.
    package var environment: [String: String] {
        [
            "AWS_ACCESS_KEY_ID": accessKey, "AWS_SECRET_ACCESS_KEY": secretKey,
            "AWS_REGION": region, "AWS_ENDPOINT_URL_S3": endpoint,
        ]
    }

    /// A place of one test's own in the bucket.
    package func place(_ prefix: String) -> String { "s3://\(bucket)/\(prefix)" }

    /// Puts other bytes in the place of an object, as another program than Martlet.
    package func put(_ bytes: [UInt8], at name: String) throws {
        let sender = Process()
        sender.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        sender.arguments = [
            "curl", "-sS", "--fail", "--aws-sigv4", "aws:amz:\(region):s3", "--user",
            "\(accessKey):\(secretKey)", "-X", "PUT", "--data-binary", "@-", "-H",
            "Content-Type: application/octet-stream",
            "\(endpoint)/\(bucket)/\(name)",
        ]
        let input = Pipe()
        sender.standardInput = input
        try sender.run()
        try input.fileHandleForWriting.write(contentsOf: bytes)
        try input.fileHandleForWriting.close()
        sender.waitUntilExit()
        guard sender.terminationStatus == 0 else {
            throw S3TestServerFailure(text: "The object \(name) cannot be replaced.")
        }
    }

    /// Makes the store misbehave for requests whose address holds all of these texts, in place of
    /// what was set before.
    package func set(_ faults: [S3Fault]) async throws {
        guard let url = URL(string: endpoint + "/__faults") else { return }
        let body = try JSONEncoder().encode(faults)
        // Loopback, and a few hundred bytes.
        try await Task.detached {
            let sender = Process()
            sender.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            sender.arguments = [
                "curl", "-sS", "--fail", "-X", "POST", "--data-binary", "@-", url.absoluteString,
            ]
            let input = Pipe()
            sender.standardInput = input
            try sender.run()
            try input.fileHandleForWriting.write(contentsOf: body)
            try input.fileHandleForWriting.close()
            sender.waitUntilExit()
            guard sender.terminationStatus == 0 else {
                throw S3TestServerFailure(text: "The faults cannot be set.")
            }
        }.value
    }
}

package struct S3TestServerFailure: Error {
    let text: String
}

/// Something that goes wrong at the store: see `Tests/s3-server.py`.
package struct S3Fault: Encodable, Sendable {
    package enum Kind: String, Encodable, Sendable, CaseIterable {
        case error, garbage, delay, cutBefore, cutAfter, truncate
    }

    var kind: Kind
    var contains: [String]
    var count: Int
    var skip: Int
    var status: Int
    var code: String
    var seconds: Double
    var retryAfter: Int?

    package init(
        _ kind: Kind, _ contains: [String], count: Int = 1, skip: Int = 0, status: Int = 500,
        code: String = "InternalError", seconds: Double = 1, retryAfter: Int? = nil
    ) {
        self.kind = kind
        self.contains = contains
        self.count = count
        self.skip = skip
        self.status = status
        self.code = code
        self.seconds = seconds
        self.retryAfter = retryAfter
    }

    /// One more text that an address must hold.
    package mutating func add(_ text: String) { contains.append(text) }
}
