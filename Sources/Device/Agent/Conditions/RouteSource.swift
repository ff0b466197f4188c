import Records
import SyncEngine
import Synchronization

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

/// The way to the server: whether its name is known, whether the kernel has a route to it, and which
/// interface that takes.
///
/// A datagram socket that is connected asks the kernel for the route and sends nothing.
final class RouteSource: ConditionsSource {
    private struct State {
        var address: SocketAddress?
        var resolvedAt: Int64 = 0
        var failure: String?
    }

    private let host: String
    private let port: Int
    private let sys: String
    private let now: @Sendable () -> Moment
    private let state = Mutex(State())

    init(
        host: String, port: Int, sys: String = "/sys", now: @escaping @Sendable () -> Moment
    ) {
        self.host = host
        self.port = port
        self.sys = sys
        self.now = now
    }

    func observe(_ conditions: inout Conditions, probesServer: Bool) {
        guard let address = address(resolvesAgain: probesServer) else {
            let cause = state.withLock { $0.failure }
            conditions.network.route = .missing(cause: cause ?? "the server's name is not known")
            return
        }
        switch address.route() {
        case .failure(let cause): conditions.network.route = .missing(cause: cause.text)
        case .success(let interface):
            if let interface, isTunnel(interface) { conditions.network.tunnel = interface }
        }
    }

    /// The last known address serves as long as it is reached: names are asked for anew while the
    /// server isn't, and every few minutes.
    private func address(resolvesAgain: Bool) -> SocketAddress? {
        let uptime = now().uptime
        let known = state.withLock { $0 }
        let age = uptime - known.resolvedAt
        let isFresh =
            age < (resolvesAgain ? Limits.conditionsIdleMilliseconds : Limits.resolveMilliseconds)
        if let address = known.address, isFresh { return address }
        switch SocketAddress.resolve(host, port: port) {
        case .success(let address):
            state.withLock { $0 = State(address: address, resolvedAt: uptime) }
            return address
        case .failure(let cause):
            state.withLock { $0 = State(failure: cause.text) }
            return nil
        }
    }

    /// By the kind of its link: PPP, tunnels of IP in IP, and those without any link of their own
    /// (tun, WireGuard).
    private func isTunnel(_ interface: String) -> Bool {
        let folder = "\(sys)/class/net/\(interface)/"
        func number(_ name: String) -> Int? {
            FileManager.default.contents(atPath: folder + name).flatMap {
                Int(String(decoding: $0, as: UTF8.self).filter { !$0.isWhitespace })
            }
        }
        guard let kind = number("type") else { return false }
        return [512, 768, 769, 776, 778, 65_534].contains(kind)
    }
}

/// The system's words for what has no route.
private struct NoRoute: Error {
    let text: String
}

/// An address as the system's calls take it.
private struct SocketAddress: Sendable {
    let bytes: [UInt8]
    let family: Int32

    /// Waits for the system's resolver.
    static func resolve(_ host: String, port: Int) -> Result<SocketAddress, NoRoute> {
        var hints = addrinfo()
        #if os(Linux)
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        #else
        hints.ai_socktype = SOCK_DGRAM
        #endif
        var found: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &found)
        defer { if let found { freeaddrinfo(found) } }
        guard result == 0, let first = found?.pointee, let address = first.ai_addr else {
            return .failure(NoRoute(text: "the name \(host) cannot be found"))
        }
        let bytes = UnsafeRawBufferPointer(start: address, count: Int(first.ai_addrlen))
        return .success(SocketAddress(bytes: Array(bytes), family: first.ai_family))
    }

    /// The name of the interface that the way there takes; `nil`: it has no name.
    func route() -> Result<String?, NoRoute> {
        #if os(Linux)
        let number = socket(family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        #else
        let number = socket(family, SOCK_DGRAM, 0)
        #endif
        guard number >= 0 else { return .success(nil) }
        let descriptor = Descriptor(number)
        let isConnected = withAddress(bytes) { connect(descriptor.number, $0, $1) == 0 }
        guard isConnected else {
            let isMissing = [ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL, ENETDOWN].contains(errno)
            return isMissing ? .failure(NoRoute(text: "there is no route")) : .success(nil)
        }
        var own = [UInt8](repeating: 0, count: 128)
        var count = socklen_t(own.count)
        let isNamed = own.withUnsafeMutableBytes { buffer in
            guard let start = buffer.baseAddress else { return false }
            return getsockname(
                descriptor.number, start.assumingMemoryBound(to: sockaddr.self), &count) == 0
        }
        return .success(isNamed ? Self.interface(of: own, family: family) : nil)
    }

    private static func interface(of address: [UInt8], family: Int32) -> String? {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return nil }
        defer { freeifaddrs(list) }
        var next = list
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard let own = entry.ifa_addr, Int32(own.pointee.sa_family) == family else {
                continue
            }
            // Behind family and port (and, with IPv6, the flow): the address itself.
            let range = family == AF_INET ? 4..<8 : 8..<24
            let bytes = UnsafeRawBufferPointer(start: own, count: range.upperBound)
            if bytes[range].elementsEqual(address[range]) { return String(cString: entry.ifa_name) }
        }
        return nil
    }
}

private func withAddress(
    _ bytes: [UInt8], _ body: (UnsafePointer<sockaddr>, socklen_t) -> Bool
) -> Bool {
    bytes.withUnsafeBytes { buffer in
        guard let start = buffer.baseAddress else { return false }
        return body(start.assumingMemoryBound(to: sockaddr.self), socklen_t(buffer.count))
    }
}
