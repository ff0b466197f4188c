import Records

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// This machine's own time, as its owner has set it.
enum LocalTime {
    /// 0 for a moment that the machine cannot name.
    @Sendable static func secondsFromUTC(_ time: Timestamp) -> Int64 {
        var (seconds, parts) = (time_t(time.milliseconds / 1_000), tm())
        guard localtime_r(&seconds, &parts) != nil else { return 0 }
        return Int64(parts.tm_gmtoff)
    }
}
