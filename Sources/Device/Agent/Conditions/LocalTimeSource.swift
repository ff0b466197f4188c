import Records
import SyncEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How far local time is ahead of UTC.
struct LocalTimeSource: ConditionsSource {
    func observe(_ conditions: inout Conditions, probesServer: Bool) {
        var (now, local) = (time(nil), tm())
        guard localtime_r(&now, &local) != nil else { return }
        conditions.localOffsetSeconds = Int64(local.tm_gmtoff)
    }
}
