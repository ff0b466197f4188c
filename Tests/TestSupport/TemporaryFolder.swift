#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A folder of one test's own, removed when the last reference to it goes.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws {
        path = FileManager.default.temporaryDirectory.path + "/martlet-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Unlike that of any other.
    package var name: String { path.split(separator: "/").last.map(String.init) ?? "" }

    package func file(_ name: String) -> String { path + "/" + name }

    package func copy(_ name: String, to other: String) throws {
        try FileManager.default.copyItem(atPath: file(name), toPath: file(other))
    }

    /// Puts a copy of `other` in the place of `name`.
    package func replace(_ name: String, by other: String) throws {
        try FileManager.default.removeItem(atPath: file(name))
        try copy(other, to: name)
    }
}
