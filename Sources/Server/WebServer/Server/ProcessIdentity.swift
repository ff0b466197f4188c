import Records

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

enum ProcessIdentity {
    static var number: Int32 { getpid() }

    /// Tells this process from every other, also from one of another container with the same name
    /// and number.
    static let name: String = {
        var generator = SystemRandomNumberGenerator()
        let random = Hexadecimal.encode(Hexadecimal.bytes(of: generator.next()))
        return "\(place)-\(random)"
    }()

    private static var place: String {
        var host = [CChar](repeating: 0, count: 256)
        guard gethostname(&host, host.count - 1) == 0 else { return "\(number)" }
        let bytes = host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return "\(String(decoding: bytes, as: UTF8.self))-\(number)"
    }
}
