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

/// Which files other processes have open.
enum OpenFiles {
    /// Whether a process other than this one has the file open, as far as this user may know.
    ///
    /// Where the system does not tell it is taken to be so.
    static func isOpenElsewhere(_ path: String, proc: String = "/proc") -> Bool {
        var wanted = stat()
        guard stat(path, &wanted) == 0 else { return false }
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: proc)) ?? []
        guard processes.contains("self") else { return true }
        let own = String(getpid())
        for process in processes where process != own && Int(process) != nil {
            let folder = "\(proc)/\(process)/fd"
            let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            for file in files {
                var found = stat()
                if stat("\(folder)/\(file)", &found) == 0, found.st_ino == wanted.st_ino,
                    found.st_dev == wanted.st_dev
                {
                    return true
                }
            }
        }
        return false
    }
}
