#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What MARTLET_SERVER_CONDITIONS names: a JSON file that makes the server slow, for tests
/// (Documentation/operations.md).
package struct ServerConditions: Hashable, Sendable, Decodable {
    /// By service: so much longer each of its answers and probes takes.
    private var delayMilliseconds: [String: Int64]?
    /// In the place of the 5 minutes that are looked at.
    private(set) var windowMilliseconds: Int64?

    package init() {}

    /// `nil` when it is not JSON of this form: it is then as if it were empty.
    init?(_ data: Data) {
        guard let file = try? JSONDecoder().decode(Self.self, from: data) else { return nil }
        self = file
    }

    /// Blocks.
    package static func read(_ path: String) -> ServerConditions {
        FileManager.default.contents(atPath: path).flatMap { ServerConditions($0) }
            ?? ServerConditions()
    }

    func delay(of service: MonitoredService) -> Duration? {
        delayMilliseconds?[service.rawValue].map { .milliseconds(min(max($0, 0), 60_000)) }
    }
}
