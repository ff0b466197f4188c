import Records
import SyncEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

package enum FreeSpace {
    /// What is free where `path` lies, or what MARTLET_CONDITIONS says instead; `nil`: unknown.
    package static func byteCount(at path: String, environment: [String: String]) -> Int64? {
        var conditions = Conditions()
        DiskSpaceSource(path: path).observe(&conditions, probesServer: false)
        if let file = environment["MARTLET_CONDITIONS"],
            let data = try? Data(contentsOf: URL(fileURLWithPath: file)),
            let said = ConditionsFile(data)
        {
            said.override(&conditions, changedAt: Timestamp(milliseconds: 0))
        }
        return conditions.freeByteCount
    }
}
