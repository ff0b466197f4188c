#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

enum ProcessIdentity {
    static var number: Int32 { getpid() }
}
