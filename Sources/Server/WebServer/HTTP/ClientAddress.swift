import HTTPTypes
package import Hummingbird

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Networks whose word about a client's address is taken: reverse proxies.
package struct TrustedProxies: Sendable {
    private let networks: [Network]

    private struct Network {
        let bytes: [UInt8]
        let bitCount: Int

        func contains(_ address: [UInt8]) -> Bool {
            guard address.count == bytes.count else { return false }
            for index in bytes.indices {
                let bits = min(8, max(0, bitCount - index * 8))
                let mask = UInt8(truncatingIfNeeded: 0xFF00 >> bits)
                if (address[index] ^ bytes[index]) & mask != 0 { return false }
            }
            return true
        }
    }

    package static let none = TrustedProxies(networks: [])

    private init(networks: [Network]) { self.networks = networks }

    /// Reads `ADDRESS` or `ADDRESS/BITS` of IPv4 or IPv6; `nil` for anything else.
    package init?(parsing texts: [String]) {
        var networks: [Network] = []
        for text in texts {
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard let bytes = Self.bytes(of: String(parts[0])), parts.count <= 2 else {
                return nil
            }
            let bits = parts.count == 2 ? Int(parts[1]) : bytes.count * 8
            guard let bits, (0...bytes.count * 8).contains(bits) else { return nil }
            networks.append(Network(bytes: bytes, bitCount: bits))
        }
        self.networks = networks
    }

    /// Who is counted for the limits of sign-in: the last address that no trusted proxy has, and
    /// of IPv6 the network that one household has.
    package func client(of request: Request, peer: String?) -> String {
        guard let peer else { return "unknown" }
        var candidate = peer
        var hops: [String] = request.headers[values: .forwardedFor]
            .flatMap { (value: String) in value.split(separator: ",") }
            .map { hop in hop.filter { $0 != " " } }
        while let bytes = Self.bytes(of: candidate),
            networks.contains(where: { $0.contains(bytes) }), let hop = hops.popLast()
        {
            candidate = hop
        }
        guard let bytes = Self.bytes(of: candidate) else { return peer }
        return bytes.count == 16
            ? bytes.prefix(8).map(String.init).joined(separator: ".") + "/64"
            : candidate
    }

    /// The 4 or 16 bytes of an address; `nil` for what is none.
    private static func bytes(of text: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes.prefix(4)) }
        guard inet_pton(AF_INET6, text, &bytes) == 1 else { return nil }
        // ::ffff:a.b.c.d is an IPv4 client on a socket for both.
        let isMapped =
            bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 255 && bytes[11] == 255
        return isMapped ? Array(bytes.suffix(4)) : bytes
    }
}
