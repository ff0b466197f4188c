#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A server's base address, without a slash at its end; validated here, trusted behind this edge.
package struct ServerAddress: Hashable, Sendable {
    package let text: String

    /// Takes `https://HOST[:PORT][/PATH]` or `http://…`; without a scheme it is https, and http for
    /// this machine itself.
    package init(parsing text: String) throws(AgentError) {
        var candidate = text
        while candidate.hasSuffix("/"), !candidate.hasSuffix("://") { candidate.removeLast() }
        if !candidate.contains("://") {
            candidate = (Self.isThisMachine(candidate) ? "http://" : "https://") + candidate
        }
        guard let url = URL(string: candidate), let scheme = url.scheme?.lowercased(),
            scheme == "http" || scheme == "https", let host = url.host, !host.isEmpty,
            url.query == nil, url.fragment == nil, url.user == nil
        else {
            throw AgentError(
                .invalidConfiguration,
                "“\(text)” is no server's address: use one like https://photos.example.org.")
        }
        self.text = candidate
    }

    /// Its name or address, without the brackets of IPv6.
    var host: String {
        let host = URL(string: text)?.host ?? ""
        return host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    }

    var port: Int {
        let url = URL(string: text)
        return url?.port ?? (url?.scheme?.lowercased() == "http" ? 80 : 443)
    }

    private static func isThisMachine(_ text: String) -> Bool {
        let host = text.split(whereSeparator: { $0 == ":" || $0 == "/" }).first ?? ""
        return host == "localhost" || host.hasPrefix("127.") || text.hasPrefix("[::1]")
    }
}
