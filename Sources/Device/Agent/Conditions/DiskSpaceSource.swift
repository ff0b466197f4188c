import Records
import SyncEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Free space where the library lies, as statvfs(3) says it for ordinary users.
struct DiskSpaceSource: ConditionsSource {
    let path: String

    func observe(_ conditions: inout Conditions, probesServer: Bool) {
        var space = statvfs()
        guard statvfs(path, &space) == 0 else { return }
        conditions.freeByteCount = Int64(clamping: UInt64(space.f_bavail) * UInt64(space.f_frsize))
    }
}
