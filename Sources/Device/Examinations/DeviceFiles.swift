import Agent
import SyncEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What the system says of files, without opening any.
enum DeviceFiles {
    /// The database waits for its next use to be brought up to date.
    static func isOlder(_ error: AgentError) -> Bool {
        (error.cause as? RowsError)?.cause == "it is of an older Martlet"
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// 0 where nothing is.
    static func byteCount(_ path: String) -> Int64 {
        var information = stat()
        return stat(path, &information) == 0 ? Int64(information.st_size) : 0
    }

    /// A folder itself, no link to one.
    static func isFolder(_ path: String) -> Bool {
        var information = stat()
        return lstat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR
    }

    /// In their order; none where there is no folder.
    static func names(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }
}
