#if os(Linux)
import Records

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Tells when the kernel's links, addresses or routes change (rtnetlink(7)), so that a cable that is
/// plugged in is noticed at once.
final class RouteWatcher: Sendable {
    private static let routeFamily: Int32 = 0
    /// Links, and addresses and routes of both families.
    private static let groups: UInt32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400

    private let loop: ReadLoop

    /// `nil` when the system gives no such socket.
    init?(changed: @escaping @Sendable () -> Void) {
        let kind = Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let number = socket(
            AF_NETLINK, kind | Int32(SOCK_NONBLOCK.rawValue), Self.routeFamily)
        guard number >= 0 else { return nil }
        let descriptor = Descriptor(number)
        // sockaddr_nl: family, padding, process (0: the kernel chooses), groups.
        var address = [UInt32(AF_NETLINK), 0, Self.groups]
        let isBound = address.withUnsafeMutableBytes { buffer in
            guard let start = buffer.baseAddress else { return false }
            return bind(
                descriptor.number, start.assumingMemoryBound(to: sockaddr.self),
                socklen_t(buffer.count)) == 0
        }
        guard isBound else { return nil }
        let made = ReadLoop(descriptor, label: "martlet.routes") {
            var buffer = [UInt8](repeating: 0, count: 16 << 10)
            while buffer.withUnsafeMutableBytes({
                recv(descriptor.number, $0.baseAddress, $0.count, 0)
            }) > 0 {}
            changed()
        }
        guard let made else { return nil }
        loop = made
    }

    func stop() { loop.stop() }
}
#endif
