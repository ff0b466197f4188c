#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The `martlet` that was built with the tests, for those that start it.
package enum BuiltProgram {
    /// MARTLET_EXECUTABLE, else beside the test bundle, else in the release folder.
    package static var path: String {
        if let path = ProcessInfo.processInfo.environment["MARTLET_EXECUTABLE"] { return path }
        let bundle = URL(fileURLWithPath: CommandLine.arguments.first ?? "")
        let beside = bundle.deletingLastPathComponent().appendingPathComponent("martlet").path
        if FileManager.default.isExecutableFile(atPath: beside) { return beside }
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return root.path + "/.build/release/martlet"
    }
}
