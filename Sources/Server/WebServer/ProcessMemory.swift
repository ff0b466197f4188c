import CMartlet

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

enum ProcessMemory {
    /// Call once, before the server starts.
    static func keepLittle() { martlet_keep_little_memory() }

    /// Takes some milliseconds.
    static func giveBack() { martlet_give_memory_back() }

    /// The memory that this process has in RAM; `nil` where the system does not say.
    static func residentByteCount() -> Int64? {
        #if os(Linux)
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else {
            return nil
        }
        let fields = text.split(separator: " ")
        guard fields.count > 1, let pages = Int64(fields[1]) else { return nil }
        return pages * 4_096
        #else
        return nil
        #endif
    }
}
